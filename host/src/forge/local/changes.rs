//! The log of changes: who changed which users, projects, members and tokens. A change and its record are one transaction.

use rusqlite::{Connection, params};

use super::{LocalError, LocalForge};

/// Maximum number of changes that are kept. The oldest go first.
const CHANGES_KEPT_MAX: i64 = 100_000;
/// Maximum number of changes that one call of [`LocalForge::list_changes`] returns.
pub const CHANGES_PAGE_MAX: usize = 50;

/// The author of changes. The default is the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Login of the user. Empty: somebody at the command line of the server's machine.
    pub login: String,
    /// Network address of the user. Empty: unknown.
    pub address: String,
    /// Id of the request. Empty: there was none.
    pub request_id: String,
}

/// A change in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The number of the change. Later changes have greater ones.
    pub id: u64,
    /// The time in seconds since the Unix epoch.
    pub time_s: u64,
    /// The author.
    pub author: Author,
    /// The action, for example `users/create`.
    pub action: String,
    /// The login of the user, the path of the project, or the beginning of the token that was changed.
    pub object: String,
    /// More about the change. It may be empty.
    pub detail: String,
}

/// A filter of changes. A condition that is empty holds for every change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// The login of the author.
    pub author: String,
    /// The action.
    pub action: String,
    /// The object.
    pub object: String,
}

impl LocalForge {
    /// Returns at most [`CHANGES_PAGE_MAX`] changes, the newest first, that were made before the one with this number. `None`:
    /// from the newest on. It looks at all changes that are kept, if few match.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_changes(&self, filter: &ChangeFilter, before: Option<u64>) -> Result<Vec<ChangeEntry>, LocalError> {
        let select = "SELECT id, time, author, address, request, action, object, detail FROM changes
             WHERE id < ?1 AND (?2 = '' OR author = ?2 COLLATE NOCASE) AND (?3 = '' OR action = ?3)
             AND (?4 = '' OR object = ?4 COLLATE NOCASE) ORDER BY id DESC LIMIT ?5";
        // No row has a number that SQLite cannot hold.
        let before = before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX));
        let writer = self.writer();
        let mut statement = writer.prepare_cached(select)?;
        let values = params![before, filter.author, filter.action, filter.object, CHANGES_PAGE_MAX];
        let rows = statement.query_map(values, |row| {
            Ok(ChangeEntry {
                id: row.get(0)?,
                time_s: row.get(1)?,
                author: Author {
                    login: row.get(2)?,
                    address: row.get(3)?,
                    request_id: row.get(4)?,
                },
                action: row.get(5)?,
                object: row.get(6)?,
                detail: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records a change within its transaction.
    pub(super) fn record(
        &self,
        conn: &Connection,
        action: &'static str,
        object: &str,
        detail: &str,
    ) -> Result<(), LocalError> {
        let Author {
            login,
            address,
            request_id,
        } = &self.author;
        let insert = "INSERT INTO changes (author, address, request, action, object, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        conn.prepare_cached(insert)?
            .execute(params![login, address, request_id, action, object, detail])?;
        let oldest = conn.last_insert_rowid().saturating_sub(CHANGES_KEPT_MAX);
        conn.prepare_cached("DELETE FROM changes WHERE id <= ?1")?
            .execute([oldest])?;
        Ok(())
    }
}
