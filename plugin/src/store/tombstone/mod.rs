//! Tombstones of purged runs and experiments, and of deleted models. A tombstone is written by the commit
//! that hides them and removed after the last of their records and files.
//!
//! Removal is bounded in commits, and each commit in records and bytes. It only removes records to which no
//! request can add any more, so two removals of the same tombstone do no harm.

use std::fmt::Display;

use crate::domain::artifact::ArtifactPath;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::{LoggedModel, LoggedModelId};
use crate::domain::run::Run;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};
use crate::host::blobs;
use crate::host::records::{Change, Span, get, get_all, scan_page, transact_background};
use crate::store::codec::purge::{TombstoneValue, read_note, write_note};
use crate::store::columnar::block_builder::BlockBuilder;
use crate::store::columnar::columns;
use crate::store::columnar::packed_run::PackedRun;
use crate::store::columnar::zone_map::{ZoneMap, block_and_slot};
use crate::store::keys;
use crate::store::keys::{Column, Tombstone};

mod experiment;
pub mod model;
pub mod traces;

/// Number of tombstones that are read together.
const RUINS_AT_ONCE: usize = 64;
/// Number of records that are removed in one commit.
const RECORDS_AT_ONCE: usize = 5_000;
/// Largest number of commits of one call of `clear_some`.
const COMMITS_MAX: usize = 100;
/// Largest number of commits of a request that deletes something. Maintenance removes the rest.
const COMMITS_SOON_MAX: usize = 20;
/// Number of columns in which a slot is cleared in one commit.
const COLUMNS_AT_ONCE: usize = 500;

/// Refuses a chosen id that an item has, or had: until its tombstone is removed, the rest of its records is still to be.
pub async fn must_be_free(change: &mut Change, item: Vec<u8>, tombstone: &Tombstone, id: &impl Display) -> Result<()> {
    let tombstone = keys::tombstone(tombstone);
    let [item, removed] = get([item, tombstone.clone()]).await?;
    if item.existing().or(removed.existing()).is_some() {
        return Err(Error::AlreadyExists(format!("The id {id} is taken.")));
    }
    change.require_version(tombstone, removed.version);
    Ok(())
}

/// Writes the tombstone of a run, in a change that hides the run.
pub fn put_run(change: &mut Change, run: &Run) {
    put_with_files(change, &Tombstone::Run(run.id), run.experiment, &run.artifact_uri);
}

/// Writes the tombstone of a run whose record cannot be read.
fn put_unreadable_run(change: &mut Change, id: RunId, experiment: ExperimentId) {
    put_with_files(change, &Tombstone::Run(id), experiment, "");
}

/// Writes the tombstone of a logged model, in a change that hides the model.
fn put_logged(change: &mut Change, model: &LoggedModel) {
    put_with_files(
        change,
        &Tombstone::Logged(model.id),
        model.experiment,
        &model.artifact_uri,
    );
}

fn put_with_files(change: &mut Change, tombstone: &Tombstone, experiment: ExperimentId, artifact_uri: &str) {
    let artifact_uri = artifact_uri.to_owned();
    let note = TombstoneValue {
        experiment,
        artifact_uri,
    };
    change.put(keys::tombstone(tombstone), write_note(&note));
}

/// Writes the tombstone of an experiment, in a change that hides the experiment.
pub fn put_experiment(change: &mut Change, id: ExperimentId) {
    change.put(keys::tombstone(&Tombstone::Experiment(id)), Vec::new());
}

/// Writes the tombstone of a registered model, in a change that hides the model.
pub fn put_model(change: &mut Change, id: ModelId) {
    change.put(keys::tombstone(&Tombstone::Model(id)), Vec::new());
}

/// Writes the tombstone of a version of a registered model, in a change that hides the version.
pub fn put_version(change: &mut Change, model: ModelId, number: u64) {
    change.put(keys::tombstone(&Tombstone::Version(model, number)), Vec::new());
}

/// The number of commits that may still be made.
pub struct CommitBudget {
    commits_left: usize,
}

impl CommitBudget {
    /// Begins with `COMMITS_MAX` commits.
    pub fn begin() -> Self {
        CommitBudget {
            commits_left: COMMITS_MAX,
        }
    }

    /// Takes one commit. True if one was left.
    pub fn take(&mut self) -> bool {
        let fewer = self.commits_left.checked_sub(1);
        self.commits_left = fewer.unwrap_or(0);
        fewer.is_some()
    }
}

/// The result of removing some tombstones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Clearing {
    /// Why tombstones could not be removed, one line each, at most `RUINS_AT_ONCE`.
    pub failures: Vec<String>,
    /// The key after which the next call continues: removing a tombstone may have added others after it.
    /// `None`: there was none.
    pub next: Option<Vec<u8>>,
}

/// Removes some of the tombstones after this key, where an empty key is before all. A tombstone that cannot
/// be removed does not stop the others.
pub async fn clear_some(after: &[u8]) -> Result<Clearing> {
    let mut ruins = Vec::new();
    scan_page(&keys::all_tombstones().after(after), RUINS_AT_ONCE, |key, note| {
        ruins.push((key.to_vec(), note.to_vec()));
        Ok(())
    })
    .await?;
    let (mut budget, mut clearing) = (CommitBudget::begin(), Clearing::default());
    let mut last = after.to_vec();
    for (key, note) in ruins {
        let cleared = clear(&key, &note, &mut budget).await;
        if cleared == Ok(false) {
            // The budget is used up: the next call begins with this tombstone.
            clearing.next = Some(last);
            return Ok(clearing);
        }
        clearing
            .failures
            .extend(cleared.err().map(|error| failure(&key, &error)));
        clearing.next = Some(key.clone());
        if matches!(keys::tombstone_of(&key), Some(Tombstone::Experiment(_))) {
            // Its runs and logged models have tombstones now, which come before others that were read.
            return Ok(clearing);
        }
        last = key;
    }
    Ok(clearing)
}

/// Removes a tombstone that a request has just written, as far as the budget of a request allows. The rest is
/// left to maintenance, even after an error: the deletion itself has happened already.
pub async fn clear_soon(tombstone: &Tombstone) {
    let mut budget = CommitBudget {
        commits_left: COMMITS_SOON_MAX,
    };
    _ = clear(&keys::tombstone(tombstone), &[], &mut budget).await;
}

fn failure(key: &[u8], error: &Error) -> String {
    let named = match keys::tombstone_of(key) {
        Some(Tombstone::Experiment(id)) => format!("experiment {id}"),
        Some(Tombstone::Logged(id)) => format!("logged model {id}"),
        Some(Tombstone::Model(id)) => format!("model number {id}"),
        Some(Tombstone::Run(id)) => format!("run {id}"),
        Some(Tombstone::Version(model, number)) => format!("version {number} of model number {model}"),
        None => format!("{key:?}"),
    };
    format!("what is left of the deleted {named} cannot be removed: {error:?}")
}

/// Removes the records and files of a tombstone, and then the tombstone itself. Returns false when the budget
/// is used up before.
async fn clear(key: &[u8], note: &[u8], budget: &mut CommitBudget) -> Result<bool> {
    let tombstone = keys::tombstone_of(key).ok_or_else(|| Error::Corrupt("key of a tombstone".to_owned()))?;
    let is_cleared = match tombstone {
        Tombstone::Experiment(id) => experiment::clear(id, budget).await?,
        Tombstone::Logged(id) => clear_logged(id, &read_note(note)?, budget).await?,
        Tombstone::Model(id) => model::clear_model(id, budget).await?,
        Tombstone::Run(id) => clear_run(id, &read_note(note)?, budget).await?,
        Tombstone::Version(model, number) => {
            clear_spans(&[keys::registry::version_tags(model, number)], budget).await?
        }
    };
    if is_cleared {
        transact_background(async |change| {
            change.delete(key.to_vec());
            Ok(())
        })
        .await?;
    }
    Ok(is_cleared)
}

async fn clear_run(id: RunId, note: &TombstoneValue, budget: &mut CommitBudget) -> Result<bool> {
    let root = ArtifactPath::of_uri(&note.artifact_uri);
    // Files that are not under the run's own path are not the run's alone.
    if let Some(root) = root.filter(|root| possible_runs(root.as_str()).contains(&id)) {
        blobs::delete_all_below(&root).await?;
    }
    clear_columns(id, note.experiment).await?;
    let links = keys::registry::versions_of_run(note.experiment, id);
    let [points, chunks, guards] = keys::histories(id);
    clear_spans(&[points, chunks, guards, keys::run_parts(id), links], budget).await
}

async fn clear_logged(id: LoggedModelId, note: &TombstoneValue, budget: &mut CommitBudget) -> Result<bool> {
    let root = ArtifactPath::of_uri(&note.artifact_uri);
    if let Some(root) = root.filter(|root| possible_models(root.as_str()).contains(&id)) {
        blobs::delete_below(&root).await?;
    }
    clear_spans(
        &[keys::logged_models::points(id), keys::logged_models::known_parts(id)],
        budget,
    )
    .await
}

/// Clears the slot of a run in all columns. No other run gets its row.
async fn clear_columns(id: RunId, experiment: ExperimentId) -> Result<()> {
    let [record] = get([keys::packed_run(id)]).await?;
    let Some(packed) = record.decode(PackedRun::read)? else {
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
        transact_background(async |change| set_slots(change, experiment, &[row], some).await).await?;
    }
    Ok(())
}

/// A column, and the new value of its slots. `None` clears them.
pub type SlotChange = (Column, Option<&'static [u8]>);

/// Sets the slots of these rows in these columns, as a part of a change. If the experiment has no columns any
/// more, there is nothing to set.
pub async fn set_slots(
    change: &mut Change,
    experiment: ExperimentId,
    rows: &[u64],
    columns: &[SlotChange],
) -> Result<()> {
    let mut blocks: Vec<u32> = rows.iter().map(|row| block_and_slot(*row).0).collect();
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
    // Every writer of a block checks the zone map and rewrites it.
    change.require_version(keys::zones(experiment), zones_record.version);
    let mut zones = ZoneMap::read(&zones_record.value)?;
    zones.bump(blocks.iter().copied());
    change.put(keys::zones(experiment), zones.write());
    for ((column, value, block), record) in wanted.into_iter().zip(records) {
        if record.existing().is_none() && value.is_none() {
            continue;
        }
        let mut draft = BlockBuilder::read(&record.value)?;
        for (_, slot) in rows
            .iter()
            .map(|row| block_and_slot(*row))
            .filter(|(of, _)| *of == block)
        {
            draft.set(slot, *value);
        }
        let key = keys::block(experiment, column, block);
        if draft.is_empty() {
            change.delete(key);
        } else {
            change.put(key, draft.write(columns::kind(column)));
        }
    }
    Ok(())
}

/// Removes all records of some spans as far as the budget allows. True if none is left.
async fn clear_spans(spans: &[Span], budget: &mut CommitBudget) -> Result<bool> {
    for span in spans {
        let mut more = true;
        while more {
            if !budget.take() {
                return Ok(false);
            }
            more = transact_background(async |change| {
                let left = scan_page(span, RECORDS_AT_ONCE, |key, _| {
                    change.delete(key.to_vec());
                    Ok(())
                });
                Ok(left.await?.is_some())
            })
            .await?;
        }
    }
    Ok(true)
}
