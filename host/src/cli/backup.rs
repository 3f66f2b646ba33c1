//! `mlforge backup` and `mlforge restore`: copies of a data directory, whose server may be running.
//!
//! A backup is a directory named after its time. It is made under another name, so that only whole backups have such a name.
//! Files are linked, or copied once: an unchanged file of a later backup is a link to the former one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use mlforge::storage::files::{MirrorCounts, mirror_blobs};
use mlforge::storage::sqlite::{SqliteSnapshot, copy_database};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

use super::forge::{LOCAL_FILE, OWNER_FILE};
use super::place::RECORDS_FILE;

pub(super) const EXAMPLES: &str = "\
Makes a directory in DIR that is named after the time, with the records, the built-in forge and the files. A further backup
into DIR takes only the room of what changed. Any of them can be removed.

Example, as the user of the server:
  mlforge backup /backup/mlforge --data /var/lib/mlforge
  mlforge restore /backup/mlforge/20300131T040000Z --data /var/lib/mlforge-restored";

/// Number of the form of a backup. Each change of the form gets a new number.
const FORMAT: u32 = 1;
const MANIFEST: &str = "backup.json";
const BLOBS: &str = "blobs";
/// The beginning of the names of backups that are not whole yet.
const UNFINISHED: &str = ".unfinished-";

/// Options of `mlforge backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Directory of backups; made when absent
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

/// Options of `mlforge restore`.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup: a directory that `mlforge backup` made
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
}

/// The facts about a backup, in its file `backup.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// Version of the program that made it.
    mlforge: String,
    /// Time of the records.
    made: String,
}

pub(super) fn backup(data: &Path, options: &Backup) -> anyhow::Result<()> {
    ensure!(
        data.join(RECORDS_FILE).exists(),
        "there is no data directory {}",
        data.display()
    );
    super::create_private_dir(&options.to)
        .with_context(|| format!("cannot make the directory {}", options.to.display()))?;
    let former = newest(&options.to)?;
    let making = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(&options.to)
        .with_context(|| format!("cannot write to {}", options.to.display()))?;
    let (made, counts) = copy(data, making.path(), former.as_deref())?;
    let to = options.to.join(&made);
    ensure!(
        !to.exists(),
        "there is a backup of this second already: {}",
        to.display()
    );
    fs::rename(making.path(), &to).with_context(|| format!("cannot name the backup {}", to.display()))?;
    // It has another name now, under which it stays.
    _ = making.keep();
    sync_directory(&options.to)?;
    let MirrorCounts {
        linked,
        copied,
        copied_bytes,
    } = counts;
    writeln!(
        std::io::stdout(),
        "{}\t{linked} files linked, {copied} copied ({copied_bytes} bytes)",
        to.display()
    )
    .context("cannot write to stdout")
}

/// Copies a data directory. Returns the time of the records.
///
/// The order makes it one moment. A file that was there at the moment of the records was there before, and is linked before; or
/// it came meanwhile, and is linked after. The forge's database follows the records, so that no records belong to a number that
/// it would give again.
fn copy(data: &Path, to: &Path, former: Option<&Path>) -> anyhow::Result<(String, MirrorCounts)> {
    let blobs = (data.join(BLOBS), to.join(BLOBS));
    let former = former.map(|former| former.join(BLOBS));
    let mirror = || mirror_blobs(&blobs.0, &blobs.1, former.as_deref()).context("cannot copy the files");
    let before = mirror()?;
    let made = OffsetDateTime::now_utc().format(format_description!("[year][month][day]T[hour][minute][second]Z"))?;
    copy_database(&data.join(RECORDS_FILE), &to.join(RECORDS_FILE))?;
    let after = mirror()?;
    if data.join(LOCAL_FILE).exists() {
        copy_database(&data.join(LOCAL_FILE), &to.join(LOCAL_FILE))?;
    }
    copy_owner(data, to)?;
    let manifest = Manifest {
        format: FORMAT,
        mlforge: env!("CARGO_PKG_VERSION").to_owned(),
        made: made.clone(),
    };
    write_durably(&to.join(MANIFEST), &serde_json::to_vec_pretty(&manifest)?)?;
    sync_directory(to)?;
    let counts = MirrorCounts {
        linked: before.linked + after.linked,
        copied: before.copied + after.copied,
        copied_bytes: before.copied_bytes + after.copied_bytes,
    };
    Ok((made, counts))
}

/// The newest backup in a directory. `None`: there is none.
fn newest(backups: &Path) -> anyhow::Result<Option<PathBuf>> {
    let entries = fs::read_dir(backups).with_context(|| format!("cannot read {}", backups.display()))?;
    let mut newest: Option<PathBuf> = None;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_unfinished = name.to_string_lossy().starts_with(UNFINISHED);
        let is_whole = !is_unfinished && path.join(MANIFEST).exists();
        if is_whole && newest.as_ref().is_none_or(|newest| *newest < path) {
            newest = Some(path);
        }
    }
    Ok(newest)
}

pub(super) fn restore(data: &Path, options: &Restore) -> anyhow::Result<()> {
    let from = &options.from;
    check_manifest(from)?;
    if let Ok(mut entries) = fs::read_dir(data) {
        ensure!(
            entries.next().is_none(),
            "{} is not empty: a backup is restored into a new directory",
            data.display()
        );
        fs::remove_dir(data)?;
    }
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    super::create_private_dir(parent).with_context(|| format!("cannot make the directory {}", parent.display()))?;
    let making = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(parent)
        .with_context(|| format!("cannot write to {}", parent.display()))?;
    let to = making.path();
    copy_database(&from.join(RECORDS_FILE), &to.join(RECORDS_FILE))?;
    if from.join(LOCAL_FILE).exists() {
        copy_database(&from.join(LOCAL_FILE), &to.join(LOCAL_FILE))?;
    }
    copy_owner(from, to)?;
    mirror_blobs(&from.join(BLOBS), &to.join(BLOBS), None).context("cannot copy the files")?;
    let faults = SqliteSnapshot::open(&to.join(RECORDS_FILE))?.faults()?;
    if let Some(fault) = faults.first() {
        bail!("the backup {} is damaged: {fault}", from.display());
    }
    sync_directory(to)?;
    fs::rename(to, data).with_context(|| format!("cannot name the directory {}", data.display()))?;
    _ = making.keep();
    sync_directory(parent)
}

fn check_manifest(backup: &Path) -> anyhow::Result<()> {
    let file = backup.join(MANIFEST);
    let text = fs::read(&file).with_context(|| format!("{} is no backup of mlforge", backup.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).with_context(|| format!("{} is not understood", file.display()))?;
    ensure!(
        manifest.format <= FORMAT,
        "{} was made by mlforge {} in form {}, and this mlforge knows none above {FORMAT}: use a newer one",
        backup.display(),
        manifest.mlforge,
        manifest.format
    );
    Ok(())
}

/// Copies the file that names the forge of a data directory, if there is one.
fn copy_owner(from: &Path, to: &Path) -> anyhow::Result<()> {
    let file = from.join(OWNER_FILE);
    if !file.exists() {
        return Ok(());
    }
    let owner = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    write_durably(&to.join(OWNER_FILE), &owner)
}

fn write_durably(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut file = fs::File::create_new(file)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().with_context(|| format!("cannot write {}", file.display()))
}

fn sync_directory(directory: &Path) -> anyhow::Result<()> {
    let opened = fs::File::open(directory).and_then(|directory| directory.sync_all());
    opened.with_context(|| format!("cannot sync {}", directory.display()))
}
