//! The traces that may be on a page in the order of a number: their start, their duration or their end. The columns tell the number,
//! and traces with the same one are in default order, as in their parts.

use std::collections::BTreeSet;

use super::place::{damaged, just_after, listed};
use super::snapshot::{Snapshot, place_in, rows_of};
use super::{ColumnFilter, Place};
use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::search::cursor::Cursor;
use crate::search::order::Ordered;
use crate::search::schema::Subject;
use crate::search::traces::{TraceAttribute, TraceOrder};
use crate::store::columnar::block::Block;
use crate::store::columnar::slot_bitmap::SlotBitmap;
use crate::store::keys::trace_columns::TraceColumn;
use crate::store::keys::traces::{read_sort_key, sort_key};
use crate::store::list_merge::CHUNK_MAX;

/// Number of parts that are evaluated together.
const PARTS_AT_ONCE: usize = 64;
/// Number of traces that are ranked besides those of a page, because some may have changed meanwhile.
const SPARE: usize = 28;

/// An order by a number, then the default one.
pub struct Ranking {
    attribute: TraceAttribute,
    descending: bool,
}

/// The rank of a trace: absent numbers last, then the number, then the part and the slot.
type Rank = (bool, u64, usize, u16);

impl Ranking {
    /// The ranking of an order. `None`: the columns do not tell it.
    pub fn of(order: &TraceOrder) -> Option<Self> {
        let (first, others) = order.terms().split_first()?;
        let Subject::Attribute(attribute) = first.subject else {
            return None;
        };
        let is_number = matches!(
            attribute,
            TraceAttribute::Start | TraceAttribute::Duration | TraceAttribute::End
        );
        let ties = TraceAttribute::TIE_BREAKERS
            .iter()
            .filter(|term| term.subject != first.subject);
        (is_number && ties.eq(others)).then_some(Ranking {
            attribute,
            descending: first.descending,
        })
    }

    /// A number as it sorts in sort keys.
    fn rank(&self, number: i64) -> u64 {
        let bits = number.cast_unsigned() ^ 1 << 63;
        if self.descending { !bits } else { bits }
    }

    /// The number and the trace of a cursor.
    fn read(&self, cursor: &Cursor) -> Option<(bool, u64, Place)> {
        let (kind, rest) = cursor.bytes().split_first()?;
        let (number, rest) = match kind {
            0 => {
                let (number, rest) = rest.split_first_chunk()?;
                (Some(u64::from_be_bytes(*number)), rest)
            }
            _ => (None, rest),
        };
        let place = match (self.attribute, number) {
            (TraceAttribute::Start, Some(number)) => {
                let bits = if self.descending { !number } else { number };
                let id = std::str::from_utf8(rest.get(1..)?.strip_suffix(&[0, 0])?).ok()?;
                ((bits ^ 1 << 63).cast_signed(), TraceId::stored(id))
            }
            _ => TraceOrder::listing_cursor(rest)?,
        };
        Some((number.is_none(), number.unwrap_or(0), place))
    }
}

/// A receiver of ranked traces.
pub(in crate::store::traces) trait Visitor {
    /// Looks at some traces. The result is true if a trace with a higher rank than these cannot be on the page.
    async fn visit(&mut self, places: &[Place]) -> Result<bool>;
}

/// Visits the traces of an experiment that may be among the first `count` of a search, after a cursor. False: compaction came in
/// between before anything was visited, or nothing is compacted.
pub(in crate::store::traces) async fn ranked(
    experiment: ExperimentId,
    mut filter: ColumnFilter<'_>,
    (ranking, after, count): (&Ranking, Option<&Cursor>, usize),
    visitor: &mut impl Visitor,
) -> Result<bool> {
    let Some(snapshot) = Snapshot::read(experiment, &[]).await? else {
        return Ok(false);
    };
    let Some(after) = begin(&snapshot, ranking, after).await? else {
        return Ok(false);
    };
    let mut ranks = rank_all(&snapshot, &mut filter, ranking, after).await?;
    let first = (count + SPARE).min(ranks.len());
    if first < ranks.len() {
        ranks.select_nth_unstable(first);
    }
    let (best, others) = ranks.split_at_mut(first);
    best.sort_unstable();
    let Some(places) = places(&snapshot, best).await? else {
        return Ok(false);
    };
    if !visitor.visit(&places).await? {
        others.sort_unstable();
        for some in others.chunks(CHUNK_MAX) {
            // From here on, traces have been visited, and none may be visited twice.
            let places = self::places(&snapshot, some).await?.ok_or(Error::Contended)?;
            if visitor.visit(&places).await? {
                break;
            }
        }
    }
    visit_others(experiment, &snapshot, visitor).await?;
    Ok(true)
}

/// The rank after which the page begins. `None`: compaction came in between.
async fn begin(snapshot: &Snapshot, ranking: &Ranking, after: Option<&Cursor>) -> Result<Option<Option<Rank>>> {
    let Some((is_absent, number, place)) = after.and_then(|cursor| ranking.read(cursor)) else {
        return Ok(Some(None));
    };
    let sort_key = just_after(&place);
    let at = match snapshot.part_at(&sort_key) {
        None => (0, 0),
        Some(part) => match snapshot.rows_before(part, &sort_key).await? {
            None => return Ok(None),
            Some(before) => (part, before),
        },
    };
    Ok(Some(Some((is_absent, number, at.0, at.1))))
}

/// The ranks of all traces with columns that may match, from a rank on.
async fn rank_all(
    snapshot: &Snapshot,
    filter: &mut ColumnFilter<'_>,
    ranking: &Ranking,
    from: Option<Rank>,
) -> Result<Vec<Rank>> {
    let number = match ranking.attribute {
        TraceAttribute::Duration => filter.index(TraceColumn::Duration),
        _ => filter.index(TraceColumn::Start),
    };
    let duration = (ranking.attribute == TraceAttribute::End).then(|| filter.index(TraceColumn::Duration));
    let packed: Vec<usize> = (0..snapshot.len())
        .filter(|part| snapshot.block(*part).is_some())
        .collect();
    let mut ranks = Vec::new();
    for some in packed
        .chunk_by(|one, next| one + 1 == *next)
        .flat_map(|run| run.chunks(PARTS_AT_ONCE))
    {
        let (Some(first), Some(last)) = (some.first(), some.last()) else {
            continue;
        };
        for (part, columns) in some
            .iter()
            .zip(snapshot.blocks(*first..last + 1, filter.columns()).await?)
        {
            let reference = snapshot.block(*part).ok_or_else(damaged)?;
            let mut slots = SlotBitmap::prefix(reference.rows);
            filter.retain(&columns, reference.is_whole, &mut slots);
            let of = |column: usize, slot| number_in(columns.get(column).map(AsRef::as_ref), slot);
            for slot in slots.iter() {
                let value = of(number, slot);
                let value = match duration {
                    Some(duration) => value.map(|start| start.saturating_add(of(duration, slot).unwrap_or(0))),
                    None => value,
                };
                let rank = (
                    value.is_none(),
                    value.map_or(0, |value| ranking.rank(value)),
                    *part,
                    slot,
                );
                if from.is_none_or(|from| from <= rank) {
                    ranks.push(rank);
                }
            }
        }
    }
    Ok(ranks)
}

fn number_in(block: Option<&Block>, slot: u16) -> Option<i64> {
    Some(i64::from_le_bytes(block?.number(slot)?))
}

/// The traces with some ranks, without dirty ones. `None`: compaction came in between.
async fn places(snapshot: &Snapshot, ranks: &[Rank]) -> Result<Option<Vec<Place>>> {
    let wanted: BTreeSet<_> = ranks.iter().map(|(_, _, part, slot)| rows_of(*part, *slot).0).collect();
    let Some(rows) = snapshot.rows(&wanted).await? else {
        return Ok(None);
    };
    let places = ranks.iter().map(|(_, _, part, slot)| place_in(&rows, *part, *slot));
    let mut places = places.collect::<Result<Vec<Place>>>()?;
    places.retain(|(start, id)| !snapshot.dirty.contains(&sort_key(*start, id)));
    Ok(Some(places))
}

/// Visits dirty traces, and all of the parts that have no columns.
async fn visit_others(experiment: ExperimentId, snapshot: &Snapshot, visitor: &mut impl Visitor) -> Result<()> {
    let dirty: Vec<Place> = snapshot.dirty.iter().filter_map(|key| read_sort_key(key)).collect();
    visitor.visit(&dirty).await?;
    let others = (0..snapshot.len()).filter(|part| snapshot.block(*part).is_none());
    let others = others.map(|part| {
        (
            snapshot.first(part).unwrap_or_default().to_vec(),
            snapshot.first(part + 1),
        )
    });
    for (mut from, until) in std::iter::once((Vec::new(), snapshot.first(0))).chain(others) {
        loop {
            let listed = listed(experiment, &from, until, CHUNK_MAX).await?;
            visitor.visit(&listed.places).await?;
            match listed.next {
                Some(next) => from = next,
                None => break,
            }
        }
    }
    Ok(())
}
