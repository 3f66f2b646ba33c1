//! The log of changes: who changed which users, projects, members and tokens. A change and its record are one transaction.

use super::account::id_of;
use super::{LocalError, LocalForge};
use crate::convert::to_u64;
use crate::storage::sql::{Database, Row, SqlError, WrongColumn, values};

/// Maximum number of changes that are kept. The oldest go first.
const CHANGES_KEPT_MAX: u64 = 100_000;
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
        let values = values![
            before.unwrap_or(u64::MAX),
            filter.author.as_str(),
            filter.action.as_str(),
            filter.object.as_str(),
            to_u64(CHANGES_PAGE_MAX),
        ];
        let rows = self.writer().rows(select, values)?;
        let entries: Result<_, WrongColumn> = rows.iter().map(change_entry).collect();
        Ok(entries.map_err(SqlError::from)?)
    }

    /// Records a change within its transaction.
    pub(super) fn record(
        &self,
        conn: &Database,
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
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
        let values = values![
            login.as_str(),
            address.as_str(),
            request_id.as_str(),
            action,
            object,
            detail
        ];
        let id = id_of(conn.row(insert, values)?)?;
        if let Some(oldest) = id.checked_sub(CHANGES_KEPT_MAX) {
            conn.rows("DELETE FROM changes WHERE id <= ?1", values![oldest])?;
        }
        Ok(())
    }
}

fn change_entry(row: &Row) -> Result<ChangeEntry, WrongColumn> {
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
}
