//! `mlforge check`: verifies the records of a data directory, and repairs those that others determine.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use mlforge::storage::sqlite::{SqliteRecords, SqliteSnapshot};
use mlforge::storage::{Commit, ProjectId, Records as _, Write as RecordWrite};
use mlforge_plugin::error::Error;
use mlforge_plugin::store::inspection::check::{Check, Problem, Repair, Source};

pub(super) const EXAMPLES: &str = "\
Verifies that the database is whole, that each record is readable, that what it names exists, that lists and orders are
complete, and that the columns of searches have the values of their runs. Prints one line a problem, and fails if there is one.

Examples:
  mlforge check                      all projects; a server may be running
  mlforge check --project 1
  mlforge check --repair             puts right what other records determine; for a server that is not running";

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

    /// Put right what other records determine
    #[arg(long)]
    repair: bool,
}

/// The result for all projects.
#[derive(Default)]
struct Found {
    records: u64,
    problems: u64,
    repairs: Vec<(ProjectId, Repair)>,
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
    let mut found = Found::default();
    for fault in snapshot.faults()? {
        found.problems += 1;
        print(&format!("records.db: {fault}"))?;
    }
    let projects = match options.project {
        Some(number) => vec![ProjectId(number)],
        None => snapshot.projects()?,
    };
    for project in projects {
        check_project(&snapshot, project, &mut found)?;
    }
    drop(snapshot);
    let repaired = match records {
        Some(records) => repair(&records, std::mem::take(&mut found.repairs))?,
        None => 0,
    };
    let Found { records, problems, .. } = found;
    if problems == 0 {
        return print(&format!("{records} records, no problem"));
    }
    match (options.repair, found.repairs.len()) {
        (true, _) => bail!("{records} records, {problems} problems, {repaired} records repaired"),
        (false, 0) => bail!("{records} records, {problems} problems"),
        (false, count) => bail!("{records} records, {problems} problems; --repair puts {count} records right"),
    }
}

/// The records of one project, as a check reads them.
struct OfProject<'a> {
    snapshot: &'a SqliteSnapshot,
    project: ProjectId,
}

impl Source for OfProject<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.snapshot.get(self.project, key);
        found.map_err(|error| Error::Unavailable(format!("{error:#}")))
    }
}

fn check_project(snapshot: &SqliteSnapshot, project: ProjectId, found: &mut Found) -> anyhow::Result<()> {
    let mut check = Check::new(OfProject { snapshot, project });
    let mut failed = None;
    snapshot.scan(project, b"", |key, _, value| {
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
    found.note(project, rest)
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
}

/// Makes all repairs. Returns their number.
fn repair(records: &SqliteRecords, repairs: Vec<(ProjectId, Repair)>) -> anyhow::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = repairs.len();
    let mut repairs = repairs.into_iter().peekable();
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
    Ok(count)
}

fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")
}
