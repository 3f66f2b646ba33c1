//! The kinds of items that are counted, and the items in records and in commits.

use std::collections::HashMap;

use crate::convert::to_usize;
use crate::storage::{Commit, Page, PerProject, ProjectId, Write};

/// Keys from one (included) to another one (excluded).
type KeyRange = (&'static [u8], &'static [u8]);

/// A kind of items with its bound.
#[derive(Clone, Debug)]
pub(crate) struct ItemKind {
    /// The name of the items for people.
    pub(crate) name: &'static str,
    /// The keys among which theirs are.
    pub(crate) ranges: &'static [KeyRange],
    /// Number of items in a record. `None`: it has none of this kind. A record whose value is not known is given without it.
    pub(crate) count: fn(&[u8], &[u8]) -> Option<u64>,
    /// The largest number of items that a project may have.
    pub(crate) max: PerProject<u64>,
}

/// All kinds.
pub(super) struct Kinds(Vec<ItemKind>);

/// The items that a commit adds and removes: the key of each record, the kind, and the number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<(Vec<u8>, usize, u64)>,
    pub(super) removed: Vec<(Vec<u8>, usize, u64)>,
    /// True if it may add less, or remove more.
    pub(super) is_estimate: bool,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Kinds {
    pub(super) fn new(kinds: Vec<ItemKind>) -> Self {
        Self(kinds)
    }

    /// The name of a kind's items for people.
    pub(super) fn name(&self, kind: usize) -> &'static str {
        self.0.get(kind).map_or("items", |kind| kind.name)
    }

    /// The maxima of a project, one for each kind.
    pub(super) fn maxima_of(&self, project: ProjectId) -> Vec<u64> {
        self.0.iter().map(|kind| kind.max.of(project)).collect()
    }

    /// The ranges of all kinds, in the order of their keys.
    pub(super) fn ranges(&self) -> Vec<KeyRange> {
        let mut ranges: Vec<KeyRange> = self.0.iter().flat_map(|kind| kind.ranges).copied().collect();
        ranges.sort_unstable();
        ranges
    }

    /// The kind of a record, and its number of items.
    fn of(&self, key: &[u8], value: &[u8]) -> Option<(usize, u64)> {
        let mut kinds = self.0.iter().enumerate();
        kinds.find_map(|(index, kind)| {
            let is_within = kind.ranges.iter().any(|(start, end)| *start <= key && key < *end);
            let count = is_within.then(|| (kind.count)(key, value))??;
            Some((index, count))
        })
    }

    /// The items of each kind in a page, and its last key. `None`: the page is empty.
    pub(super) fn of_page(&self, page: &Page) -> (Vec<u64>, Option<Vec<u8>>) {
        let mut found = vec![0_u64; self.0.len()];
        let (mut start, mut last) = (0, None);
        for ends in page.ends.chunks_exact(2) {
            let &[key_end, value_end] = ends else { continue };
            let (key_end, value_end) = (to_usize(key_end), to_usize(value_end));
            let key = page.bytes.get(start..key_end).unwrap_or_default();
            let value = page.bytes.get(key_end..value_end).unwrap_or_default();
            if let Some((kind, count)) = self.of(key, value)
                && let Some(sum) = found.get_mut(kind)
            {
                *sum = sum.saturating_add(count);
            }
            (start, last) = (value_end, Some(key));
        }
        (found, last.map(<[u8]>::to_vec))
    }

    /// The items that a commit adds and removes.
    pub(super) fn changes(&self, commit: &Commit) -> Changes {
        let mut changes = Changes::default();
        let mut checks: Option<HashMap<&[u8], u64>> = None;
        for write in &commit.writes {
            let key = write.key();
            let Some((kind, count)) = self.of(key, write.value()) else {
                continue;
            };
            let checks = checks.get_or_insert_with(|| {
                let pairs = commit.checks.iter();
                pairs.map(|check| (check.key.as_slice(), check.version)).collect()
            });
            match (write, checks.get(key)) {
                (Write::Delete(_), _) => {
                    changes.is_estimate |= count == 0;
                    changes.removed.push((key.to_vec(), kind, count));
                }
                (_, Some(0)) => changes.added.push((key.to_vec(), kind, count)),
                // The record exists, and this changes it.
                (_, Some(_)) => {}
                (_, None) => {
                    changes.is_estimate = true;
                    changes.added.push((key.to_vec(), kind, count));
                }
            }
        }
        changes
    }
}
