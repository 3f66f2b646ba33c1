//! A page while it is filled: the first things of an order behind a place.

use std::collections::BTreeMap;

use crate::search::order::SortKey;
use crate::search::page::Place;

/// The first things behind a place, and one more that tells whether there are more. Two things never have one key.
pub struct Top<T> {
    after: Option<Place>,
    count: usize,
    kept: BTreeMap<SortKey, T>,
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
    pub fn offer(&mut self, key: SortKey, item: T) {
        if self.after.as_ref().is_some_and(|after| key.bytes() <= after.bytes()) {
            return;
        }
        self.kept.insert(key, item);
        if self.kept.len() > self.count + 1 {
            self.kept.pop_last();
        }
    }

    /// Whether only a lower key could change it.
    pub fn is_full(&self) -> bool {
        self.kept.len() > self.count
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
        let next = last.map(|(key, _)| Place::new(key.bytes().to_vec()));
        (self.kept.into_values().collect(), next)
    }
}
