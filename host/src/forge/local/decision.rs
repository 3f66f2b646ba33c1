//! Decisions of the local forge: the user of a token, and their role in a project.

use std::collections::HashMap;

use time::Date;

use super::TABLES;
use super::token::{TokenHash, day, hash};
use crate::convert::to_u64;
use crate::forge::{
    Access, Actor, Credential, Decision, PROJECTS_LISTED_MAX, Project, ProjectRef, Role, Scope, Visibility,
};
use crate::storage::ProjectId;
use crate::storage::sql::{Database, Row, SqlError, Value, WrongColumn, values};

/// Maximum number of decisions kept in memory. With paths of usual length they take about 3 MB.
const DECISIONS_KEPT_MAX: usize = 10_000;

// One query, so that token, project and role are read in one snapshot.
const FACTS: &str = "
SELECT u.id, u.login, t.scope, t.project, t.expires, p.id, p.path, p.visibility, m.role, t.id
FROM tokens t
JOIN users u ON u.id = t.user
LEFT JOIN projects p ON p.id = coalesce(?2, (SELECT id FROM projects WHERE path = ?3 COLLATE NOCASE))
LEFT JOIN members m ON m.project = p.id AND m.user = u.id
WHERE t.hash = ?1 AND t.revoked IS NULL";

const PUBLIC: &str = "
SELECT id, path, visibility FROM projects
WHERE id = coalesce(?1, (SELECT id FROM projects WHERE path = ?2 COLLATE NOCASE)) AND visibility = 'public'";

// A token that is unknown, revoked or expired shows what everybody may see. Days are compared as texts: `2030-01-01`.
const VISIBLE: &str = "
WITH caller AS (
    SELECT \"user\", project FROM tokens
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
    conn: Database,
    kept: HashMap<(TokenHash, ProjectRef), Kept>,
    /// The change number to which all decisions in `kept` belong.
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
    pub(super) fn new(conn: Database) -> Self {
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
    ) -> Result<Decision, SqlError> {
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
    pub(super) fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, SqlError> {
        let [id, path] = key_of(project);
        let row = self.conn.row(PUBLIC, &[id, path])?;
        Ok(row.map(|row| project_at(&row, 0)).transpose()?)
    }

    /// Lists projects that the owner of a token may read, or everybody if there is none.
    pub(super) fn projects(&self, credential: &Credential, after: u64, today: Date) -> Result<Vec<Project>, SqlError> {
        let hash = credential.token().map(hash);
        let values = values![hash, after, limit(), today.to_string()];
        let rows = self.conn.rows(VISIBLE, values)?;
        let projects: Result<_, WrongColumn> = rows.iter().map(|row| project_at(row, 0)).collect();
        Ok(projects?)
    }

    /// Forgets all decisions.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Forgets all decisions after a change of the tables.
    ///
    /// This connection never writes, so every change, by this process or another, changes its number of changes. A change
    /// between this check and the following reads is seen by the reads, and their decision is forgotten next time.
    fn forget_if_changed(&mut self) -> Result<(), SqlError> {
        let now = self.conn.change_number(TABLES)?;
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

    fn facts(&self, hash: &TokenHash, project: &ProjectRef) -> Result<Option<Facts>, SqlError> {
        let [id, path] = key_of(project);
        let row = self.conn.row(FACTS, &[Value::from(*hash), id, path])?;
        Ok(row.as_ref().map(facts).transpose()?)
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
fn key_of(project: &ProjectRef) -> [Value; 2] {
    match project {
        ProjectRef::Id(id) => [Value::from(*id), Value::Null],
        ProjectRef::Path(path) => [Value::Null, Value::from(path.as_str())],
    }
}

/// The greatest number of projects in a list.
fn limit() -> u64 {
    to_u64(PROJECTS_LISTED_MAX)
}

/// The project whose number, path and visibility stand in three columns from this one on.
fn project_at(row: &Row, column: usize) -> Result<Project, WrongColumn> {
    let path: String = row.get(column + 1)?;
    Ok(Project::new(ProjectId(row.get(column)?), path, row.word(column + 2)?))
}

fn facts(row: &Row) -> Result<Facts, WrongColumn> {
    let project = match row.get_or_null::<u64>(5)? {
        Some(_) => Some(project_at(row, 5)?),
        None => None,
    };
    Ok(Facts {
        actor: Actor::new(row.get::<u64>(0)?.to_string(), row.get::<String>(1)?),
        token: row.get(9)?,
        scope: row.word(2)?,
        only_for: row.get_or_null(3)?.map(ProjectId),
        expires: day(row, 4)?,
        project,
        member: match row.get_or_null::<String>(8)? {
            Some(_) => Some(row.word(8)?),
            None => None,
        },
    })
}
