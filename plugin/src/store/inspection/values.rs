//! The values of records in words, read with the codecs of the store.

use std::fmt::Debug;

use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::store::codec;
use crate::store::columnar::block::{Block, Value};
use crate::store::columnar::dirty::DirtyMarker;
use crate::store::columnar::packed_run::{PackedRun, REMOVED_TAG};
use crate::store::columnar::row_keys;
use crate::store::columnar::slot_bitmap::SLOTS;
use crate::store::columnar::zone_map::ZoneMap;
use crate::store::keys::{self, Family, FieldValue, POINT_BYTES, ReadKey};

/// The value in words. Empty: the record has none.
pub(super) fn in_words(key: &ReadKey, value: &[u8]) -> Result<String> {
    match key.family {
        Family::ExperimentCounter
        | Family::ExperimentName
        | Family::ModelCounter
        | Family::ModelName
        | Family::ModelOfExperiment
        | Family::ModelAlias
        | Family::SemVer => Ok(codec::read_number(value)?.to_string()),
        Family::ExperimentTag
        | Family::DatasetUse
        | Family::RunParam
        | Family::LoggedParam
        | Family::LoggedTag
        | Family::ModelTag
        | Family::VersionTag => words(&codec::read_text(value)?),
        Family::RunTag if value == REMOVED_TAG => Ok("removed".to_owned()),
        Family::RunTag => words(&codec::read_text(value)?),
        Family::ListedExperiment
        | Family::Point
        | Family::Tombstone
        | Family::LoggedPoint
        | Family::ListedLogged
        | Family::ListedLoggedByName
        | Family::ListedTrace
        | Family::ListedTraceByValue
        | Family::JudgedInSession
        | Family::VersionsGuard
        | Family::VersionOfRun
        | Family::RankedVersion
        | Family::UpdatedInModel
        | Family::Updated
        | Family::VersionAlias => nothing(value),
        Family::TraceDirectory | Family::TraceColumn | Family::TraceRows | Family::TraceMarker => {
            trace_column(key, value)
        }
        Family::Block | Family::RowKeys | Family::Zones | Family::DirtyMarker | Family::PackedRun => column(key, value),
        Family::Experiment
        | Family::Dataset
        | Family::Model
        | Family::Version
        | Family::LoggedModel
        | Family::LoggedNewest
        | Family::Trace
        | Family::SpanBatch => entity(key, value),
        _ => of_run(key, value),
    }
}

fn words(value: &impl Debug) -> Result<String> {
    Ok(format!("{value:?}"))
}

fn nothing(value: &[u8]) -> Result<String> {
    if value.is_empty() {
        Ok(String::new())
    } else {
        Err(Error::Corrupt(format!(
            "a value of {} bytes where none is",
            value.len()
        )))
    }
}

/// Values of experiments, models, versions, logged models and traces.
fn entity(key: &ReadKey, value: &[u8]) -> Result<String> {
    let number = |name| key.number(name).unwrap_or_default();
    let logged = || LoggedModelId(key.id("logged_model").unwrap_or(RunId([0; 16])).0);
    match key.family {
        Family::Experiment => words(&codec::read_experiment(ExperimentId(number("experiment")), value)?),
        Family::Dataset => words(&codec::read_dataset(value)?),
        Family::Model => words(&codec::registry::read_model(ModelId(number("model")), value)?),
        Family::Version => {
            let model = ModelId(number("model"));
            words(&codec::registry::read_version(model, number("number"), value)?)
        }
        Family::Trace => {
            let id = TraceId::stored(key.text("trace").unwrap_or_default());
            words(&codec::traces::read_trace(&id, value)?)
        }
        Family::SpanBatch => words(&codec::spans::read_batch(value)?),
        Family::LoggedModel => words(&codec::logged_models::read_logged_model(logged(), value)?),
        _ => {
            let (point, run) = value.split_at_checked(POINT_BYTES).ok_or_else(damaged)?;
            let run = RunId(run.try_into().map_err(|_| damaged())?);
            let point = keys::read_newest_point(point).ok_or_else(damaged)?;
            Ok(format!("{}, of run {run}", FieldValue::Point(point)))
        }
    }
}

/// Values of runs, and of what is still to be done.
fn of_run(key: &ReadKey, value: &[u8]) -> Result<String> {
    match key.family {
        Family::Run => words(&codec::read_run(key.id("run").unwrap_or(RunId([0; 16])), value)?),
        Family::HighWaterMark => point(keys::point_at(value)),
        Family::RunMetric => point(keys::read_newest_point(value)),
        Family::RunInput => words(&codec::link::read_input(value)?),
        Family::RunModelInput => words(&codec::link::read_model_input(value)?),
        Family::RunModelOutput => words(&codec::link::read_model_output(value)?),
        Family::Chunk => {
            let points = codec::read_chunk(value)?;
            let points: Vec<String> = points
                .into_iter()
                .map(|point| FieldValue::Point(point).to_string())
                .collect();
            Ok(points.join(" "))
        }
        Family::JobLookup => words(&codec::job::read_lookup(value)?),
        Family::PendingStatus => words(&codec::commit_status::read_pending_status(value)?),
        Family::Upload => words(&codec::upload::read_upload(value)?),
        Family::Deletion => words(&codec::purge::read_deletion(value)?),
        Family::TombstoneWithRemains => words(&codec::purge::read_note(value)?),
        _ => {
            let time = key.fields.iter().find_map(|(_, value)| match value {
                FieldValue::Time(ms) => Some(*ms),
                _ => None,
            });
            let is_logging = key.family == Family::AuditedLogging;
            words(&codec::audit::read_audit_record(
                time.unwrap_or_default(),
                is_logging,
                value,
            )?)
        }
    }
}

fn point(point: Option<crate::domain::metric::Point>) -> Result<String> {
    Ok(FieldValue::Point(point.ok_or_else(damaged)?).to_string())
}

/// Values of compaction.
fn column(key: &ReadKey, value: &[u8]) -> Result<String> {
    match key.family {
        Family::DirtyMarker => words(&DirtyMarker::read(value)?),
        Family::PackedRun => words(&PackedRun::read(value)?),
        Family::Zones => words(&ZoneMap::read(value)?),
        Family::RowKeys => {
            let runs: Vec<String> = row_keys::runs_in(value).map(|run| run.to_string()).collect();
            Ok(runs.join(" "))
        }
        _ => block(value, is_of_numbers(key)),
    }
}

/// Values of compaction of traces.
fn trace_column(key: &ReadKey, value: &[u8]) -> Result<String> {
    match key.family {
        Family::TraceDirectory => words(&codec::trace_columns::read_directory(value)?),
        Family::TraceRows => {
            let rows = codec::trace_columns::read_rows(value)?;
            let rows: Vec<String> = rows.iter().map(|(start, id)| format!("{start}:{id}")).collect();
            Ok(rows.join(" "))
        }
        Family::TraceMarker => words(&codec::trace_columns::read_trace_marker(value)?),
        _ => {
            let is_of_numbers = matches!(letter_of(key), Some('b' | 'd'));
            block(
                value,
                is_of_numbers.then_some(|bytes| i64::from_le_bytes(bytes).to_string()),
            )
        }
    }
}

/// The letter in a key.
fn letter_of(key: &ReadKey) -> Option<char> {
    key.fields.iter().find_map(|(_, value)| match value {
        FieldValue::Letter(letter) => Some(*letter),
        _ => None,
    })
}

/// The reading of the numbers of a column. `None`: it has texts.
fn is_of_numbers(key: &ReadKey) -> Option<fn([u8; 8]) -> String> {
    match letter_of(key) {
        Some('m') => Some(|bytes| f64::from_le_bytes(bytes).to_string()),
        Some('b' | 'e') => Some(|bytes| i64::from_le_bytes(bytes).to_string()),
        _ => None,
    }
}

/// The values of a block by slot.
fn block(value: &[u8], number: Option<fn([u8; 8]) -> String>) -> Result<String> {
    let block = Block::read(value)?;
    let slots = u16::try_from(SLOTS).unwrap_or(u16::MAX);
    let values = (0..slots).filter_map(|slot| {
        let value = match (number, block.get(slot)) {
            (Some(text_of), _) => text_of(block.number(slot)?),
            (None, Value::Absent) => return None,
            (None, Value::Text(text)) => format!("{text:?}"),
            (None, Value::Bytes(bytes)) => format!("{bytes:02x?}"),
            (None, Value::Oversized) => "elsewhere".to_owned(),
        };
        Some(format!("{slot}:{value}"))
    });
    Ok(values.collect::<Vec<_>>().join(" "))
}

fn damaged() -> Error {
    Error::Corrupt("a value of a wrong form".to_owned())
}
