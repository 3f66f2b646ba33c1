//! Commands that change or list users, projects, members and tokens. They open the forge's tables themselves,
//! so they work with and without a running server.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;
use mlforge::forge::local::{NewToken, TokenEntry};
use mlforge::storage::ProjectId;

use super::forge::open_managed as open;
use super::manage_commands::{MemberCommand, ProjectCommand, TokenCommand, UserCommand};
use super::place::Place;

/// Placeholder for an absent value in lists.
const NONE: &str = "-";

pub(super) fn project(place: &Place, command: &ProjectCommand) -> anyhow::Result<()> {
    let forge = open(place)?;
    match command {
        ProjectCommand::Create { path, visibility } => print(&forge.create_project(path, *visibility)?.0),
        ProjectCommand::SetVisibility { project, visibility } => Ok(forge.set_visibility(project, *visibility)?),
        ProjectCommand::List => print_pages(
            |after| Ok(forge.list_projects(ProjectId(after))?),
            |project| project.id.0,
            |project| format!("{}\t{}\t{}", project.id.0, project.path, project.visibility),
        ),
    }
}

pub(super) fn user(place: &Place, command: &UserCommand) -> anyhow::Result<()> {
    let forge = open(place)?;
    match command {
        UserCommand::Create { name } => print(&forge.create_user(name)?),
        UserCommand::Admin { name, revoke } => Ok(forge.set_admin(name, !revoke)?),
        UserCommand::List => print_pages(
            |after| Ok(forge.list_users(after)?),
            |user| user.id,
            |user| {
                format!(
                    "{}\t{}\t{}",
                    user.id,
                    user.login,
                    if user.is_admin { "admin" } else { NONE }
                )
            },
        ),
    }
}

pub(super) fn member(place: &Place, command: &MemberCommand) -> anyhow::Result<()> {
    let MemberCommand::Set { project, user, role } = command;
    Ok(open(place)?.set_member(project, user, *role)?)
}

pub(super) fn token(place: &Place, command: &TokenCommand) -> anyhow::Result<()> {
    let forge = open(place)?;
    match command {
        TokenCommand::Create {
            user,
            project,
            scope,
            expires,
        } => {
            let new = NewToken {
                user: user.clone(),
                project: project.clone(),
                scope: *scope,
                expires: *expires,
            };
            let token = forge.create_token(&new)?;
            if new.never_works() {
                // If the reader of standard error has gone, the warning is lost.
                _ = writeln!(
                    std::io::stderr(),
                    "mlforge: this token has expired already and will never work"
                );
            }
            print(&token)
        }
        TokenCommand::List => print_pages(|after| Ok(forge.list_tokens(after)?), |token| token.id, token_line),
        TokenCommand::Revoke { token_or_id } => Ok(forge.revoke_token(token_or_id)?),
    }
}

fn token_line(token: &TokenEntry) -> String {
    let project = token.project.as_deref().unwrap_or(NONE);
    let expires = token.expires.map_or_else(|| NONE.to_owned(), |day| day.to_string());
    let used = token.used_s.map_or_else(|| NONE.to_owned(), exact_time);
    let state = if token.revoked { "revoked" } else { "active" };
    format!(
        "{}\t{}…\t{}\t{project}\t{}\t{expires}\t{used}\t{state}",
        token.id, token.prefix, token.user, token.scope
    )
}

/// A time in UTC, as ISO 8601 writes it.
fn exact_time(time_s: u64) -> String {
    mlforge_ui::time::iso(i64::try_from(time_s).unwrap_or(i64::MAX).saturating_mul(1_000))
}

/// Prints one line to stdout. Unlike `println!` it does not panic when the reader has gone.
fn print(line: &dyn Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to stdout")
}

/// Prints a list of any length, a page at a time.
fn print_pages<T>(
    page: impl Fn(u64) -> anyhow::Result<Vec<T>>,
    id: impl Fn(&T) -> u64,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let entries = page(after)?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = id(last);
        entries.iter().try_for_each(|entry| print(&line(entry)))?;
    }
}
