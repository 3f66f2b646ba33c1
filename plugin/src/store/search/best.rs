//! The first things of an order.

use std::collections::BinaryHeap;

use super::Page;
use crate::search::page::Place;

/// The first things of an order behind a place, and one more to tell whether there are more.
pub(super) struct Best<T> {
    after: Option<Vec<u8>>,
    count: usize,
    /// The last in order on top.
    kept: BinaryHeap<(Vec<u8>, T)>,
}

impl<T: Ord> Best<T> {
    /// Nothing yet, of at most so many.
    pub(super) fn new(after: Option<&Place>, count: usize) -> Self {
        Best {
            after: after.map(|place| place.bytes().to_vec()),
            count,
            kept: BinaryHeap::new(),
        }
    }

    /// Keeps a thing if it is one of the first behind the place. No two things have the same key.
    pub(super) fn offer(&mut self, key: &[u8], item: T) {
        if self.after.as_ref().is_some_and(|after| key <= after.as_slice()) || self.is_behind(key) {
            return;
        }
        self.kept.push((key.to_vec(), item));
        if self.kept.len() > self.count + 1 {
            self.kept.pop();
        }
    }

    /// The key of the last thing kept, when only things before it are still wanted.
    pub(super) fn last(&self) -> Option<&[u8]> {
        let is_full = self.kept.len() > self.count;
        self.kept.peek().filter(|_| is_full).map(|(key, _)| key.as_slice())
    }

    /// Whether what has this key, or a later one, is no longer wanted.
    pub(super) fn is_behind(&self, key: &[u8]) -> bool {
        self.last().is_some_and(|last| last <= key)
    }

    /// The page, and the place of its last thing unless the search ends there.
    pub(super) fn page(self) -> Page<T> {
        let more = self.kept.len() > self.count;
        let mut sorted = self.kept.into_sorted_vec();
        sorted.truncate(self.count);
        let next = sorted.last().filter(|_| more).map(|(key, _)| Place::new(key.clone()));
        (sorted.into_iter().map(|(_, item)| item).collect(), next)
    }
}
