//! A value that each project has: the common one, or one of its own.

use std::collections::BTreeMap;

use super::ProjectId;

/// A value of each project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerProject<T> {
    common: T,
    own: BTreeMap<ProjectId, T>,
}

impl<T: Copy> PerProject<T> {
    /// One value for every project.
    pub fn all(common: T) -> Self {
        Self::with(common, [])
    }

    /// A common value, and those of the projects that have one of their own.
    pub fn with(common: T, own: impl IntoIterator<Item = (ProjectId, T)>) -> Self {
        let own = own.into_iter().collect();
        Self { common, own }
    }

    /// The value of a project.
    pub fn of(&self, project: ProjectId) -> T {
        self.own.get(&project).copied().unwrap_or(self.common)
    }

    /// Another value made of each.
    pub fn map<U: Copy>(&self, change: impl Fn(T) -> U) -> PerProject<U> {
        let own = self.own.iter().map(|(project, value)| (*project, change(*value)));
        PerProject::with(change(self.common), own)
    }

    /// All values, the common one first.
    pub fn values(&self) -> impl Iterator<Item = T> + '_ {
        [self.common].into_iter().chain(self.own.values().copied())
    }
}
