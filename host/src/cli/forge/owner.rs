//! The forge to which a data directory or a database belongs.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context, ensure};
use mlforge::storage::postgres::PostgresRecords;

use super::ForgeChoice;

/// The file in a data directory that names its forge. A directory of the local forge has none.
pub(in crate::cli) const OWNER_FILE: &str = "forge";
/// The file in a data directory with the users and projects of the local forge.
pub(in crate::cli) const LOCAL_FILE: &str = "forge.db";
/// The name of the local forge, in the setting of a database.
pub(in crate::cli) const LOCAL: &str = "local";
/// The setting of a database that names its forge.
pub(in crate::cli) const SETTING: &str = "forge";

/// Checks that a database belongs to this forge, or makes it so if it is new.
pub(super) async fn claim_database(records: &PostgresRecords, choice: &ForgeChoice) -> anyhow::Result<()> {
    let (owner, wanted) = (owner_of_database(records, choice).await?, choice.to_string());
    ensure!(
        owner == wanted,
        "the database belongs to the forge {owner}, not to {wanted}: choose another --database, or, if the forge has only \
         moved, write its new address into mlforge.settings"
    );
    Ok(())
}

/// The forge to which a database belongs. A new one belongs to this one from now on.
pub(super) async fn owner_of_database(records: &PostgresRecords, choice: &ForgeChoice) -> anyhow::Result<String> {
    let owner = records.setting(SETTING, choice.to_string().as_bytes()).await;
    let owner = owner.map_err(|error| anyhow::anyhow!("cannot read the forge of the database: {error}"))?;
    String::from_utf8(owner).context("the forge of the database is no text")
}

/// Checks that a data directory belongs to this forge, or makes it so if it is new. Projects of two forges may have the same
/// number, and one must not see the other's data.
pub(super) fn claim(data: &Path, choice: &ForgeChoice) -> anyhow::Result<()> {
    let file = data.join(OWNER_FILE);
    let wanted = choice.to_string();
    match owner(data)? {
        Some(owner) => ensure!(
            owner == wanted,
            "{} belongs to the forge {owner}, not to {wanted}: choose another --data, or, if the forge has only moved, \
             write its new address into {}",
            data.display(),
            file.display()
        ),
        None if *choice == ForgeChoice::Local => {}
        None => {
            ensure!(
                !data.join(LOCAL_FILE).exists(),
                "{} belongs to the local forge, not to {wanted}: choose another --data",
                data.display()
            );
            write_owner(&file, &wanted).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

/// The forge to which a data directory belongs. `None`: the local one, or none yet.
pub(in crate::cli) fn owner(data: &Path) -> anyhow::Result<Option<String>> {
    let file = data.join(OWNER_FILE);
    match std::fs::read_to_string(&file) {
        Ok(owner) => Ok(Some(owner.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes the file of a data directory that names its forge. After a crash it is whole or does not exist.
fn write_owner(file: &Path, owner: &str) -> std::io::Result<()> {
    let mut made = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
    writeln!(made, "{owner}")?;
    made.as_file().sync_all()?;
    made.persist(file)?;
    Ok(())
}
