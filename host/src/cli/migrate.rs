//! `mlforge migrate`: moves a data directory, whose server is not running, into a PostgreSQL database, and its files into a store
//! if one is named.
//!
//! Everything is compared and only what differs is written, so a migration that broke off is continued by the same command. While it is not
//! finished, a setting of the database names the data directory it copies, and no server starts on it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Args;
use mlforge::forge::local::LocalForge;
use mlforge::storage::ProjectId;
use mlforge::storage::postgres::{PostgresAddress, PostgresRecords};
use mlforge::storage::sqlite::SqliteRecords;

#[cfg(feature = "s3")]
use self::names::Names;
use self::progress::Progress;
use self::records::Copier;
use super::forge::{LOCAL, LOCAL_FILE, OWNER_SETTING, owner};
use super::place::{PlaceArgs, RECORDS_FILE};
use super::storage::{FileStoreArgs, KEY_FILE, KEY_SETTING, key};

#[cfg(feature = "s3")]
mod files;
#[cfg(feature = "s3")]
mod names;
mod progress;
mod records;

pub(super) const EXAMPLES: &str = "\
Copies records, users, projects, members and tokens, and compares each of them afterwards. Sessions of browsers are left out: their
users sign in again. Without --files the files stay where they are, for a server with the same --data. Files that are in S3 already stay
there: --files names where, and they belong to the database afterwards. The directory is only read. A migration that broke off is continued
by the same command; until it is done, no server starts on the database.

Examples:
  mlforge migrate --from /var/lib/mlforge --to postgres://mlforge@db.example.org/mlforge
  mlforge migrate --from /var/lib/mlforge --to postgres://mlforge@db.example.org/mlforge --files s3://models/mlforge";

/// The names of files in S3, which this build does not know.
#[cfg(not(feature = "s3"))]
enum Names {}

#[cfg(not(feature = "s3"))]
impl Names {
    async fn find(
        _: &Migrate,
        _: (&Arc<SqliteRecords>, &Arc<PostgresRecords>),
        _: &[ProjectId],
    ) -> anyhow::Result<Option<Self>> {
        Ok(None)
    }

    async fn carry(&self, _: &Copier<'_, SqliteRecords, PostgresRecords>, _: &[ProjectId]) -> anyhow::Result<String> {
        match *self {}
    }
}

/// The setting of a database that is the target of an unfinished migration: the identity of the records that it copies.
const UNFINISHED: &str = "migration";

/// Options of `mlforge migrate`.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    from: PathBuf,

    /// The database, in which nothing may be stored yet
    #[arg(long, value_name = "postgres://USER@HOST/NAME")]
    to: String,

    #[command(flatten)]
    files: FileStoreArgs,
}

pub(super) fn migrate(place: &PlaceArgs, options: &Migrate) -> anyhow::Result<()> {
    let _log = super::log::Log::start_at("warn", super::log::LogFormat::Text)?;
    let address = place.other_database(&options.to, "--to")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(run(&address, options))?;
    writeln!(std::io::stdout(), "{report}").context("cannot write to stdout")
}

/// Fails if a migration to this database was not finished.
pub(super) async fn refuse_unfinished(records: &PostgresRecords) -> anyhow::Result<()> {
    ensure!(
        records.find_setting(UNFINISHED).await?.is_none(),
        "the database holds a part of a data directory: the same `mlforge migrate` as before copies the rest"
    );
    Ok(())
}

async fn run(address: &PostgresAddress, options: &Migrate) -> anyhow::Result<String> {
    let from = &options.from;
    let file = from.join(RECORDS_FILE);
    ensure!(file.exists(), "there is no data directory {}", from.display());
    let source = SqliteRecords::open(&file).context("stop the server that uses the data directory first")?;
    let source = Arc::new(source);
    let target = Arc::new(PostgresRecords::open(address).await?);
    let projects = all_projects(&source, &target).await?;
    let names = Names::find(options, (&source, &target), &projects).await?;
    claim(&source, &target).await?;
    let carried = carry(options, address, (&source, &target), (&projects, names)).await;
    carried.context("the migration broke off; the same command continues it")
}

/// Copies and compares everything. Returns a text about it.
async fn carry(
    options: &Migrate,
    address: &PostgresAddress,
    (source, target): (&Arc<SqliteRecords>, &Arc<PostgresRecords>),
    (projects, names): (&[ProjectId], Option<Names>),
) -> anyhow::Result<String> {
    let progress = Progress::default();
    let copier = Copier {
        source: &**source,
        target: &**target,
        progress: &progress,
    };
    for project in projects {
        copier.copy(*project).await?;
    }
    let mut records = 0;
    for project in projects {
        records += copier.verify(*project).await?;
    }
    let rows = forge(&options.from, address, target).await?;
    let files = match names {
        Some(names) => names.carry(&copier, projects).await?,
        None => files(options, target, projects, &progress).await?,
    };
    target.remove_setting(UNFINISHED).await?;
    progress.end();
    Ok(format!(
        "{records} records of {} projects, {rows} rows of users, projects, members, tokens and their changes, {files}",
        projects.len()
    ))
}

/// Makes the database the target of this directory, unless it is already. Fails if it has something else.
async fn claim(source: &SqliteRecords, target: &PostgresRecords) -> anyhow::Result<()> {
    if target.find_setting(UNFINISHED).await?.is_none() {
        ensure!(
            target.is_unused().await?,
            "the database is in use already: a migration needs one in which nothing is stored"
        );
    }
    let identity = source.identity();
    let claimed = target.setting(UNFINISHED, identity.as_bytes()).await?;
    ensure!(
        claimed == identity.as_bytes(),
        "the database holds a part of another data directory: finish that migration, or take another database"
    );
    Ok(())
}

/// The projects of either side. The target has one more if it was removed from the source between two tries.
async fn all_projects(source: &SqliteRecords, target: &PostgresRecords) -> anyhow::Result<Vec<ProjectId>> {
    let mut all = std::collections::BTreeSet::new();
    for is_source in [true, false] {
        let mut last = None;
        loop {
            let page = match is_source {
                true => source.projects(last).await?,
                false => target.projects(last).await?,
            };
            let Some(end) = page.last() else { break };
            last = Some(*end);
            all.extend(page);
        }
    }
    Ok(all.into_iter().collect())
}

/// Copies the local forge, the name of another one, and the key of upload tokens. Returns the number of rows.
async fn forge(from: &Path, address: &PostgresAddress, target: &PostgresRecords) -> anyhow::Result<u64> {
    let owner = owner(from)?.unwrap_or_else(|| LOCAL.to_owned());
    let stored = target.setting(OWNER_SETTING, owner.as_bytes()).await?;
    ensure!(
        stored == owner.as_bytes(),
        "the database belongs to another forge than {owner}"
    );
    if from.join(KEY_FILE).exists() {
        target.remove_setting(KEY_SETTING).await?;
        target.setting(KEY_SETTING, &key(&from.join(KEY_FILE))?).await?;
    }
    if !from.join(LOCAL_FILE).exists() {
        return Ok(0);
    }
    let (file, address) = (from.join(LOCAL_FILE), address.clone());
    let copied = tokio::task::spawn_blocking(move || -> anyhow::Result<u64> {
        LocalForge::open(&file)?.copy_to(&LocalForge::open_database(&address)?)
    });
    copied.await?.context("users, projects, members and tokens")
}

/// Copies the files to the store that the user names. Returns a text about them.
#[cfg(feature = "s3")]
async fn files(
    options: &Migrate,
    target: &Arc<PostgresRecords>,
    projects: &[ProjectId],
    progress: &Progress,
) -> anyhow::Result<String> {
    let Some(store) = options
        .files
        .store(Arc::<PostgresRecords>::clone(target), &target.identity())
        .await?
    else {
        return staying(&options.from);
    };
    let source = mlforge::storage::files::FileBlobs::open(&options.from.join("blobs"))?;
    let mut count = 0;
    for project in projects {
        let copier = files::Copier {
            source: &source,
            target: &store,
            project: *project,
            progress,
        };
        count += copier
            .copy()
            .await
            .with_context(|| format!("files of project {}", project.0))?;
    }
    Ok(format!("{count} files"))
}

#[cfg(not(feature = "s3"))]
async fn files(options: &Migrate, _: &Arc<PostgresRecords>, _: &[ProjectId], _: &Progress) -> anyhow::Result<String> {
    staying(&options.from)
}

fn staying(from: &Path) -> anyhow::Result<String> {
    let Some(from) = from.to_str() else {
        bail!("{} is no text", from.display())
    };
    Ok(format!(
        "no files: they stay in {from}, for a server with --data {from}"
    ))
}
