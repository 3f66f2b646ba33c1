//! Tokens: creation, hashing, lists and revocation. Only the hash is stored, and the token itself is shown
//! once.

use sha2::{Digest, Sha256};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::lookup::{login_of, path_of, project_id, user_id};
use super::{LocalError, LocalForge, today_utc};
use crate::forge::{ProjectRef, Scope};
use crate::storage::sql::{Database, Row, SqlError, WrongColumn, now_s, values};

/// The beginning of every token, by which secret scanners recognise it.
const TOKEN_START: &str = "mlf_";

const TOKEN_RANDOM_BYTES: usize = 32;

/// Length of the shown beginning: `mlf_` and 8 of the token's 64 digits. 224 bits remain unknown.
const PREFIX_CHARS: usize = 12;

/// The format of days, also in the file.
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// The stored form of a token.
pub(super) type TokenHash = [u8; 32];

/// The properties of a token to create.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Login of the user as whom the token acts.
    pub user: String,
    /// The only project for which it works. `None`: every project of its user.
    pub project: Option<ProjectRef>,
    /// The rights that it grants.
    pub scope: Scope,
    /// The first day (UTC) on which it no longer works, as GitLab's `expires_at`. `None`: it works until
    /// revoked.
    pub expires: Option<Date>,
}

impl NewToken {
    /// True if it has expired when it is created. That is no error, but deserves a warning.
    pub fn never_works(&self) -> bool {
        self.expires.is_some_and(|day| day <= today_utc())
    }
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEntry {
    /// The token's number, by which it can be revoked.
    pub id: u64,
    /// The beginning of the token.
    pub prefix: String,
    /// Login of its user.
    pub user: String,
    /// Path of the only project for which it works. `None`: every project of its user.
    pub project: Option<String>,
    /// The rights that it grants.
    pub scope: Scope,
    /// The first day (UTC) on which it no longer works. `None`: it works until revoked.
    pub expires: Option<Date>,
    /// True if it has been revoked.
    pub revoked: bool,
    /// The time of its last use, in seconds since the Unix epoch. Uses are written once a minute, so another process may see a
    /// former one. `None`: it was never used, or not since uses are written.
    pub used_s: Option<u64>,
}

impl LocalForge {
    /// Creates a token and returns it. It cannot be read later.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`], [`LocalError::ProjectUnknown`].
    pub fn create_token(&self, new: &NewToken) -> Result<String, LocalError> {
        self.change(|conn| {
            let token = insert(conn, new)?;
            self.record_token(conn, &token, new)?;
            Ok(token)
        })
    }

    /// Returns at most [`super::LIST_PAGE_MAX`] tokens whose number is above `after`, ordered by number, with
    /// revoked ones.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_tokens(&self, after: u64) -> Result<Vec<TokenEntry>, LocalError> {
        let select = "SELECT t.id, t.prefix, u.login, p.path, t.scope, t.expires, t.revoked IS NOT NULL, t.used
             FROM tokens t JOIN users u ON u.id = t.user LEFT JOIN projects p ON p.id = t.project
             WHERE t.id > ?1 ORDER BY t.id LIMIT ?2";
        self.with_noted_uses(|| self.list(select, after, token_entry))
    }

    /// Revokes a token, given whole or by its number. Revoking it again changes nothing.
    ///
    /// # Errors
    /// [`LocalError::TokenUnknown`].
    pub fn revoke_token(&self, token_or_id: &str) -> Result<(), LocalError> {
        self.change(|conn| {
            let id = find(conn, token_or_id)?.ok_or_else(|| {
                // A whole token, even a mistyped one, must not appear in a message.
                LocalError::TokenUnknown(shown(token_or_id))
            })?;
            self.revoke(conn, id)
        })
    }

    /// Revokes an existing token within a transaction, unless it is revoked already.
    pub(super) fn revoke(&self, conn: &Database, id: u64) -> Result<(), LocalError> {
        let update = "UPDATE tokens SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL RETURNING prefix, \"user\"";
        let Some(row) = conn.row(update, values![id, now_s()])? else {
            return Ok(());
        };
        let prefix: String = row.get(0).map_err(SqlError::from)?;
        let login = login_of(conn, row.get(1).map_err(SqlError::from)?)?;
        self.record(conn, "tokens/revoke", &prefix, &login)
    }

    /// Records that a token was created, within the transaction of that.
    pub(super) fn record_token(&self, conn: &Database, token: &str, new: &NewToken) -> Result<(), LocalError> {
        let project = match &new.project {
            Some(project) => format!(", {}", path_of(conn, project_id(conn, project)?)?),
            None => String::new(),
        };
        let expires = new.expires.map_or_else(String::new, |day| format!(", {day}"));
        let detail = format!("{}: {}{project}{expires}", new.user, new.scope);
        self.record(conn, "tokens/create", &shown(token), &detail)
    }
}

/// Creates a token within a transaction.
pub(super) fn insert(conn: &Database, new: &NewToken) -> Result<String, LocalError> {
    let user = user_id(conn, &new.user)?;
    let project = new
        .project
        .as_ref()
        .map(|project| project_id(conn, project))
        .transpose()?;
    let token = generate()?;
    conn.rows(
        "INSERT INTO tokens (\"user\", project, scope, hash, prefix, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![
            user,
            project.map(|project| project.0),
            new.scope.to_string(),
            hash(&token),
            shown(&token),
            new.expires.map(|day| day.to_string()),
        ],
    )?;
    Ok(token)
}

/// Hashes a token. A token has 256 random bits, so it cannot be guessed from a plain hash.
pub(super) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// Reads a day from a column that may be NULL.
pub(super) fn day(row: &Row, column: usize) -> Result<Option<Date>, WrongColumn> {
    let Some(text) = row.get_or_null::<String>(column)? else {
        return Ok(None);
    };
    Date::parse(&text, DAY)
        .map(Some)
        .map_err(|error| WrongColumn(format!("no day: {error}")))
}

fn find(conn: &Database, token_or_id: &str) -> Result<Option<u64>, LocalError> {
    let row = match token_or_id.parse::<u64>() {
        Ok(id) => conn.row("SELECT id FROM tokens WHERE id = ?1", values![id])?,
        Err(_) => conn.row("SELECT id FROM tokens WHERE hash = ?1", values![hash(token_or_id)])?,
    };
    let id = row.map(|row| row.get(0)).transpose();
    Ok(id.map_err(SqlError::from)?)
}

pub(super) fn token_entry(row: &Row) -> Result<TokenEntry, WrongColumn> {
    Ok(TokenEntry {
        id: row.get(0)?,
        prefix: row.get(1)?,
        user: row.get(2)?,
        project: row.get_or_null(3)?,
        scope: row.word(4)?,
        expires: day(row, 5)?,
        revoked: row.get(6)?,
        used_s: row.get_or_null(7)?,
    })
}

fn generate() -> Result<String, LocalError> {
    let mut bytes = [0_u8; TOKEN_RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(LocalError::Random)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{TOKEN_START}{digits}"))
}

/// The part of a token that may be shown.
fn shown(token: &str) -> String {
    token.chars().take(PREFIX_CHARS).collect()
}
