#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::domain::artifact::ArtifactPath;
use crate::domain::experiment::Experiment;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::trace::Trace;
use crate::domain::trace::id::TraceId;
use crate::domain::upload::{Upload, UploadId};
use crate::store::codec::purge::{TombstoneValue, write_note};
use crate::store::codec::spans::{write_batch, write_blob_batch};
use crate::store::codec::traces::write_trace;
use crate::store::codec::upload::write_upload;
use crate::store::codec::write_experiment;

/// The name of a file that no project has.
const MISSING: &str = "s/tr-1/missing";

pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

impl Source for &Records {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(Records::get(self, key).cloned())
    }

    fn has_file(&self, name: &str, _record: &[u8]) -> Result<bool> {
        Ok(name != MISSING)
    }
}

pub(super) fn problems(records: &Records) -> Vec<Problem> {
    let mut check = Check::new(records);
    let mut found = Vec::new();
    for (key, value) in records {
        found.extend(check.record(key, value).unwrap());
    }
    found.extend(check.end().unwrap());
    found
}

pub(super) fn apply(records: &mut Records, problems: &[Problem]) {
    for problem in problems {
        match problem.repair.clone() {
            Some(Repair::Put(key, value)) => _ = records.insert(key, value),
            Some(Repair::Delete(key)) => _ = records.remove(&key),
            None => {}
        }
    }
}

fn project() -> Records {
    let experiment = Experiment {
        id: ExperimentId(3),
        name: "cats".into(),
        artifact_location: "mlflow-artifacts:/3".into(),
        lifecycle: Lifecycle {
            stage: Stage::Active,
            epoch: 0,
        },
        creation_time_ms: 10,
        last_update_time_ms: 10,
    };
    Records::from([
        (keys::experiment_counter(), codec::write_number(4)),
        (keys::experiment(experiment.id), write_experiment(&experiment)),
        (keys::experiment_name("cats"), codec::write_number(3)),
        (keys::listed_experiment(Stage::Active, 10, experiment.id), Vec::new()),
    ])
}

#[test]
fn a_sound_project_has_no_problem() {
    assert_eq!(problems(&project()), []);
}

#[test]
fn records_that_others_determine_are_repaired() {
    for key in project().into_keys().filter(|key| !key.starts_with(b"e")) {
        let mut records = project();
        records.remove(&key);
        let found = problems(&records);
        assert_eq!(found.len(), 1, "{key:02x?}: {found:?}");
        apply(&mut records, &found);
        assert_eq!(records, project());
    }
    for (key, value) in [
        (keys::experiment_name("dogs"), codec::write_number(3)),
        (keys::listed_experiment(Stage::Deleted, 10, ExperimentId(3)), Vec::new()),
        (keys::dirty_marker(ExperimentId(3), RunId([1; 16])), vec![1; 27]),
        (keys::registry::model_name("none"), codec::write_number(9)),
        (keys::registry::updated(1, ModelId(9), 1), Vec::new()),
    ] {
        let mut records = project();
        records.insert(key.clone(), value);
        let found = problems(&records);
        assert_eq!(found.len(), 1, "{key:02x?}: {found:?}");
        if found[0].repair.is_some() {
            apply(&mut records, &found);
            assert_eq!(records, project(), "{key:02x?}");
        }
    }
}

#[test]
fn damage_and_dangling_references_are_told_and_left_alone() {
    for (key, value) in [
        (b"?".to_vec(), vec![]),
        (keys::run(RunId([1; 16])), vec![9]),
        (keys::run_param(RunId([1; 16]), "p"), b"v".to_vec()),
        (keys::experiment_tag(ExperimentId(9), "t"), b"v".to_vec()),
        (keys::experiment(ExperimentId(1)), vec![1, 2]),
    ] {
        let mut records = project();
        records.insert(key.clone(), value);
        let found = problems(&records);
        assert_eq!(found.len(), 1, "{key:02x?}: {found:?}");
        assert_eq!(found[0].repair, None, "{key:02x?}");
    }
}

/// A project with a trace, one of whose batches of spans is in a file.
fn project_with_trace(file: &str) -> Records {
    let id = TraceId::stored("tr-1");
    let mut trace = Trace::new(id.clone(), ExperimentId(3), "mlflow-artifacts:/3", 5);
    trace.batches = 1;
    trace.tags.insert("team".into(), "vision".into());
    let mut records = project();
    records.insert(keys::traces::trace(&id), write_trace(&trace));
    records.extend(
        keys::traces::places(&trace)
            .into_iter()
            .map(|place| (place, Vec::new())),
    );
    records.insert(keys::traces::batch(&id, 0), write_blob_batch(file));
    records
}

#[test]
fn the_lists_of_a_trace_are_repaired() {
    let sound = project_with_trace("s/tr-1/spans");
    assert_eq!(problems(&sound), []);
    for place in sound.keys().filter(|key| key.starts_with(b"i")) {
        let mut records = sound.clone();
        records.remove(place);
        let found = problems(&records);
        assert_eq!(found.len(), 1, "{found:?}");
        apply(&mut records, &found);
        assert_eq!(records, sound);
    }
    let mut records = sound.clone();
    let mut moved = Trace::new(TraceId::stored("tr-1"), ExperimentId(3), "mlflow-artifacts:/3", 6);
    moved.tags.insert("team".into(), "audio".into());
    records.extend(
        keys::traces::places(&moved)
            .into_iter()
            .map(|place| (place, Vec::new())),
    );
    let found = problems(&records);
    assert_eq!(found.len(), 2, "{found:?}");
    apply(&mut records, &found);
    assert_eq!(records, sound);
}

#[test]
fn spans_need_their_trace_and_their_file() {
    let found = problems(&project_with_trace(MISSING));
    assert!(found.len() == 1 && found[0].text.contains(MISSING), "{found:?}");
    let mut records = project_with_trace("s/tr-1/spans");
    records.retain(|key, _| !key.starts_with(b"i") && !key.ends_with(b"a"));
    let found = problems(&records);
    assert!(found.len() == 1 && found[0].repair.is_none(), "{found:?}");
}

#[test]
fn a_file_is_owned_by_what_its_name_leads_to() {
    let mut records = project_with_trace("s/tr-1/spans");
    let digest = "0123456789abcdef".repeat(4);
    let upload = Upload {
        path: ArtifactPath::kept("3/x".into()),
        parts: 2,
        creation_time_ms: 1,
        is_done: false,
        direct: None,
    };
    records.insert(keys::upload(UploadId([1; 16])), write_upload(&upload));
    let gone = TombstoneValue {
        experiment: ExperimentId(3),
        artifact_uri: format!("mlflow-artifacts:/3/{}/artifacts", RunId([2; 16])),
    };
    records.insert(keys::tombstone(&Tombstone::Run(RunId([2; 16]))), write_note(&gone));
    let records = &records;
    let mut check = Check::new(records);
    let upload = UploadId([1; 16]);
    for (name, expected) in [
        (format!("a/3/{}/artifacts/x", RunId([2; 16])), Some(FileCheck::Owned)),
        (format!("a/4/{}/artifacts/x", RunId([2; 16])), None),
        (format!("a/3/{}/artifacts/x", RunId([9; 16])), None),
        ("a/3/traces/tr-1/artifacts/traces.json".into(), Some(FileCheck::Owned)),
        ("a/3/traces/tr-2/artifacts/traces.json".into(), None),
        (
            format!("p/{upload}/00002-{digest}"),
            Some(FileCheck::Part(digest.clone())),
        ),
        (format!("p/{upload}/00003-{digest}"), None),
        (format!("p/{}/00001-{digest}", UploadId([9; 16])), None),
        ("p/x".into(), None),
        ("s/tr-1/spans".into(), Some(FileCheck::Spans)),
        ("s/tr-1/other".into(), None),
        ("s/tr-2/spans".into(), None),
        ("z".into(), None),
    ] {
        let found = check.file(&name).unwrap();
        match expected {
            Some(expected) => assert_eq!(found, expected, "{name}"),
            None => assert!(
                matches!(&found, FileCheck::Orphan { is_useless, .. } if *is_useless == name.starts_with(['p', 's'])),
                "{name}: {found:?}"
            ),
        }
    }
}

#[test]
fn the_content_of_a_file_of_spans_is_read() {
    assert_eq!(spans_problem(&write_batch(&[])), None);
    assert!(spans_problem(&write_blob_batch("s/tr-1/x")).is_some());
    assert!(spans_problem(b"cut").is_some());
}
