//! Sessions of browsers. A browser has a secret in a cookie, and the server a row: the secret's hash, and the credential sealed
//! under a key that comes from the secret. So nothing that is stored can be used, and a session has no rights of its own: the
//! forge decides about its credential at each request.

mod secret;
mod table;

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use self::table::{Row, Table};
use crate::auth::seal::Key;
use crate::forge::Credential;
use crate::storage::postgres::{PostgresAddress, Tables};
use crate::storage::sql::Database;
use crate::storage::sql::SqlError;

pub(crate) use self::secret::Secret;

/// The life of a session, in milliseconds.
pub(crate) const LIFE_MS: u64 = 30 * DAY_MS;
/// The life of a session that is not used, in milliseconds.
const IDLE_MS: u64 = 7 * DAY_MS;
/// The time of the last use is written at most once in so many milliseconds.
const TOUCH_MS: u64 = 5 * 60 * 1_000;
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Maximum number of sessions of a user. The one that was used least lately ends for a new one.
pub(crate) const SESSIONS_PER_USER_MAX: u32 = 20;
/// Maximum number of sessions of all users, about 50 MB.
const SESSIONS_MAX: u32 = 100_000;
/// Maximum number of characters of the browser's name that are kept.
const AGENT_CHARS_MAX: usize = 200;
/// Number of locks by which the renewals of a session's credential wait for each other.
const RENEWAL_LOCKS: usize = 64;

/// All sessions.
pub(crate) struct Sessions {
    is_remote: bool,
    table: Mutex<Table>,
    renewals: Vec<AsyncMutex<()>>,
}

/// The contents of a session, which only its cookie opens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The credential about which the forge decides.
    pub(crate) credential: Credential,
    /// The means to renew the credential. `None`: it needs none.
    pub(crate) renewal: Option<Renewal>,
}

/// The means to renew a credential that soon expires.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    pub(crate) refresh_token: String,
    /// Milliseconds since the Unix epoch.
    pub(crate) expires_ms: u64,
}

/// The user who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The stable id on the forge.
    pub(crate) user: String,
    pub(crate) login: String,
}

/// A session that a cookie opened.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) owner: Owner,
    pub(crate) contents: Contents,
    pub(crate) secret: Secret,
}

/// A session in the list of its user. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    /// The name of the browser, as it calls itself.
    pub(crate) agent: String,
    pub(crate) created_ms: u64,
    pub(crate) used_ms: u64,
}

/// The reason why a session is not stored.
#[derive(Debug)]
pub(crate) enum SessionError {
    /// The system has no random bytes.
    Random,
    /// The file or database cannot be written.
    Database(SqlError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("the system has no random bytes"),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl From<SqlError> for SessionError {
    fn from(error: SqlError) -> Self {
        Self::Database(error)
    }
}

impl Sessions {
    /// Opens the file of the sessions, which is made when absent. `None`: they are kept in memory.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self::on(Table::open(file)?))
    }

    /// Opens the sessions of a database, which all hosts share.
    pub(crate) fn open_database(address: &PostgresAddress) -> anyhow::Result<Self> {
        Ok(Self::on(Table::on(Database::Server(Tables::open(address)?))))
    }

    fn on(table: Table) -> Self {
        Self {
            is_remote: table.is_remote(),
            table: Mutex::new(table),
            renewals: (0..RENEWAL_LOCKS).map(|_| AsyncMutex::new(())).collect(),
        }
    }

    /// True if calls wait for a server. A thread that serves other requests must not make them.
    pub(crate) fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// Makes a session and returns its secret, which is stored nowhere.
    pub(crate) fn create(
        &self,
        owner: &Owner,
        contents: &Contents,
        agent: &str,
        now_ms: u64,
    ) -> Result<Secret, SessionError> {
        let secret = Secret::new().ok_or(SessionError::Random)?;
        let sealed = secret.seal(contents).ok_or(SessionError::Random)?;
        let agent: String = agent.chars().take(AGENT_CHARS_MAX).collect();
        let table = self.table();
        table.sweep(now_ms.saturating_sub(LIFE_MS), now_ms.saturating_sub(IDLE_MS))?;
        table.make_room(&owner.user, SESSIONS_PER_USER_MAX, SESSIONS_MAX)?;
        table.insert(&secret.hash(), owner, &sealed, &agent, now_ms)?;
        Ok(secret)
    }

    /// Finds the session of a cookie. `None`: there is none, or it has expired.
    pub(crate) fn find(&self, secret: &Secret, now_ms: u64) -> Option<Session> {
        let table = self.table();
        let found = table.find(&secret.hash()).unwrap_or_else(|error| {
            tracing::error!(target: "mlforge::session", %error, "cannot read a session");
            None
        })?;
        if !is_alive(&found, now_ms) {
            return None;
        }
        if now_ms.saturating_sub(found.used_ms) >= TOUCH_MS
            && let Err(error) = table.touch(found.id, now_ms)
        {
            tracing::warn!(target: "mlforge::session", %error, "cannot write the last use of a session");
        }
        Some(Session {
            id: found.id,
            contents: secret.open(&found.sealed)?,
            owner: found.owner,
            secret: secret.clone(),
        })
    }

    /// Stores the renewed credential of a session.
    pub(crate) fn renew(&self, session: &Session, contents: &Contents) -> Result<(), SessionError> {
        let sealed = session.secret.seal(contents).ok_or(SessionError::Random)?;
        Ok(self.table().renew(session.id, &sealed)?)
    }

    /// Waits until no other request renews this session.
    pub(crate) async fn renewal_lock(&self, session: &Session) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let id = usize::try_from(session.id).unwrap_or_default();
        let lock = self.renewals.get(id.checked_rem(RENEWAL_LOCKS)?)?;
        Some(lock.lock().await)
    }

    /// The live sessions of a user, the one that was used last first.
    pub(crate) fn list(&self, user: &str, now_ms: u64) -> Result<Vec<Entry>, SessionError> {
        let rows = self.table().list(user)?;
        let alive = rows.into_iter().filter(|row| is_alive(row, now_ms));
        Ok(alive.map(Row::into_entry).collect())
    }

    /// Ends a session of a user. Ending it again changes nothing. Durable when this returns.
    pub(crate) fn revoke(&self, user: &str, id: i64) -> Result<(), SessionError> {
        Ok(self.table().revoke(user, Some(id))?)
    }

    /// Ends all sessions of a user. Durable when this returns.
    pub(crate) fn revoke_all(&self, user: &str) -> Result<(), SessionError> {
        Ok(self.table().revoke(user, None)?)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A thread that panicked here left no half-made change: each is one statement.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_alive(row: &Row, now_ms: u64) -> bool {
    now_ms.saturating_sub(row.created_ms) < LIFE_MS && now_ms.saturating_sub(row.used_ms) < IDLE_MS
}

/// The hash of a secret, under which its session is stored.
type Hash = Key;

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            user: "7".into(),
            login: "ada".into(),
        }
    }

    fn contents() -> Contents {
        Contents {
            credential: Credential::Bearer("secret-token".into()),
            renewal: Some(Renewal {
                refresh_token: "secret-refresh".into(),
                expires_ms: 5,
            }),
        }
    }

    fn start(sessions: &Sessions, now_ms: u64) -> Secret {
        sessions.create(&owner(), &contents(), "Browser", now_ms).unwrap()
    }

    #[test]
    fn a_session_is_opened_by_its_cookie_until_it_expires() {
        let sessions = Sessions::open(None).unwrap();
        let secret = start(&sessions, 0);
        let read = Secret::parse(&secret.text()).unwrap();
        let session = sessions.find(&read, 1).unwrap();
        assert!(session.contents == contents() && session.owner == owner());
        assert!(sessions.find(&Secret::new().unwrap(), 1).is_none());
        assert!(sessions.find(&read, IDLE_MS - 1).is_some());
        // That was a use.
        let mut now_ms = IDLE_MS - 1;
        while now_ms < LIFE_MS {
            assert!(sessions.find(&read, now_ms).is_some());
            now_ms += IDLE_MS - TOUCH_MS;
        }
        assert!(sessions.find(&read, LIFE_MS).is_none());
        let idle = start(&sessions, 0);
        assert!(sessions.find(&idle, IDLE_MS).is_none());
    }

    #[test]
    fn the_file_has_neither_the_cookie_nor_the_credential() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sessions.db");
        let sessions = Sessions::open(Some(&file)).unwrap();
        let secret = start(&sessions, 0);
        sessions.revoke(&owner().user, i64::MAX).unwrap();
        let mut stored = std::fs::read(&file).unwrap();
        stored.extend(std::fs::read(directory.path().join("sessions.db-wal")).unwrap_or_default());
        let has = |text: &str| stored.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(has("Browser"));
        for hidden in ["secret-token", "secret-refresh", &secret.text()] {
            assert!(!has(hidden), "{hidden}");
        }
        let again = Sessions::open(Some(&file)).unwrap();
        assert!(again.find(&secret, 1).is_some());
    }

    #[test]
    fn sessions_of_a_user_are_listed_bounded_and_revoked() {
        let sessions = Sessions::open(None).unwrap();
        let secrets: Vec<Secret> = (0..30).map(|now_ms| start(&sessions, now_ms)).collect();
        let listed = sessions.list("7", 30).unwrap();
        assert_eq!(listed.len(), usize::try_from(SESSIONS_PER_USER_MAX).unwrap());
        assert!(sessions.find(&secrets[0], 30).is_none() && sessions.find(&secrets[29], 30).is_some());
        assert_eq!(listed[0].created_ms, 29);
        // Another user ends none of them.
        sessions.revoke("8", listed[0].id).unwrap();
        assert!(sessions.find(&secrets[29], 30).is_some());
        sessions.revoke("7", listed[0].id).unwrap();
        assert!(sessions.find(&secrets[29], 30).is_none() && sessions.find(&secrets[28], 30).is_some());
        sessions.revoke_all("7").unwrap();
        assert_eq!(sessions.list("7", 30).unwrap(), []);
    }

    #[test]
    fn a_renewed_credential_replaces_the_former_one() {
        let sessions = Sessions::open(None).unwrap();
        let session = sessions.find(&start(&sessions, 0), 1).unwrap();
        let renewed = Contents {
            credential: Credential::Bearer("new".into()),
            renewal: None,
        };
        sessions.renew(&session, &renewed).unwrap();
        assert!(sessions.find(&session.secret, 1).unwrap().contents == renewed);
    }

    #[cfg(feature = "postgres-tests")]
    mod on_postgres {
        use super::*;

        #[tokio::test]
        async fn the_hosts_of_a_database_share_the_sessions() {
            let database = crate::storage::postgres::tests::Database::new().await;
            let _records = database.records().await;
            let [one, two] = [(), ()].map(|()| Sessions::open_database(&database.address).unwrap());
            let secret = start(&one, 0);
            let session = two.find(&secret, TOUCH_MS).unwrap();
            assert!(session.contents == contents() && session.owner == owner());
            assert_eq!(one.list("7", TOUCH_MS).unwrap()[0].used_ms, TOUCH_MS);
            let renewed = Contents {
                credential: Credential::Bearer("new".into()),
                renewal: None,
            };
            two.renew(&session, &renewed).unwrap();
            assert!(one.find(&secret, 1).unwrap().contents == renewed);
            for now_ms in 1..=u64::from(SESSIONS_PER_USER_MAX) {
                start(&two, now_ms + TOUCH_MS);
            }
            assert!(one.find(&secret, 1).is_none());
            assert_eq!(
                one.list("7", 30).unwrap().len(),
                usize::try_from(SESSIONS_PER_USER_MAX).unwrap()
            );
            one.revoke_all("7").unwrap();
            assert_eq!(two.list("7", 30).unwrap(), []);
        }
    }
}
