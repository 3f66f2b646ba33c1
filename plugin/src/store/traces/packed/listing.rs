//! The traces of an experiment that a search may find, in default order. Where there are columns, they leave out the others.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{damaged, just_after, listed};
use super::snapshot::{Snapshot, place_in, rows_of};
use super::{ColumnFilter, Place};
use crate::domain::id::ExperimentId;
use crate::error::Result;
use crate::host::records::scan;
use crate::store::columnar::slot_bitmap::SlotBitmap;
use crate::store::keys::traces::{all_judged, judged_session_of, read_sort_key, sort_key};
use crate::store::list_merge::CHUNK_MAX;

/// Largest number of parts that are evaluated together.
const PARTS_AHEAD_MAX: usize = 64;

/// Largest number of traces with assessments of whole sessions, from which the judged sessions are gathered.
const JUDGED_MAX: usize = 2_000;

/// Number of times that a search begins again with a new directory. Then it does without columns.
pub const RETRIES_MAX: usize = 4;

/// Reads the traces of an experiment from a sort key on.
pub struct Listing<'q> {
    experiment: ExperimentId,
    filter: ColumnFilter<'q>,
    /// `None`: the search does without columns.
    snapshot: Option<Snapshot>,
    /// The sort key at which it goes on. `None`: it is at the end.
    from: Option<Vec<u8>>,
    /// A part, and its slot at which it goes on, if `from` is inside the part and was met before.
    known: Option<(usize, u16)>,
    ahead: usize,
    least: usize,
    retries_left: usize,
}

/// Slots of a part that may match.
struct Candidates {
    part: usize,
    slots: Vec<u16>,
}

impl<'q> Listing<'q> {
    /// Begins after a sort key; at the start after an empty one.
    pub async fn begin(experiment: ExperimentId, filter: ColumnFilter<'q>, after: &[u8]) -> Result<Self> {
        let mut from = after.to_vec();
        if !from.is_empty() {
            from.push(0);
        }
        Ok(Listing {
            experiment,
            filter,
            snapshot: Snapshot::read(experiment, &from).await?,
            from: Some(from),
            known: None,
            ahead: 2,
            least: 1,
            retries_left: RETRIES_MAX,
        })
    }

    /// The next traces, about as many as are wanted. `None`: it is at the end.
    pub async fn next(&mut self, wanted: usize) -> Result<Option<Vec<Place>>> {
        while let Some(from) = self.from.clone() {
            let part = self.snapshot.as_ref().and_then(|snapshot| snapshot.part_at(&from));
            let packed = self.snapshot.as_ref().zip(part);
            let places = match packed.filter(|(snapshot, part)| snapshot.block(*part).is_some()) {
                Some((_, part)) => self.packed(from, part, wanted.max(1)).await?,
                None => self.listed(from, part, wanted).await?,
            };
            if !places.is_empty() {
                return Ok(Some(places));
            }
        }
        Ok(None)
    }

    /// Traces of a part that has no columns.
    async fn listed(&mut self, from: Vec<u8>, part: Option<usize>, wanted: usize) -> Result<Vec<Place>> {
        let next = part.map_or(0, |part| part + 1);
        let until = self
            .snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.first(next))
            .map(<[u8]>::to_vec);
        let limit = wanted.max(self.least).clamp(1, CHUNK_MAX);
        self.least = 2 * limit;
        let listed = listed(self.experiment, &from, until.as_deref(), limit).await?;
        self.from = listed.next.or(until);
        Ok(listed.places)
    }

    /// Traces of parts that have columns, from this one on.
    async fn packed(&mut self, from: Vec<u8>, part: usize, wanted: usize) -> Result<Vec<Place>> {
        let Some(snapshot) = &self.snapshot else {
            return Ok(Vec::new());
        };
        let begin = match self.known {
            Some((known, slot)) if known == part => Some(slot),
            _ if snapshot.first(part).is_some_and(|first| from.as_slice() <= first) => Some(0),
            _ => snapshot.rows_before(part, &from).await?,
        };
        let Some(begin) = begin else {
            return self.again(&from).await;
        };
        let (mut some, mut count, mut next, mut cut) = (Vec::new(), 0, part, None);
        while count < wanted && snapshot.block(next).is_some() {
            let end = (next..next + self.ahead)
                .take_while(|part| snapshot.block(*part).is_some())
                .count()
                + next;
            self.ahead = (2 * self.ahead).min(PARTS_AHEAD_MAX);
            let blocks = snapshot.blocks(next..end, self.filter.columns()).await?;
            for (index, columns) in (next..end).zip(blocks) {
                let reference = snapshot.block(index).ok_or_else(damaged)?;
                let mut slots = SlotBitmap::prefix(reference.rows);
                if index == part {
                    slots = slots - SlotBitmap::prefix(begin);
                }
                self.filter.retain(&columns, reference.is_whole, &mut slots);
                let mut slots: Vec<u16> = slots.iter().collect();
                if count + slots.len() > wanted {
                    slots.truncate(wanted - count);
                    cut = slots.last().map(|slot| (index, *slot));
                }
                count += slots.len();
                some.push(Candidates { part: index, slots });
                next = index + 1;
                if count >= wanted {
                    break;
                }
            }
        }
        let wanted_rows = some
            .iter()
            .flat_map(|some| some.slots.iter().map(|slot| rows_of(some.part, *slot).0));
        let Some(rows) = snapshot.rows(&wanted_rows.collect()).await? else {
            return self.again(&from).await;
        };
        let mut found: BTreeMap<Vec<u8>, Place> = BTreeMap::new();
        for some in &some {
            for slot in &some.slots {
                let place = place_in(&rows, some.part, *slot)?;
                found.insert(sort_key(place.0, &place.1), place);
            }
        }
        let until = match (cut, found.last_key_value()) {
            (Some((part, slot)), Some((_, last))) => {
                self.known = Some((part, slot + 1));
                Some(just_after(last))
            }
            _ => snapshot.first(next).map(<[u8]>::to_vec),
        };
        for dirty in snapshot.dirty.range(from..) {
            if until.as_ref().is_some_and(|until| dirty >= until) {
                break;
            }
            found.insert(dirty.clone(), read_sort_key(dirty).ok_or_else(damaged)?);
        }
        self.from = until;
        Ok(found.into_values().collect())
    }

    /// Reads the directory again, because compaction has changed it.
    async fn again(&mut self, from: &[u8]) -> Result<Vec<Place>> {
        self.known = None;
        self.snapshot = match self.retries_left.checked_sub(1) {
            Some(left) => {
                self.retries_left = left;
                Snapshot::read(self.experiment, from).await?
            }
            None => None,
        };
        Ok(Vec::new())
    }
}

/// The sessions of an experiment with assessments that count for all their traces. `None`: they are too many.
pub async fn judged_sessions(experiment: ExperimentId) -> Result<Option<BTreeSet<String>>> {
    let mut sessions = BTreeSet::new();
    let count = scan(all_judged(experiment), JUDGED_MAX, |key, _| {
        sessions.extend(judged_session_of(key));
        Ok(())
    })
    .await?;
    Ok((count < JUDGED_MAX).then_some(sessions))
}
