//! Tokens: made, hashed, listed, revoked. Only the hash is stored; the token itself is shown once.

use rusqlite::types::{FromSqlError, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::lookup::{project_id, user_id};
use super::{LocalError, LocalForge, today_utc};
use crate::forge::{ProjectRef, Scope};

/// The beginning of every token, by which a secret scanner knows it.
const TOKEN_START: &str = "mlf_";

const TOKEN_RANDOM_BYTES: usize = 32;

/// What lists show of a token: `mlf_` and 8 of its 64 digits, which leaves 224 unknown bits.
const PREFIX_CHARS: usize = 12;

/// How days are written, in the file too.
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// What is stored in a token's place.
pub(super) type TokenHash = [u8; 32];

/// What a token to make shall be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Login of the user as whom it acts.
    pub user: String,
    /// The only project for which it works; none: every project of its user.
    pub project: Option<ProjectRef>,
    /// What it may be used for.
    pub scope: Scope,
    /// The first day (UTC) on which it no longer works, as GitLab's `expires_at`; none: it works until revoked.
    pub expires: Option<Date>,
}

impl NewToken {
    /// True if it has expired before it is made, which is no error but worth a word.
    pub fn never_works(&self) -> bool {
        self.expires.is_some_and(|day| day <= today_utc())
    }
}

/// A token, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenEntry {
    /// For revoking.
    pub id: u64,
    /// How it begins.
    pub prefix: String,
    /// Login of its user.
    pub user: String,
    /// Path of the only project for which it works; none: every project of its user.
    pub project: Option<String>,
    /// What it may be used for.
    pub scope: Scope,
    /// The first day (UTC) on which it no longer works.
    pub expires: Option<Date>,
    /// It works no longer.
    pub revoked: bool,
}

impl LocalForge {
    /// Makes a token and returns it: the only time that it can be seen.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`], [`LocalError::ProjectUnknown`].
    pub fn create_token(&self, new: &NewToken) -> Result<String, LocalError> {
        self.change(|conn| insert(conn, new))
    }

    /// At most [`super::LIST_PAGE_MAX`] tokens whose number is above `after`, in that order; revoked ones too.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list_tokens(&self, after: u64) -> Result<Vec<TokenEntry>, LocalError> {
        self.list(
            "SELECT t.id, t.prefix, u.login, p.path, t.scope, t.expires, t.revoked IS NOT NULL
             FROM tokens t JOIN users u ON u.id = t.user LEFT JOIN projects p ON p.id = t.project
             WHERE t.id > ?1 ORDER BY t.id LIMIT ?2",
            after,
            token_entry,
        )
    }

    /// Ends a token, given whole or by its number. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`LocalError::TokenUnknown`].
    pub fn revoke_token(&self, token_or_id: &str) -> Result<(), LocalError> {
        self.change(|conn| {
            let id = find(conn, token_or_id)?.ok_or_else(|| {
                // A whole token, even a mistyped one, is not for the eyes of who reads messages.
                LocalError::TokenUnknown(shown(token_or_id))
            })?;
            conn.execute(
                "UPDATE tokens SET revoked = unixepoch() WHERE id = ?1 AND revoked IS NULL",
                [id],
            )?;
            Ok(())
        })
    }
}

/// Makes a token within a transaction.
pub(super) fn insert(conn: &Connection, new: &NewToken) -> Result<String, LocalError> {
    let user = user_id(conn, &new.user)?;
    let project = new
        .project
        .as_ref()
        .map(|project| project_id(conn, project))
        .transpose()?;
    let token = generate()?;
    conn.execute(
        "INSERT INTO tokens (user, project, scope, hash, prefix, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            user,
            project.map(|project| project.0),
            new.scope,
            hash(&token),
            shown(&token),
            new.expires.map(|day| ToSqlOutput::from(day.to_string())),
        ],
    )?;
    Ok(token)
}

/// A token has 256 random bits, so a plain hash of it cannot be guessed backwards.
pub(super) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// Reads the day in a column that may be empty.
pub(super) fn day(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Date>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    let unreadable = |error| rusqlite::Error::from(FromSqlError::Other(Box::new(error)));
    Date::parse(text, DAY).map(Some).map_err(unreadable)
}

fn find(conn: &Connection, token_or_id: &str) -> Result<Option<i64>, LocalError> {
    let found = match token_or_id.parse::<i64>() {
        Ok(id) => conn.query_row("SELECT id FROM tokens WHERE id = ?1", [id], |row| row.get(0)),
        Err(_) => conn.query_row("SELECT id FROM tokens WHERE hash = ?1", [hash(token_or_id)], |row| {
            row.get(0)
        }),
    };
    Ok(found.optional()?)
}

fn token_entry(row: &Row<'_>) -> rusqlite::Result<TokenEntry> {
    Ok(TokenEntry {
        id: row.get(0)?,
        prefix: row.get(1)?,
        user: row.get(2)?,
        project: row.get(3)?,
        scope: row.get(4)?,
        expires: day(row, 5)?,
        revoked: row.get(6)?,
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
