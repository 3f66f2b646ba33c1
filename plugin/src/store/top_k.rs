//! The first k items of an order after a cursor.

use std::collections::BTreeMap;

use crate::search::cursor::Cursor;

/// Bytes of keys, and of what is kept with them, of one page: with more it has fewer things than were asked for, but two it may
/// have.
const BYTES_MAX: usize = 24 << 20;

/// The first things behind a place, and one more that tells whether there are more. Two things never have one key.
pub struct TopK<T> {
    after: Option<Cursor>,
    count: usize,
    kept: BTreeMap<Vec<u8>, Kept<T>>,
    bytes: usize,
}

struct Kept<T> {
    item: T,
    bytes: usize,
}

/// A page of what was found.
#[derive(Debug)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Where each of them lies in the order.
    keys: Vec<Vec<u8>>,
    has_more: bool,
}

impl<T> Page<T> {
    /// An empty page, behind which there is nothing.
    pub fn empty() -> Self {
        Page {
            items: Vec::new(),
            keys: Vec::new(),
            has_more: false,
        }
    }

    /// Where the next page begins if this one is to end with its first `count` things; none when there are no more.
    pub fn cursor_after(&self, count: usize) -> Option<Cursor> {
        let is_end = count >= self.keys.len() && !self.has_more;
        let last = self.keys.get(count.min(self.keys.len()).checked_sub(1)?);
        last.filter(|_| !is_end).map(|key| Cursor::new(key.clone()))
    }
}

impl<T> TopK<T> {
    /// Of `count` things behind a place.
    pub fn new(after: Option<Cursor>, count: usize) -> Self {
        TopK {
            after,
            count,
            kept: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Takes a thing if it belongs there.
    pub fn offer(&mut self, key: &[u8], item: T) {
        self.offer_large(key, item, 0);
    }

    /// The same of a thing that has so many bytes besides those of its type.
    pub fn offer_large(&mut self, key: &[u8], item: T, bytes: usize) {
        if self.after.as_ref().is_some_and(|after| key <= after.bytes()) || self.is_after(key) {
            return;
        }
        let bytes = size_of::<Vec<u8>>() + key.len() + size_of::<Kept<T>>() + bytes;
        self.bytes += bytes;
        if let Some(twin) = self.kept.insert(key.to_vec(), Kept { item, bytes }) {
            self.bytes -= twin.bytes;
        }
        while self.kept.len() > self.count + 1 || (self.bytes > BYTES_MAX && self.kept.len() > 2) {
            let last = self.kept.pop_last();
            self.bytes -= last.map_or(0, |(_, last)| last.bytes);
            // What was there is known to lie behind the page: so many things fill it.
            self.count = self.count.min(self.kept.len() - 1);
        }
    }

    /// True if what has this key, or a later one, is no longer wanted.
    pub fn is_after(&self, key: &[u8]) -> bool {
        let last = self.kept.last_key_value().filter(|_| self.is_full());
        last.is_some_and(|(last, _)| last.as_slice() <= key)
    }

    /// True if only a lower key could change it.
    pub fn is_full(&self) -> bool {
        self.kept.len() > self.count
    }

    /// How many things were found so far, one more than the page has at most.
    pub fn found(&self) -> usize {
        self.kept.len()
    }

    /// How many things are still looked for.
    pub fn missing(&self) -> usize {
        (self.count + 1).saturating_sub(self.kept.len())
    }

    /// The page.
    pub fn into_page(mut self) -> Page<T> {
        let has_more = self.is_full();
        if has_more {
            self.kept.pop_last();
        }
        let (keys, items) = self.kept.into_iter().map(|(key, kept)| (key, kept.item)).unzip();
        Page { items, keys, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_of_large_things_are_shorter_and_leave_none_out(
            sizes in prop::collection::vec(0_usize..20 << 20, 0..30), count in 1_usize..9,
        ) {
            let (mut after, mut walked) = (None, Vec::new());
            loop {
                let mut top = TopK::new(after, count);
                // In an order that is not theirs.
                for index in (0..sizes.len()).map(|index| index * 31 % sizes.len().max(1)).chain(0..sizes.len()) {
                    top.offer_large(&[u8::try_from(index).unwrap_or(0)], index, sizes.get(index).copied().unwrap_or(0));
                }
                let page = top.into_page();
                let bytes: usize = page.items.iter().filter_map(|index| sizes.get(*index)).sum();
                prop_assert!(page.items.len() <= count && (page.items.len() <= 2 || bytes <= BYTES_MAX));
                after = page.cursor_after(page.items.len());
                walked.extend(page.items);
                if after.is_none() {
                    break;
                }
            }
            prop_assert!(walked.into_iter().eq(0..sizes.len()));
        }
    }

    #[test]
    fn a_page_that_ends_early_says_where_the_next_one_begins() {
        let mut top = TopK::new(None, 3);
        (0..3_u8).for_each(|key| top.offer(&[key], key));
        let page = top.into_page();
        assert_eq!(page.cursor_after(2), Some(Cursor::new(vec![1])));
        assert_eq!(page.cursor_after(3), None);
        assert_eq!(Page::<u8>::empty().cursor_after(0), None);
    }
}
