//! Row number → sort key of its run in the default order. A row keeps its key for as long as its run exists.
//!
//! A record holds the keys of `ROWS` rows. These are few enough that looking up a page reads little, and that
//! a record fits into a page of SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::cache::{BlockRevision, RevisionCache};
use super::instance_cache;
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};
use crate::host::records::{Change, get_all, scan_all};
use crate::store::keys::RUN_SORT_KEY_BYTES;
use crate::store::{contiguous, keys};

/// Number of rows in a record.
const ROWS: u64 = 32;

/// The position of a run in the default order: its start time and id, as bytes that sort so.
pub type RunSortKey = [u8; RUN_SORT_KEY_BYTES];

/// The key in the row of a purged run: no run has this id.
const PURGED: RunSortKey = [0; RUN_SORT_KEY_BYTES];

/// Adds the sort keys of new rows. The rows are consecutive and come after all others.
pub async fn append(change: &mut Change, experiment: ExperimentId, first: u64, sort_keys: &[RunSortKey]) -> Result<()> {
    let mut grown: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (row, sort_key) in (first..).zip(sort_keys) {
        grown.entry(record_of(row)).or_default().extend_from_slice(sort_key);
    }
    // Only the first record can exist already, with fewer rows.
    if let Some((number, added)) = grown.iter_mut().next() {
        let begun = get_all(vec![keys::row_keys(experiment, *number)]).await?;
        let begun = begun.first().map_or(&[][..], |record| &record.value);
        let expected = index(first % ROWS) * RUN_SORT_KEY_BYTES;
        let mut all = begun.get(..expected).ok_or_else(damaged)?.to_vec();
        all.append(added);
        *added = all;
    }
    for (number, record) in grown {
        change.put(keys::row_keys(experiment, number), record);
    }
    Ok(())
}

/// Removes the sort keys of rows whose runs are purged. The change must be one that checks the experiment's
/// zone map.
pub async fn clear(change: &mut Change, experiment: ExperimentId, rows: &[u64]) -> Result<()> {
    let mut numbers: Vec<u32> = rows.iter().map(|row| record_of(*row)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let records = get_all(
        numbers
            .iter()
            .map(|number| keys::row_keys(experiment, *number))
            .collect(),
    )
    .await?;
    for (number, record) in numbers
        .iter()
        .zip(records)
        .filter(|(_, record)| record.existing().is_some())
    {
        let mut value = record.value;
        let (sort_keys, _) = value.as_chunks_mut::<RUN_SORT_KEY_BYTES>();
        for row in rows.iter().filter(|row| record_of(**row) == *number) {
            if let Some(sort_key) = sort_keys.get_mut(index(row % ROWS)) {
                *sort_key = PURGED;
            }
        }
        change.put(keys::row_keys(experiment, *number), value);
    }
    Ok(())
}

/// The runs in a record of row keys, in the order of its rows.
pub fn runs_in(record: &[u8]) -> impl Iterator<Item = RunId> {
    let (sort_keys, _) = record.as_chunks::<RUN_SORT_KEY_BYTES>();
    let existing = sort_keys.iter().filter(|sort_key| **sort_key != PURGED);
    existing.map(|sort_key| keys::run_of_sort_key(sort_key).1)
}

/// Number of records that the cache keeps or evicts together.
const SEGMENT_RECORDS: u32 = 64;

/// A record of row keys: its block's revision and its number.
type Numbered = (BlockRevision, u32);

/// Returns the sort keys of some rows in the order asked. `None`: the row has none.
pub async fn look_up(rows: &[(BlockRevision, u64)]) -> Result<Vec<Option<RunSortKey>>> {
    let mut sort_keys = vec![None; rows.len()];
    let mut missing = BTreeSet::new();
    instance_cache::with(|cache| {
        let cache = &mut cache.row_keys;
        cache.begin_query();
        for ((revision, row), found) in rows.iter().zip(&mut sort_keys) {
            let number = record_of(*row);
            match cached_record(cache, *revision, number) {
                Some(record) => *found = sort_key_in(record, *row),
                None => _ = missing.insert((*revision, number)),
            }
        }
    });
    if missing.is_empty() {
        return Ok(sort_keys);
    }
    let records = read(&missing).await?;
    for ((revision, row), found) in rows.iter().zip(&mut sort_keys) {
        if let Some(record) = records.get(&(*revision, record_of(*row))) {
            *found = sort_key_in(record, *row);
        }
    }
    Ok(sort_keys)
}

/// Reads records and caches them.
async fn read(wanted: &BTreeSet<Numbered>) -> Result<BTreeMap<Numbered, Rc<Vec<u8>>>> {
    let spans = contiguous::ranges(wanted.iter().copied());
    let asked = spans
        .iter()
        .map(|(revision, numbers)| keys::row_keys_between(revision.experiment, *numbers.start(), *numbers.end()));
    let mut records = BTreeMap::new();
    scan_all(asked.collect(), usize::MAX, |index, key, value| {
        let (revision, _) = spans.get(index).ok_or_else(damaged)?;
        let number = keys::block_number(key).ok_or_else(damaged)?;
        let record = Rc::new(value.to_vec());
        let bytes = size_of::<Vec<u8>>() + value.len();
        let (segment, slot) = cache_slot(number);
        instance_cache::with(|cache| {
            cache
                .row_keys
                .insert(*revision, &segment, slot, Rc::clone(&record), bytes)
        });
        records.insert((*revision, number), record);
        Ok(())
    })
    .await?;
    Ok(records)
}

/// Number of the record that has the sort key of a row.
pub fn record_number(row: u64) -> u32 {
    record_of(row)
}

/// The sort key of a row in the record that has it. `None`: the record ends before, or the run was purged.
pub fn sort_key_of(record: &[u8], row: u64) -> Option<RunSortKey> {
    sort_key_in(record, row)
}

fn cached_record(cache: &mut RevisionCache<u32, Vec<u8>>, revision: BlockRevision, number: u32) -> Option<&Vec<u8>> {
    let (segment, slot) = cache_slot(number);
    cache
        .segment(revision.experiment, &segment)?
        .get(slot, revision.revision)
        .map(Rc::as_ref)
}

fn sort_key_in(record: &[u8], row: u64) -> Option<RunSortKey> {
    let (sort_keys, _) = record.as_chunks::<RUN_SORT_KEY_BYTES>();
    sort_keys
        .get(index(row % ROWS))
        .copied()
        .filter(|sort_key| *sort_key != PURGED)
}

/// Returns the runs in a record of row keys.
pub fn runs_of(record: &[u8]) -> impl Iterator<Item = RunId> {
    let (sort_keys, _) = record.as_chunks::<RUN_SORT_KEY_BYTES>();
    let sort_keys = sort_keys.iter().filter(|sort_key| **sort_key != PURGED);
    sort_keys.map(|sort_key| keys::run_of_sort_key(sort_key).1)
}

/// Returns the segment of a record in the cache, and its number in the segment.
fn cache_slot(number: u32) -> (u32, u32) {
    (number / SEGMENT_RECORDS, number % SEGMENT_RECORDS)
}

fn record_of(row: u64) -> u32 {
    u32::try_from(row / ROWS).unwrap_or(u32::MAX)
}

fn index(row: u64) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn damaged() -> Error {
    Error::Corrupt("row keys of an experiment".to_owned())
}
