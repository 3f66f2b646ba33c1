//! Decisions of the local forge: the user of a token, and their role in a project.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row};
use time::Date;

use super::token::{TokenHash, day, hash};
use crate::forge::{
    Access, Actor, Credential, Decision, PROJECTS_LISTED_MAX, Project, ProjectRef, Role, Scope, Visibility,
};
use crate::storage::ProjectId;

/// Maximum number of decisions kept in memory. With paths of usual length they take about 3 MB.
const DECISIONS_KEPT_MAX: usize = 10_000;

// One query, so that token, project and role are read in one snapshot.
const FACTS: &str = "
SELECT u.id, u.login, t.scope, t.project, t.expires, p.id, p.path, p.visibility, m.role, t.id
FROM tokens t
JOIN users u ON u.id = t.user
LEFT JOIN projects p ON p.id = coalesce(?2, (SELECT id FROM projects WHERE path = ?3))
LEFT JOIN members m ON m.project = p.id AND m.user = u.id
WHERE t.hash = ?1 AND t.revoked IS NULL";

const PUBLIC: &str = "
SELECT id, path, visibility FROM projects
WHERE id = coalesce(?1, (SELECT id FROM projects WHERE path = ?2)) AND visibility = 'public'";

// A token that is unknown, revoked or expired shows what everybody may see. Days are compared as texts: `2030-01-01`.
const VISIBLE: &str = "
WITH caller AS (
    SELECT user, project FROM tokens
    WHERE hash = ?1 AND revoked IS NULL AND (expires IS NULL OR expires > ?4))
SELECT p.id, p.path, p.visibility FROM projects p
LEFT JOIN caller c ON TRUE
LEFT JOIN members m ON m.project = p.id AND m.user = c.user
WHERE p.id > ?2 AND (p.visibility = 'public'
    OR (c.user IS NOT NULL AND coalesce(c.project = p.id, TRUE) AND (m.role IS NOT NULL OR p.visibility = 'internal')))
ORDER BY p.id LIMIT ?3";

/// A connection that only reads, and the decisions since the last change of the file.
#[derive(Debug)]
pub(super) struct Reader {
    conn: Connection,
    kept: HashMap<(TokenHash, ProjectRef), Kept>,
    /// The `data_version` to which all decisions in `kept` belong.
    version: Option<i64>,
}

#[derive(Debug)]
struct Kept {
    decision: Decision,
    expires: Option<Date>,
}

/// The stored facts about a project and a token that is not revoked. The token may have expired.
struct Facts {
    actor: Actor,
    /// The token's number.
    token: u64,
    scope: Scope,
    /// The only project for which the token works. `None`: all projects of its user.
    only_for: Option<ProjectId>,
    expires: Option<Date>,
    project: Option<Project>,
    member: Option<Role>,
}

impl Reader {
    pub(super) fn new(conn: Connection) -> Self {
        Self {
            conn,
            kept: HashMap::new(),
            version: None,
        }
    }

    #[cfg(test)]
    pub(super) fn kept_count(&self) -> usize {
        self.kept.len()
    }

    /// Decides about a credential and a project on this day.
    pub(super) fn decide(
        &mut self,
        project: &ProjectRef,
        credential: &Credential,
        today: Date,
    ) -> rusqlite::Result<Decision> {
        self.forget_if_changed()?;
        let Some(token) = credential.token() else {
            return Ok(Decision::Unauthenticated);
        };
        let key = (hash(token), project.clone());
        if let Some(kept) = self.kept.get(&key) {
            return Ok(if works(kept.expires, today) {
                kept.decision.clone()
            } else {
                Decision::Unauthenticated
            });
        }
        let Some(facts) = self.facts(&key.0, project)?.filter(|facts| works(facts.expires, today)) else {
            return Ok(Decision::Unauthenticated);
        };
        let kept = Kept {
            expires: facts.expires,
            decision: facts.decide(),
        };
        let decision = kept.decision.clone();
        // Only decisions about existing projects are kept. So a stranger who tries names neither fills the
        // memory nor evicts others.
        if matches!(&decision, Decision::Known(access) if access.project.is_some()) {
            self.keep(key, kept);
        }
        Ok(decision)
    }

    /// Finds a project that is public. `None`: there is none of this name, or it is not public.
    pub(super) fn public_project(&self, project: &ProjectRef) -> rusqlite::Result<Option<Project>> {
        let (id, path) = key_of(project);
        self.conn
            .prepare_cached(PUBLIC)?
            .query_row((id, path), |row| project_at(row, 0))
            .optional()
    }

    /// Lists projects that the owner of a token may read, or everybody if there is none.
    pub(super) fn projects(&self, credential: &Credential, after: u64, today: Date) -> rusqlite::Result<Vec<Project>> {
        let hash = credential.token().map(hash);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut statement = self.conn.prepare_cached(VISIBLE)?;
        let rows = statement.query_map((hash, after, PROJECTS_LISTED_MAX, today.to_string()), |row| {
            project_at(row, 0)
        })?;
        rows.collect()
    }

    /// Forgets all decisions after a change of the file.
    ///
    /// This connection never writes, so every change, by this process or another, changes its `data_version`.
    /// A change between this check and the following reads is seen by the reads, and their decision is
    /// forgotten next time.
    fn forget_if_changed(&mut self) -> rusqlite::Result<()> {
        let now = self
            .conn
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.version != Some(now) {
            self.kept.clear();
            self.version = Some(now);
        }
        Ok(())
    }

    fn keep(&mut self, key: (TokenHash, ProjectRef), kept: Kept) {
        if self.kept.len() >= DECISIONS_KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, kept);
    }

    fn facts(&self, hash: &TokenHash, project: &ProjectRef) -> rusqlite::Result<Option<Facts>> {
        let (id, path) = key_of(project);
        self.conn
            .prepare_cached(FACTS)?
            .query_row((hash, id, path), facts)
            .optional()
    }
}

impl Facts {
    fn decide(self) -> Decision {
        let project = self.project.and_then(|project| {
            let within = self.only_for.is_none_or(|only| only == project.id);
            let role = role(project.visibility, self.member).filter(|_| within)?;
            Some((project, role))
        });
        let access = Access::new(self.actor, self.scope, project);
        Access {
            token_id: Some(self.token.to_string()),
            ..access
        }
        .into()
    }
}

/// The caller's role: that of a member, else `Guest` if the project is not private.
fn role(visibility: Visibility, member: Option<Role>) -> Option<Role> {
    match (member, visibility) {
        (Some(role), _) => Some(role),
        (None, Visibility::Internal | Visibility::Public) => Some(Role::Guest),
        (None, Visibility::Private) => None,
    }
}

/// True if a token works on this day. It does not on its expiry day, as GitLab's `expires_at`.
fn works(expires: Option<Date>, today: Date) -> bool {
    expires.is_none_or(|expires| today < expires)
}

/// The number or the path by which a project is looked up.
fn key_of(project: &ProjectRef) -> (Option<i64>, Option<&str>) {
    match project {
        // No row has a number that SQLite cannot hold, and none has a negative one.
        ProjectRef::Id(id) => (Some(i64::try_from(*id).unwrap_or(-1)), None),
        ProjectRef::Path(path) => (None, Some(path)),
    }
}

/// The project whose number, path and visibility stand in three columns from this one on.
fn project_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Project> {
    let path: String = row.get(column + 1)?;
    Ok(Project::new(ProjectId(row.get(column)?), path, row.get(column + 2)?))
}

fn facts(row: &Row<'_>) -> rusqlite::Result<Facts> {
    let project = match row.get::<_, Option<u64>>(5)? {
        Some(_) => Some(project_at(row, 5)?),
        None => None,
    };
    Ok(Facts {
        actor: Actor::new(row.get::<_, u64>(0)?.to_string(), row.get::<_, String>(1)?),
        token: row.get(9)?,
        scope: row.get(2)?,
        only_for: row.get::<_, Option<u64>>(3)?.map(ProjectId),
        expires: day(row, 4)?,
        project,
        member: row.get(8)?,
    })
}
