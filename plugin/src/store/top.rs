//! A page while it is filled: the first things of an order behind a place.

use std::collections::BTreeMap;

use crate::search::page::Place;

/// The first things behind a place, and one more that tells whether there are more. Two things never have one key.
pub struct Top<T> {
    after: Option<Place>,
    count: usize,
    kept: BTreeMap<Vec<u8>, T>,
}

impl<T> Top<T> {
    /// Of `count` things behind a place.
    pub fn new(after: Option<Place>, count: usize) -> Self {
        Top {
            after,
            count,
            kept: BTreeMap::new(),
        }
    }

    /// Takes a thing if it belongs there.
    pub fn offer(&mut self, key: &[u8], item: T) {
        if self.after.as_ref().is_some_and(|after| key <= after.bytes()) || self.is_behind(key) {
            return;
        }
        self.kept.insert(key.to_vec(), item);
        if self.kept.len() > self.count + 1 {
            self.kept.pop_last();
        }
    }

    /// Whether what has this key, or a later one, is no longer wanted.
    pub fn is_behind(&self, key: &[u8]) -> bool {
        let last = self.kept.last_key_value().filter(|_| self.is_full());
        last.is_some_and(|(last, _)| last.as_slice() <= key)
    }

    /// Whether only a lower key could change it.
    pub fn is_full(&self) -> bool {
        self.kept.len() > self.count
    }

    /// How many things were found so far, one more than the page has at most.
    pub fn found(&self) -> usize {
        self.kept.len()
    }

    /// How many things are still looked for.
    pub fn wanted(&self) -> usize {
        (self.count + 1).saturating_sub(self.kept.len())
    }

    /// The things in order, and the place of the last one unless there are no more.
    pub fn into_page(mut self) -> (Vec<T>, Option<Place>) {
        let more = self.is_full();
        if more {
            self.kept.pop_last();
        }
        let last = self.kept.last_key_value().filter(|_| more);
        let next = last.map(|(key, _)| Place::new(key.clone()));
        (self.kept.into_values().collect(), next)
    }
}
