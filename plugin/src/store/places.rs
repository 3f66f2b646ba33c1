//! The places of packed runs in the default order, by row. A row gets its place once and keeps it for as long as its run is.
//!
//! A record has those of `ROWS` rows, one behind the other: so few that looking up the runs of a page reads little, and that the
//! record fits into a page of the host's storage.

use std::collections::BTreeMap;

use super::keys::{self, PLACE_BYTES, Span};
use super::records::{Change, get_all, scan_all};
use crate::domain::id::{ExperimentId, RunId};
use crate::error::{Error, Result};

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

/// The places of some rows, in the order asked; none for a row that has none.
pub async fn look_up(rows: &[(ExperimentId, u64)]) -> Result<Vec<Option<Place>>> {
    let mut wanted: Vec<(ExperimentId, u32)> = rows
        .iter()
        .map(|(experiment, row)| (*experiment, record_of(*row)))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let spans = neighbours(&wanted);
    let mut records: BTreeMap<(ExperimentId, u32), Vec<u8>> = BTreeMap::new();
    let asked: Vec<Span> = spans
        .iter()
        .map(|(experiment, first, last)| keys::places_between(*experiment, *first, *last))
        .collect();
    scan_all(asked, usize::MAX, |index, key, value| {
        let (experiment, ..) = spans.get(index).ok_or_else(damaged)?;
        let number = keys::block_number(key).ok_or_else(damaged)?;
        records.insert((*experiment, number), value.to_vec());
        Ok(())
    })
    .await?;
    let place = |(experiment, row): &(ExperimentId, u64)| {
        let record = records.get(&(*experiment, record_of(*row)))?;
        let (places, _) = record.as_chunks::<PLACE_BYTES>();
        places.get(index(row % ROWS)).copied().filter(|place| *place != NONE)
    };
    Ok(rows.iter().map(place).collect())
}

/// The runs whose places a record has.
pub fn runs_of(record: &[u8]) -> impl Iterator<Item = RunId> {
    let (places, _) = record.as_chunks::<PLACE_BYTES>();
    let places = places.iter().filter(|place| **place != NONE);
    places.map(|place| keys::run_of_place(place).1)
}

/// Records that lie side by side: experiment, first and last number.
fn neighbours(sorted: &[(ExperimentId, u32)]) -> Vec<(ExperimentId, u32, u32)> {
    let mut found: Vec<(ExperimentId, u32, u32)> = Vec::new();
    for (experiment, number) in sorted {
        match found.last_mut() {
            Some((same, _, last)) if same == experiment && last.checked_add(1) == Some(*number) => *last = *number,
            _ => found.push((*experiment, *number, *number)),
        }
    }
    found
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
