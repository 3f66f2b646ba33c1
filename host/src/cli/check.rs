//! `mlforge check`: verifies the records and files of a data directory, and repairs what others determine.

mod files;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use mlforge::storage::sqlite::{SqliteRecords, SqliteSnapshot};
use mlforge::storage::{Commit, ProjectId, Records as _, Write as RecordWrite};
use mlforge_plugin::error::Error;
use mlforge_plugin::store::inspection::check::{Check, Problem, Repair, Source};

use self::files::{Fault, Files};

pub(super) const EXAMPLES: &str = "\
Verifies that the database is whole, that each record is readable, that what it names exists, that lists and orders are
complete, that the columns of searches have the values of their runs, and that each file belongs to something. Prints one line a
problem, and fails if there is one.

Examples:
  mlforge check                      all projects; a server may be running
  mlforge check --project 1
  mlforge check --repair             puts right what others determine; for a server that is not running";

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
}

/// The result for all projects.
#[derive(Default)]
struct Found {
    records: u64,
    files: u64,
    problems: u64,
    repairs: Vec<(ProjectId, Repair)>,
    /// Files that can be removed without loss.
    removable: Vec<(ProjectId, String)>,
}

pub(super) fn check(data: &Path, options: &CheckArgs) -> anyhow::Result<()> {
    let file = data.join("records.db");
    // A repair needs the database for itself from the first read on.
    let records = match options.repair {
        true if !file.exists() => bail!("there is no database {}", file.display()),
        true => Some(SqliteRecords::open(&file).context("a repair is for a server that is not running")?),
        false => None,
    };
    let snapshot = SqliteSnapshot::open(&file)?;
    let files = Files::of(data, options.repair)?;
    let mut found = Found::default();
    for fault in snapshot.faults()? {
        found.problems += 1;
        print(&format!("records.db: {fault}"))?;
    }
    for project in projects(&snapshot, files.as_ref(), options.project)? {
        let of_project = OfProject {
            snapshot: &snapshot,
            file: &file,
            project,
            files: files.as_ref(),
        };
        check_project(of_project, &mut found)?;
    }
    drop(snapshot);
    let repaired = match records {
        Some(records) => repair(&records, files.as_ref(), &mut found)?,
        None => 0,
    };
    found.report(files.is_some(), options.repair, repaired)
}

/// The projects with records or files, or the one that was asked for.
fn projects(
    snapshot: &SqliteSnapshot,
    files: Option<&Files>,
    asked_for: Option<u64>,
) -> anyhow::Result<BTreeSet<ProjectId>> {
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
    snapshot: &'a SqliteSnapshot,
    /// The database.
    file: &'a Path,
    project: ProjectId,
    /// `None`: the directory has none; they may be in S3.
    files: Option<&'a Files>,
}

impl Source for OfProject<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.snapshot.get(self.project, key);
        found.map_err(unavailable)
    }

    fn has_file(&self, name: &str, record: &[u8]) -> Result<bool, Error> {
        let Some(files) = self.files else { return Ok(true) };
        if files.has(self.project, name) {
            return Ok(true);
        }
        // A running server may have removed both since the moment of the snapshot.
        let is_gone = || anyhow::Ok(SqliteSnapshot::open(self.file)?.get(self.project, record)?.is_none());
        Ok(!files.are_still() && is_gone().map_err(unavailable)?)
    }
}

fn unavailable(error: anyhow::Error) -> Error {
    Error::Unavailable(format!("{error:#}"))
}

fn check_project(of: OfProject<'_>, found: &mut Found) -> anyhow::Result<()> {
    let project = of.project;
    let mut check = Check::new(of);
    let mut failed = None;
    of.snapshot.scan(project, b"", |key, _, value| {
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
        let count = files.check(project, &mut check, |fault| found.note_file(project, fault))?;
        found.files += count;
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
    fn report(&self, has_files: bool, is_repair: bool, repaired: usize) -> anyhow::Result<()> {
        let seen = match has_files {
            true => format!("{} records and {} files", self.records, self.files),
            false => format!("{} records (no files here)", self.records),
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

/// Makes all repairs. Returns their number.
fn repair(records: &SqliteRecords, files: Option<&Files>, found: &mut Found) -> anyhow::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let removed = match files {
        Some(files) => files.remove(&runtime, &found.removable)?,
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
        let committed = runtime.block_on(records.commit(project, commit));
        committed.map_err(|error| anyhow!("{error}")).context("cannot repair")?;
    }
    Ok(count + removed)
}

fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")
}
