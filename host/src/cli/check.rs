//! `mlforge check`: verifies the records and files of a data directory, and repairs what others determine.

mod directory;
mod files;
#[cfg(feature = "s3")]
mod store;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use mlforge::storage::{Commit, ProjectId, Write as RecordWrite};
use mlforge_plugin::error::Error;
use mlforge_plugin::store::inspection::check::{Check, Problem, Repair, Source};

use self::files::{CheckMode, Fault, FileCounts, Files};
use super::place::{Place, RECORDS_FILE};
use super::snapshot::Snapshot;
use super::storage::{FileStoreArgs, OpenRecords};

pub(super) const EXAMPLES: &str = "\
Verifies that the database is whole, that each record is readable, that what it names exists, that lists and orders are
complete, that the columns of searches have the values of their runs, that each file belongs to something, and that it has the size
and SHA-256 with which it was received. Prints one line a problem, and fails if there is one.

Examples:
  mlforge check                      all projects; a server may be running
  mlforge check --project 1
  mlforge check --sizes-only         does not read the bytes of artifacts
  mlforge check --repair             puts right what others determine; for a server that is not running
  mlforge check --database postgres://mlforge@db.example.org/mlforge";

/// Number of repairs of one commit.
const REPAIRS_AT_ONCE: usize = 1_000;
/// Maximum number of repairs of one run. Another run does the rest.
const REPAIRS_MAX: usize = 1_000_000;

/// Options of `mlforge check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Only this project, by number
    #[arg(long, value_name = "NUMBER")]
    project: Option<u64>,

    /// Put right what others determine, and remove parts and spans that belong to nothing
    #[arg(long)]
    repair: bool,

    /// Compare the sizes of artifacts only; --repair still reads those without a digest
    #[arg(long)]
    sizes_only: bool,

    #[command(flatten)]
    files: FileStoreArgs,
}

/// The result for all projects.
#[derive(Default)]
struct Found {
    records: u64,
    files: FileCounts,
    problems: u64,
    repairs: Vec<(ProjectId, Repair)>,
    /// Files that can be removed without loss.
    removable: Vec<(ProjectId, String)>,
}

pub(super) fn check(place: &Place, options: &CheckArgs) -> anyhow::Result<()> {
    let live = match options.repair || options.files.is_named() {
        true => Some(LiveRecords::begin(place, options.repair)?),
        false => None,
    };
    let snapshot = Snapshot::open(place)?;
    let mode = CheckMode::new(options.repair, !options.sizes_only);
    let files = match &live {
        Some(live) if options.files.is_named() => live.store(&options.files, mode)?,
        _ => Files::of_directory(place.data(), mode)?,
    };
    let mut found = Found::default();
    for fault in snapshot.faults()? {
        found.problems += 1;
        print(&format!("{RECORDS_FILE}: {fault}"))?;
    }
    for project in projects(&snapshot, files.as_ref(), options.project)? {
        let of_project = OfProject {
            snapshot: &snapshot,
            place,
            project,
            is_alone: options.repair,
            files: files.as_ref(),
        };
        check_project(of_project, &mut found)?;
    }
    drop(snapshot);
    let repaired = match &live {
        Some(live) if options.repair => live.repair(files.as_ref(), &mut found)?,
        _ => 0,
    };
    found.report(files.as_ref(), options.repair, repaired)
}

/// The projects with records or files, or the one that was asked for.
fn projects(snapshot: &Snapshot, files: Option<&Files>, asked_for: Option<u64>) -> anyhow::Result<BTreeSet<ProjectId>> {
    if let Some(number) = asked_for {
        return Ok(BTreeSet::from([ProjectId(number)]));
    }
    let mut projects = BTreeSet::from_iter(snapshot.projects()?);
    if let Some(files) = files {
        projects.extend(files.projects()?);
    }
    Ok(projects)
}

/// The records of one project, as a check reads them.
#[derive(Clone, Copy)]
struct OfProject<'a> {
    snapshot: &'a Snapshot,
    place: &'a Place,
    project: ProjectId,
    /// True if no server changes the records.
    is_alone: bool,
    /// `None`: there are none; they may be in S3.
    files: Option<&'a Files<'a>>,
}

impl Source for OfProject<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.snapshot.get(self.project, key);
        found.map_err(unavailable)
    }

    fn has_file(&self, name: &str, record: &[u8]) -> Result<bool, Error> {
        let Some(files) = self.files else { return Ok(true) };
        if files.has(self.project, name).map_err(unavailable)? {
            return Ok(true);
        }
        // A running server may have removed both since the moment of the snapshot.
        let is_gone = || anyhow::Ok(Snapshot::open(self.place)?.get(self.project, record)?.is_none());
        Ok(!self.is_alone && is_gone().map_err(unavailable)?)
    }
}

fn unavailable(error: anyhow::Error) -> Error {
    Error::Unavailable(format!("{error:#}"))
}

fn check_project(of: OfProject<'_>, found: &mut Found) -> anyhow::Result<()> {
    let project = of.project;
    let mut check = Check::new(of);
    let mut failed = None;
    of.snapshot.scan(project, b"", |key, value| {
        found.records += 1;
        let noted = check
            .record(key, value)
            .map_err(|error| anyhow!("{error}"))
            .and_then(|problems| found.note(project, problems));
        match noted {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let rest = check.end().map_err(|error| anyhow!("{error}"))?;
    found.note(project, rest)?;
    if let Some(files) = of.files {
        let counts = files.check(project, &mut check, |fault| found.note_file(project, fault))?;
        found.files.files += counts.files;
        found.files.without_digest += counts.without_digest;
    }
    Ok(())
}

impl Found {
    fn note(&mut self, project: ProjectId, problems: Vec<Problem>) -> anyhow::Result<()> {
        for Problem { text, repair } in problems {
            self.problems += 1;
            print(&format!("project {}: {text}", project.0))?;
            let room = self.repairs.len() < REPAIRS_MAX;
            self.repairs
                .extend(repair.filter(|_| room).map(|repair| (project, repair)));
        }
        Ok(())
    }

    fn note_file(&mut self, project: ProjectId, fault: Fault) -> anyhow::Result<()> {
        self.problems += 1;
        print(&format!("project {}: {}", project.0, fault.text))?;
        let room = self.removable.len() < REPAIRS_MAX;
        self.removable
            .extend(fault.removable.filter(|_| room).map(|name| (project, name)));
        Ok(())
    }

    /// Prints the result, or fails with it if there are problems.
    fn report(&self, files: Option<&Files<'_>>, is_repair: bool, repaired: usize) -> anyhow::Result<()> {
        let FileCounts {
            files: count,
            without_digest,
        } = self.files;
        let seen = match files {
            Some(files) => {
                let note = files.without_digest(without_digest, is_repair);
                format!("{} records and {count} files{note}", self.records)
            }
            None => format!("{} records (no files here)", self.records),
        };
        let problems = self.problems;
        if problems == 0 {
            return print(&format!("{seen}, no problem"));
        }
        match (is_repair, self.repairs.len() + self.removable.len()) {
            (true, _) => bail!("{seen}, {problems} problems, {repaired} repaired"),
            (false, 0) => bail!("{seen}, {problems} problems"),
            (false, count) => bail!("{seen}, {problems} problems; --repair puts {count} right"),
        }
    }
}

/// The records of a place as a server opens them: for repairs, and for the names of files in S3.
struct LiveRecords {
    runtime: tokio::runtime::Runtime,
    records: OpenRecords,
}

impl LiveRecords {
    /// Opens the records before they are read. Fails if a server uses a data directory, or a database that is to be repaired.
    fn begin(place: &Place, is_repair: bool) -> anyhow::Result<Self> {
        // This also tells that there are none, which opening them would make.
        let snapshot = Snapshot::open(place)?;
        if is_repair {
            snapshot.refuse_shared()?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let records = runtime.block_on(OpenRecords::open(place));
        Ok(Self {
            records: records.context("a repair, and a check of files in S3, is for a server that is not running")?,
            runtime,
        })
    }

    /// The files in the store that the user names.
    #[cfg(feature = "s3")]
    fn store(&self, files: &FileStoreArgs, mode: CheckMode) -> anyhow::Result<Option<Files<'_>>> {
        let identity = self.records.identity();
        let opened = self.runtime.block_on(async {
            let store = files.store_of_others(self.records.shared()).await?;
            if let Some(blobs) = &store {
                blobs.must_belong_to(&[&identity]).await?;
            }
            anyhow::Ok(store)
        });
        let of_store = |blobs| Files::Store(store::StoreFiles::new(&self.runtime, blobs, mode));
        Ok(opened?.map(of_store))
    }

    #[cfg(not(feature = "s3"))]
    fn store(&self, _: &FileStoreArgs, _: CheckMode) -> anyhow::Result<Option<Files<'_>>> {
        Ok(None)
    }

    /// Makes all repairs. Returns their number.
    fn repair(&self, files: Option<&Files<'_>>, found: &mut Found) -> anyhow::Result<usize> {
        let removed = match files {
            Some(files) => files.remove(&self.runtime, &found.removable)?,
            None => 0,
        };
        let count = found.repairs.len();
        let mut repairs = std::mem::take(&mut found.repairs).into_iter().peekable();
        while let Some((project, _)) = repairs.peek() {
            let project = *project;
            let mut commit = Commit::default();
            while commit.writes.len() < REPAIRS_AT_ONCE
                && let Some((_, repair)) = repairs.next_if(|(of, _)| *of == project)
            {
                commit.writes.push(match repair {
                    Repair::Put(key, value) => RecordWrite::Put(key, value),
                    Repair::Delete(key) => RecordWrite::Delete(key),
                });
            }
            let committed = self.runtime.block_on(self.records.shared().commit(project, commit));
            committed.map_err(|error| anyhow!("{error}")).context("cannot repair")?;
        }
        Ok(count + removed)
    }
}

fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")
}
