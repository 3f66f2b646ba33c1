//! Roles in GitLab's projects, from access levels, visibility and the switches of a project's features.

use super::api::{Member, Project};
use crate::forge::{Role, Visibility};

/// A switch of a project's feature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Feature {
    Off,
    MembersOnly,
    On,
}

/// The role of a membership. `None`: it gives no access to the project.
pub(super) fn of_member(member: &Member) -> Option<Role> {
    let is_active = member.membership_state.as_deref().is_none_or(|state| state == "active");
    of_level(member.access_level).filter(|_| is_active)
}

/// The role of an access level. Minimal access (5) is none; a planner (15) is a guest.
fn of_level(level: u32) -> Option<Role> {
    match level {
        0..10 => None,
        10..20 => Some(Role::Guest),
        20..30 => Some(Role::Reporter),
        30..40 => Some(Role::Developer),
        40..50 => Some(Role::Maintainer),
        50.. => Some(Role::Owner),
    }
}

/// The role of the word that ID tokens have for it. `None`: the word is unknown, and gives nothing.
pub(super) fn of_word(word: &str) -> Option<Role> {
    match word {
        "guest" | "planner" => Some(Role::Guest),
        "reporter" | "security manager" => Some(Role::Reporter),
        "developer" => Some(Role::Developer),
        "maintainer" => Some(Role::Maintainer),
        "owner" => Some(Role::Owner),
        _ => None,
    }
}

/// The strongest role among the memberships that the project's answer tells and the one that was asked for.
pub(super) fn strongest(project: &Project, member: Option<&Member>) -> Option<Role> {
    let own = project
        .permissions
        .iter()
        .flat_map(|own| [&own.project_access, &own.group_access]);
    own.flatten().chain(member).filter_map(of_member).max()
}

/// The role of a user without membership to whom GitLab showed the project.
///
/// It shows a private one only to administrators and auditors. Of a project that everyone sees, `is_admin` proves
/// nothing: Admin Mode may keep the token from acting as an administrator.
pub(super) fn of_viewer(visibility: Visibility, is_admin: bool) -> Option<Role> {
    match visibility {
        Visibility::Private if is_admin => Some(Role::Owner),
        Visibility::Private => None,
        Visibility::Internal | Visibility::Public => Some(Role::Guest),
    }
}

/// The role of a user without membership of whom only the id is known. Restricted users see no internal projects.
pub(super) fn of_stranger(visibility: Visibility) -> Option<Role> {
    (visibility == Visibility::Public).then_some(Role::Guest)
}

/// True if the project's switches let the user in. The stricter of experiments and registry counts, as one right opens
/// both here. Versions before 16 have no switches.
pub(super) fn is_open(project: &Project, is_member: bool) -> bool {
    let feature = |level: &Option<String>| match level.as_deref() {
        None | Some("enabled" | "public") => Feature::On,
        Some("private") => Feature::MembersOnly,
        Some(_) => Feature::Off,
    };
    match feature(&project.model_experiments_access_level).min(feature(&project.model_registry_access_level)) {
        Feature::On => true,
        Feature::MembersOnly => is_member,
        Feature::Off => false,
    }
}
