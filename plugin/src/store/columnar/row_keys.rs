//! Row number → sort key of its run in the default order. A row keeps its key for as long as its run exists.
//!
//! A record holds the keys of `ROWS` rows: few enough that looking up a page reads little, and that a record fits into a page
//! of SQLite.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::cache::{BlockRevision, RevisionCache};
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};
use crate::host::records::{Change, get_all, scan_all};
use crate::store::keys;
use crate::store::keys::PLACE_BYTES;

/// Rows of a record.
const ROWS: u64 = 32;

/// A place in the default order.
pub type Place = [u8; PLACE_BYTES];

/// What stands where a run is no more: an id that is made by nobody.
const NONE: Place = [0; PLACE_BYTES];

/// Gives new rows, which follow each other and all others, their places.
pub async fn append(change: &mut Change, experiment: ExperimentId, first: u64, places: &[Place]) -> Result<()> {
    let mut grown: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (row, place) in (first..).zip(places) {
        grown.entry(record_of(row)).or_default().extend_from_slice(place);
    }
    // Only the first of them can have been begun.
    if let Some((number, added)) = grown.iter_mut().next() {
        let begun = get_all(vec![keys::places(experiment, *number)]).await?;
        let begun = begun.first().map_or(&[][..], |record| &record.value);
        let expected = index(first % ROWS) * PLACE_BYTES;
        let mut all = begun.get(..expected).ok_or_else(damaged)?.to_vec();
        all.append(added);
        *added = all;
    }
    for (number, record) in grown {
        change.put(keys::places(experiment, number), record);
    }
    Ok(())
}

/// Takes the places of some rows away, whose runs are no more. The change must be one that checks the experiment's zones.
pub async fn clear(change: &mut Change, experiment: ExperimentId, rows: &[u64]) -> Result<()> {
    let mut numbers: Vec<u32> = rows.iter().map(|row| record_of(*row)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let records = get_all(numbers.iter().map(|number| keys::places(experiment, *number)).collect()).await?;
    for (number, record) in numbers
        .iter()
        .zip(records)
        .filter(|(_, record)| record.existing().is_some())
    {
        let mut kept = record.value;
        let (places, _) = kept.as_chunks_mut::<PLACE_BYTES>();
        for row in rows.iter().filter(|row| record_of(**row) == *number) {
            if let Some(place) = places.get_mut(index(row % ROWS)) {
                *place = NONE;
            }
        }
        change.put(keys::places(experiment, *number), kept);
    }
    Ok(())
}

/// Bytes of places that an instance keeps: those of 40,000 rows.
const KEPT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static KEPT: RefCell<RevisionCache<u32, Vec<u8>>> = const { RefCell::new(RevisionCache::new(KEPT_BYTES_MAX)) };
}

/// Records that are kept or dropped together.
const SHELF_RECORDS: u32 = 64;

/// A record with places, by number.
type Numbered = (BlockRevision, u32);

/// The places of some rows, in the order asked; none for a row that has none.
pub async fn look_up(rows: &[(BlockRevision, u64)]) -> Result<Vec<Option<Place>>> {
    let mut places = vec![None; rows.len()];
    let mut missing = BTreeSet::new();
    KEPT.with_borrow_mut(|kept| {
        kept.begin();
        for ((edition, row), found) in rows.iter().zip(&mut places) {
            let number = record_of(*row);
            match kept_record(kept, *edition, number) {
                Some(record) => *found = place_in(record, *row),
                None => _ = missing.insert((*edition, number)),
            }
        }
    });
    if missing.is_empty() {
        return Ok(places);
    }
    let records = read(&missing).await?;
    for ((edition, row), found) in rows.iter().zip(&mut places) {
        if let Some(record) = records.get(&(*edition, record_of(*row))) {
            *found = place_in(record, *row);
        }
    }
    Ok(places)
}

/// Reads records and keeps them.
async fn read(wanted: &BTreeSet<Numbered>) -> Result<BTreeMap<Numbered, Rc<Vec<u8>>>> {
    let spans = neighbours(wanted);
    let asked = spans
        .iter()
        .map(|(edition, first, last)| keys::places_between(edition.experiment, *first, *last));
    let mut records = BTreeMap::new();
    scan_all(asked.collect(), usize::MAX, |index, key, value| {
        let (edition, ..) = spans.get(index).ok_or_else(damaged)?;
        let number = keys::block_number(key).ok_or_else(damaged)?;
        let record = Rc::new(value.to_vec());
        let bytes = size_of::<Vec<u8>>() + value.len();
        let (row, place) = shelf_place(number);
        KEPT.with_borrow_mut(|kept| kept.keep(*edition, &row, place, Rc::clone(&record), bytes));
        records.insert((*edition, number), record);
        Ok(())
    })
    .await?;
    Ok(records)
}

fn kept_record(kept: &mut RevisionCache<u32, Vec<u8>>, edition: BlockRevision, number: u32) -> Option<&Vec<u8>> {
    let (row, place) = shelf_place(number);
    kept.row(edition.experiment, &row)?
        .get(place, edition.revision)
        .map(Rc::as_ref)
}

fn place_in(record: &[u8], row: u64) -> Option<Place> {
    let (places, _) = record.as_chunks::<PLACE_BYTES>();
    places.get(index(row % ROWS)).copied().filter(|place| *place != NONE)
}

/// The runs whose places a record has.
pub fn runs_of(record: &[u8]) -> impl Iterator<Item = RunId> {
    let (places, _) = record.as_chunks::<PLACE_BYTES>();
    let places = places.iter().filter(|place| **place != NONE);
    places.map(|place| keys::run_of_place(place).1)
}

/// Records that lie side by side: of what, first and last number.
fn neighbours(sorted: &BTreeSet<Numbered>) -> Vec<(BlockRevision, u32, u32)> {
    let mut found: Vec<(BlockRevision, u32, u32)> = Vec::new();
    for (edition, number) in sorted {
        match found.last_mut() {
            Some((same, _, last)) if same == edition && last.checked_add(1) == Some(*number) => *last = *number,
            _ => found.push((*edition, *number, *number)),
        }
    }
    found
}

/// Where a record is kept: the row of the shelf, and the place in it.
fn shelf_place(number: u32) -> (u32, u32) {
    (number / SHELF_RECORDS, number % SHELF_RECORDS)
}

fn record_of(row: u64) -> u32 {
    u32::try_from(row / ROWS).unwrap_or(u32::MAX)
}

fn index(row: u64) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn damaged() -> Error {
    Error::Corrupt("the places of an experiment's runs".to_owned())
}
