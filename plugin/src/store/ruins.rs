//! Ruins: what is to be cleared away of runs and experiments that are out of sight for good. Each is a note in the records,
//! which goes when all else has gone.

use super::codec::purge::{Note, read_note, write_note};
use super::draft::Draft;
use super::keys::{self, Column, Ruin, Span};
use super::marks::Mark;
use super::packed::Packed;
use super::records::{Change, get, get_all, scan, transact_idly};
use super::zones::{Zones, place_of};
use super::{codec, files, pack, places};
use crate::domain::artifact::ArtifactPath;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::logged::LoggedModelId;
use crate::domain::run::Run;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};

/// Records that are removed in one commit.
const RECORDS_AT_ONCE: usize = 5_000;
/// Commits of one turn.
const COMMITS_MAX: usize = 100;
/// Columns of which a slot is cleared in one commit.
const COLUMNS_AT_ONCE: usize = 500;
/// Runs, or logged models, of an experiment that are taken on at once.
const PARTS_AT_ONCE: usize = 500;

/// Some ruins with their notes, those of experiments first.
pub async fn some(limit: usize) -> Result<Vec<(Ruin, Vec<u8>)>> {
    let mut found = Vec::new();
    scan(keys::all_ruins(), limit, |key, note| {
        let ruin = keys::ruin_of(key).ok_or_else(|| Error::Corrupt("key of a ruin".to_owned()))?;
        found.push((ruin, note.to_vec()));
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Makes a ruin of a run, as a part of a change that takes the run out of sight.
pub fn put_run(change: &mut Change, run: &Run) {
    let note = Note {
        experiment: run.experiment,
        artifact_uri: run.artifact_uri.clone(),
    };
    change.put(keys::ruin(&Ruin::Run(run.id)), write_note(&note));
}

/// Makes a ruin of an experiment, likewise.
pub fn put_experiment(change: &mut Change, id: ExperimentId) {
    change.put(keys::ruin(&Ruin::Experiment(id)), Vec::new());
}

/// How many commits a turn may still make.
pub struct Turn {
    commits_left: usize,
}

impl Turn {
    /// A new one.
    pub fn begin() -> Self {
        Turn {
            commits_left: COMMITS_MAX,
        }
    }
}

/// Clears some of a ruin away, and the ruin itself once nothing is left.
pub async fn clear(ruin: &Ruin, note: &[u8], turn: &mut Turn) -> Result<()> {
    let is_cleared = match ruin {
        Ruin::Run(id) => clear_run(*id, &read_note(note)?, turn).await?,
        Ruin::Experiment(id) => clear_experiment(*id, turn).await?,
    };
    if is_cleared {
        transact_idly(async |change| {
            change.delete(keys::ruin(ruin));
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn clear_run(id: RunId, note: &Note, turn: &mut Turn) -> Result<bool> {
    let root = ArtifactPath::of_uri(&note.artifact_uri);
    // What does not lie at a place of its own is not the run's alone.
    if let Some(root) = root.filter(|root| possible_runs(root.as_str()).contains(&id)) {
        files::delete_all_below(&root).await?;
    }
    clear_columns(id, note.experiment).await?;
    let links = keys::registry::versions_of_run(note.experiment, id);
    let [points, chunks, guards] = keys::histories(id);
    clear_spans(&[points, chunks, guards, keys::run_parts(id), links], turn).await
}

/// Empties the slot of a run in all columns. Its row is given to no other run.
async fn clear_columns(id: RunId, experiment: ExperimentId) -> Result<()> {
    let [record] = get([keys::packed_run(id)]).await?;
    let Some(packed) = record.existing().map(Packed::read).transpose()? else {
        return Ok(());
    };
    let Some(row) = packed.row else {
        return Ok(());
    };
    let metrics = packed
        .metrics
        .iter()
        .map(|metric| Column::Metric(metric.key.to_string()));
    let params = packed.params.iter().map(|(key, _)| Column::Param(key.to_string()));
    let tags = packed.tags.iter().map(|(key, _)| Column::Tag(key.to_string()));
    let own = [Column::Status, Column::UserId, Column::StartTime, Column::EndTime];
    let columns: Vec<Column> = own.into_iter().chain(metrics).chain(params).chain(tags).collect();
    let columns: Vec<SlotChange> = columns.into_iter().map(|column| (column, None)).collect();
    for some in columns.chunks(COLUMNS_AT_ONCE) {
        transact_idly(async |change| set_slots(change, experiment, &[row], some).await).await?;
    }
    Ok(())
}

/// A column, and what shall be in slots of it.
pub type SlotChange = (Column, Option<&'static [u8]>);

/// Sets the slots of these rows in these columns, as a part of a change. Where the experiment has no columns any more, there
/// is nothing to set.
pub async fn set_slots(
    change: &mut Change,
    experiment: ExperimentId,
    rows: &[u64],
    columns: &[SlotChange],
) -> Result<()> {
    let mut blocks: Vec<u32> = rows.iter().map(|row| place_of(*row).0).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let of_column = |(column, value)| blocks.iter().map(move |block| (column, value, *block));
    let wanted: Vec<(&Column, &Option<&[u8]>, u32)> = columns
        .iter()
        .map(|(column, value)| (column, value))
        .flat_map(of_column)
        .collect();
    let mut asked = vec![keys::zones(experiment)];
    asked.extend(
        wanted
            .iter()
            .map(|(column, _, block)| keys::block(experiment, column, *block)),
    );
    let records = get_all(asked).await?;
    let Some((zones_record, records)) = records.split_first().filter(|(zones, _)| zones.existing().is_some()) else {
        return Ok(());
    };
    // Whoever rewrites a block relies on the zones and rewrites them.
    change.expect(keys::zones(experiment), zones_record.version);
    let mut zones = Zones::read(&zones_record.value)?;
    zones.touch(blocks.iter().copied());
    change.put(keys::zones(experiment), zones.write());
    for ((column, value, block), record) in wanted.into_iter().zip(records) {
        if record.existing().is_none() && value.is_none() {
            continue;
        }
        let mut draft = Draft::read(&record.value)?;
        for (_, slot) in rows.iter().map(|row| place_of(*row)).filter(|(of, _)| *of == block) {
            draft.set(slot, *value);
        }
        let key = keys::block(experiment, column, block);
        match draft.is_empty() {
            true => change.delete(key),
            false => change.put(key, draft.write(pack::kind(column))),
        }
    }
    Ok(())
}

/// Makes ruins of an experiment's runs, some at a time; when none is left, its logged models and its own records go.
async fn clear_experiment(id: ExperimentId, turn: &mut Turn) -> Result<bool> {
    if take_on_marked(id).await? || take_on_packed(id).await? || clear_models(id, turn).await? {
        return Ok(false);
    }
    let mut spans = keys::of_experiment(id);
    spans.push(keys::registry::versions_of_experiment(id));
    spans.push(Span::of_key(keys::registry::model_of_experiment(id)));
    clear_spans(&spans, turn).await
}

/// Makes ruins of runs that are not packed; whether there were any.
async fn take_on_marked(id: ExperimentId) -> Result<bool> {
    let mut runs = Vec::new();
    scan(keys::marks(id), PARTS_AT_ONCE, |key, mark| {
        Mark::read(mark)?;
        runs.extend(keys::marked(key).map(|(_, run)| run));
        Ok(())
    })
    .await?;
    take_on(&runs, |change| {
        for run in &runs {
            change.delete(keys::mark(id, *run));
        }
    })
    .await?;
    Ok(!runs.is_empty())
}

/// Makes ruins of some packed runs; whether there was a record of their places.
async fn take_on_packed(id: ExperimentId) -> Result<bool> {
    let (mut runs, mut found) = (Vec::new(), None);
    scan(keys::places_between(id, 0, u32::MAX), 1, |key, record| {
        runs.extend(places::runs_of(record));
        found = Some(key.to_vec());
        Ok(())
    })
    .await?;
    let Some(record) = found else { return Ok(false) };
    take_on(&runs, |change| change.delete(record.clone())).await?;
    Ok(true)
}

/// Makes ruins of those runs that still are.
async fn take_on(runs: &[RunId], also: impl Fn(&mut Change)) -> Result<()> {
    transact_idly(async |change| {
        let records = get_all(runs.iter().map(|run| keys::run(*run)).collect()).await?;
        for (run, record) in runs.iter().zip(&records) {
            if let Some(bytes) = record.existing() {
                put_run(change, &codec::read_run(*run, bytes)?);
                change.delete(keys::run(*run));
                change.delete(keys::deletion(*run));
            }
        }
        also(change);
        Ok(())
    })
    .await
}

/// Removes logged models of an experiment with their files; whether there were any.
async fn clear_models(experiment: ExperimentId, turn: &mut Turn) -> Result<bool> {
    let mut models: Vec<(Vec<u8>, LoggedModelId)> = Vec::new();
    let list = keys::logged::List::Experiment(experiment);
    scan(list.behind(&[]), PARTS_AT_ONCE, |key, _| {
        let place = keys::logged::placed(key).and_then(keys::logged::read_place);
        models.extend(place.map(|(_, model)| (key.to_vec(), model)));
        Ok(())
    })
    .await?;
    for (place, id) in &models {
        let [record] = get([keys::logged::model(*id)]).await?;
        if let Some(bytes) = record.existing() {
            let model = codec::logged::read_logged_model(*id, bytes)?;
            let root = ArtifactPath::of_uri(&model.artifact_uri);
            if let Some(root) = root.filter(|root| possible_models(root.as_str()).contains(id)) {
                files::delete_all_below(&root).await?;
            }
        }
        let is_cleared = clear_spans(&[keys::logged::points(*id), keys::logged::known_parts(*id)], turn).await?;
        if is_cleared {
            transact_idly(async |change| {
                change.delete(place.clone());
                Ok(())
            })
            .await?;
        }
    }
    Ok(!models.is_empty())
}

/// Removes all records of some spans, as far as one turn goes; whether none is left.
async fn clear_spans(spans: &[Span], turn: &mut Turn) -> Result<bool> {
    for span in spans {
        loop {
            let Some(fewer) = turn.commits_left.checked_sub(1) else {
                return Ok(false);
            };
            turn.commits_left = fewer;
            let removed = transact_idly(async |change| {
                scan(span.clone(), RECORDS_AT_ONCE, |key, _| {
                    change.delete(key.to_vec());
                    Ok(())
                })
                .await
            })
            .await?;
            if removed < RECORDS_AT_ONCE {
                break;
            }
        }
    }
    Ok(true)
}
