//! Packing: what was logged to runs that rest is moved into one record a run, and into the columns that searches read.
//!
//! Logging writes small records that no other writer touches. Reading wants few large ones. So logging marks the run, and later,
//! when nobody waits, a pass takes some marked runs of one experiment, rewrites what belongs together, and removes the
//! marks, all in one commit. The commit checks the marks: a run that was changed meanwhile is left for another pass. Nothing is
//! visible of it but speed: a search reads marked runs themselves.

use std::collections::BTreeMap;

use super::draft::{Draft, Kind};
use super::full_runs::Parts;
use super::keys::{self, Column};
use super::marks::Mark;
use super::packed::{Loose, PACKED_BYTES_MAX, Packed};
use super::places::{self, Place};
use super::records::{Change, get_all, scan, scan_all, transact_idly};
use super::zones::{Zones, place_of};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::run::Run;
use crate::error::{Error, Result};

/// Marks that one pass looks at.
const MARKS_MAX: usize = 1_000;
/// Runs that one pass packs.
const RUNS_MAX: usize = 64;
/// Records that one pass moves, so that writers behind it wait for milliseconds. A larger run takes several passes.
const MOVED_MAX: usize = 1_000;
/// Runs that are read at once: a few large ones fit into the memory.
const RUNS_AT_ONCE: usize = 8;
/// A run rests when nothing has changed it for so long, in milliseconds.
const REST_MS: i64 = 10_000;
/// The same when many runs wait.
const SHORT_REST_MS: i64 = 1_000;
/// So many are many.
const MANY: usize = 256;

/// What a pass did.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    /// Runs that are packed now or are nearer to it.
    pub moved: usize,
    /// Runs that can be packed once they rest, as far as this pass looked.
    pub waiting: usize,
    /// Where the next pass shall begin to look; none: at the start.
    pub next: Option<Vec<u8>>,
}

/// Packs some runs that rest, looking at marks behind `after`. `rest_ms` overrules how long a run must have been unchanged.
/// An experiment of which nothing is packed begins its revisions at `random`.
pub async fn pass(after: Option<&[u8]>, rest_ms: Option<i64>, now_ms: i64, random: u64) -> Result<Pass> {
    let mut span = keys::all_marks();
    if let Some(after) = after {
        span = span.after(after);
    }
    let (mut marks, mut last) = (Vec::new(), Vec::new());
    let found = scan(span, MARKS_MAX, |key, value| {
        let (experiment, run) = keys::marked(key).ok_or_else(corrupt)?;
        marks.push((experiment, run, Mark::read(value)?));
        last = key.to_vec();
        Ok(())
    })
    .await?;
    marks.retain(|(_, _, mark)| !mark.too_large);
    let rest = rest_ms.unwrap_or(if marks.len() < MANY { REST_MS } else { SHORT_REST_MS });
    let resting_since = now_ms.saturating_sub(rest);
    let waiting = marks.len();
    marks.retain(|(_, _, mark)| mark.changed_ms <= resting_since);
    let next = (found == MARKS_MAX).then_some(last);
    let Some((experiment, ..)) = marks.first() else {
        return Ok(Pass {
            moved: 0,
            waiting,
            next,
        });
    };
    // Those that started first: so a block holds the runs of a short time, and a page of the newest lies in few blocks.
    let mut some: Vec<_> = marks.iter().filter(|(other, ..)| other == experiment).collect();
    some.sort_unstable_by_key(|(_, run, mark)| (mark.start_time_ms, *run));
    let some: Vec<RunId> = some.into_iter().take(RUNS_MAX).map(|(_, run, _)| *run).collect();
    let moved = pack(*experiment, &some, resting_since, random).await?;
    Ok(Pass {
        moved,
        waiting,
        // There may be more before: look again from the same place.
        next: after.map(<[u8]>::to_vec),
    })
}

fn corrupt() -> Error {
    Error::Corrupt("key of a mark".to_owned())
}

/// Packs some runs of an experiment; answers how many.
async fn pack(experiment: ExperimentId, runs: &[RunId], resting_since: i64, random: u64) -> Result<usize> {
    transact_idly(async |change| {
        let mut asked = vec![keys::zones(experiment)];
        asked.extend(runs.iter().map(|run| keys::mark(experiment, *run)));
        let records = get_all(asked).await?;
        let Some((zones_record, marks)) = records.split_first() else {
            return Ok(0);
        };
        let mut resting = Vec::new();
        for (run, record) in runs.iter().zip(marks) {
            if let Some(mark) = record.existing().map(Mark::read).transpose()?
                && mark.changed_ms <= resting_since
            {
                resting.push((*run, mark, record.version));
            }
        }
        // Also when their experiment was deleted for good: nothing of it is to be stored again.
        if resting.is_empty() {
            return Ok(0);
        }
        let zones = zones_record.existing().map(Zones::read).transpose()?;
        let mut packer = Packer {
            experiment,
            zones: zones.unwrap_or_else(|| Zones::begin(random)),
            columns: BTreeMap::new(),
            places: Vec::new(),
        };
        let first_row = packer.zones.rows;
        let mut moved = 0;
        for read in read_values(&resting).await? {
            packer.pack(change, read)?;
            moved += 1;
        }
        change.expect(keys::zones(experiment), zones_record.version);
        packer.zones.touch(packer.columns.keys().map(|(_, block)| *block));
        change.put(keys::zones(experiment), packer.zones.write());
        places::append(change, experiment, first_row, &packer.places).await?;
        packer.put_blocks(change).await?;
        Ok(moved)
    })
    .await
}

/// A marked run as it was read.
struct Marked {
    id: RunId,
    mark: Mark,
    version: u64,
    parts: Parts,
    /// The keys of what is to be moved.
    moved: Vec<Vec<u8>>,
    /// Whether that is all there is.
    whole: bool,
}

/// Reads runs until there is enough for one pass: the oldest first, so that rows follow the default order.
async fn read_values(resting: &[(RunId, Mark, u64)]) -> Result<Vec<Marked>> {
    let mut resting = resting.to_vec();
    resting.sort_by_key(|(run, mark, _)| (mark.start_time_ms, *run));
    let (mut found, mut room) = (Vec::new(), MOVED_MAX);
    for some in resting.chunks(RUNS_AT_ONCE) {
        for marked in read_some(some).await? {
            if marked.moved.len() > room && !found.is_empty() {
                return Ok(found);
            }
            room = room.saturating_sub(marked.moved.len());
            found.push(marked);
        }
    }
    Ok(found)
}

async fn read_some(some: &[(RunId, Mark, u64)]) -> Result<Vec<Marked>> {
    let marked = |(id, mark, version): &(RunId, Mark, u64)| Marked {
        id: *id,
        mark: *mark,
        version: *version,
        parts: Parts::default(),
        moved: Vec::new(),
        whole: true,
    };
    let mut read: Vec<Marked> = some.iter().map(marked).collect();
    let spans = some.iter().flat_map(|(run, ..)| keys::run_values(*run)).collect();
    scan_all(spans, MOVED_MAX + 1, |index, key, value| {
        let marked = read.get_mut(index / 2).ok_or_else(corrupt)?;
        if marked.moved.len() == MOVED_MAX {
            marked.whole = false;
            return Ok(());
        }
        if index % 2 == 1 {
            marked.moved.push(key.to_vec());
        }
        marked.parts.add(marked.id, key, value)
    })
    .await?;
    Ok(read)
}

/// What a value of a column becomes, by slot.
type Values = Vec<(usize, Option<Vec<u8>>)>;

/// What a pass gathers for the columns of an experiment.
struct Packer {
    experiment: ExperimentId,
    zones: Zones,
    columns: BTreeMap<(Column, u32), Values>,
    /// Of the runs that got rows in this pass.
    places: Vec<Place>,
}

impl Packer {
    fn pack(&mut self, change: &mut Change, marked: Marked) -> Result<()> {
        let mark_key = keys::mark(self.experiment, marked.id);
        change.expect(mark_key.clone(), marked.version);
        let parts = marked.parts;
        let Some(run) = &parts.run else {
            change.delete(mark_key);
            return Ok(());
        };
        let mut merged = parts.values()?;
        let is_new = merged.row.is_none();
        // Only used below: a run that is too large gets no row.
        let row = *merged.row.get_or_insert(self.zones.rows);
        let bytes = merged.write();
        if bytes.len() > PACKED_BYTES_MAX {
            let mark = Mark {
                too_large: true,
                ..marked.mark
            };
            change.put(mark_key, mark.write());
            return Ok(());
        }
        if is_new {
            self.zones.add(run.start_time_ms);
            self.places.push(keys::run_place(run.start_time_ms, run.id));
            let start = run.start_time_ms.to_le_bytes().to_vec();
            self.set(place_of(row), Column::StartTime, Some(start));
            self.set_packed(place_of(row), &merged);
        } else {
            self.set_loose(place_of(row), &merged, &parts.loose);
        }
        self.set_own(place_of(row), run);
        change.put(keys::packed_run(run.id), bytes);
        for key in marked.moved {
            change.delete(key);
        }
        if marked.whole {
            change.delete(mark_key);
        } else {
            change.put(mark_key, marked.mark.write());
        }
        Ok(())
    }

    /// Notes what the run itself says.
    fn set_own(&mut self, place: (u32, usize), run: &Run) {
        self.set(place, Column::Stage, write_stage(run.lifecycle));
        self.set(place, Column::Status, Some(run.status.name().as_bytes().to_vec()));
        self.set(place, Column::UserId, Some(run.user_id.clone().into_bytes()));
        let end = run.end_time_ms.map(|end| end.to_le_bytes().to_vec());
        self.set(place, Column::EndTime, end);
    }

    /// Notes all values of a run that is new to the columns.
    fn set_packed(&mut self, place: (u32, usize), packed: &Packed<'_>) {
        for metric in &packed.metrics {
            let value = metric.point.value.to_le_bytes().to_vec();
            self.set(place, Column::Metric(metric.key.to_string()), Some(value));
        }
        for (key, value) in &packed.params {
            self.set(place, Column::Param(key.to_string()), Some(value.as_bytes().to_vec()));
        }
        for (key, value) in &packed.tags {
            self.set(place, Column::Tag(key.to_string()), Some(value.as_bytes().to_vec()));
        }
    }

    /// Notes what is new of the values of a run.
    fn set_loose(&mut self, place: (u32, usize), merged: &Packed<'_>, loose: &Loose) {
        for (key, _) in &loose.metrics {
            let value = merged.metric(key).map(|newest| newest.value.to_le_bytes().to_vec());
            self.set(place, Column::Metric(key.clone()), value);
        }
        for (key, value) in &loose.params {
            self.set(place, Column::Param(key.clone()), Some(value.clone().into_bytes()));
        }
        for (key, value) in &loose.tags {
            self.set(place, Column::Tag(key.clone()), value.clone().map(String::into_bytes));
        }
    }

    fn set(&mut self, (block, slot): (u32, usize), column: Column, value: Option<Vec<u8>>) {
        self.columns.entry((column, block)).or_default().push((slot, value));
    }

    /// Rewrites the blocks. They are not checked: whoever rewrites one also rewrites the zones, which are.
    async fn put_blocks(self, change: &mut Change) -> Result<()> {
        let key = |column: &Column, block: u32| keys::block(self.experiment, column, block);
        let asked = self.columns.keys().map(|(column, block)| key(column, *block)).collect();
        let records = get_all(asked).await?;
        for (((column, block), values), record) in self.columns.iter().zip(&records) {
            let mut draft = Draft::read(&record.value)?;
            for (slot, value) in values {
                draft.set(*slot, value.as_deref());
            }
            change.put(key(column, *block), draft.write(kind(column)));
        }
        Ok(())
    }
}

/// The stage in the slot of a run that is no more.
pub const NO_RUN: &[u8] = &[2];

/// What the values of a column are.
pub fn kind(column: &Column) -> Kind {
    match column {
        Column::Metric(_) | Column::StartTime | Column::EndTime => Kind::Numbers,
        Column::Stage | Column::Status | Column::UserId | Column::Param(_) | Column::Tag(_) => Kind::Texts,
    }
}

/// A stage in its column; what most runs have is nothing.
fn write_stage(lifecycle: Lifecycle) -> Option<Vec<u8>> {
    let usual = Lifecycle {
        stage: Stage::Active,
        epoch: 0,
    };
    (lifecycle != usual).then(|| {
        let mut stage = vec![u8::from(lifecycle.stage == Stage::Deleted)];
        stage.extend_from_slice(&lifecycle.epoch.to_be_bytes());
        stage
    })
}

/// Reads what `write_stage` wrote.
pub fn read_stage(stage: Option<&[u8]>) -> Lifecycle {
    let (deleted, epoch) = match stage.and_then(<[u8]>::split_first) {
        Some((deleted, epoch)) => (
            *deleted == 1,
            epoch.try_into().map(u64::from_be_bytes).unwrap_or_default(),
        ),
        None => (false, 0),
    };
    let stage = if deleted { Stage::Deleted } else { Stage::Active };
    Lifecycle { stage, epoch }
}
