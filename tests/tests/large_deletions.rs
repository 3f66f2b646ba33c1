//! Deletions that are too large for one commit, and deletions of damaged records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlforge::storage::{CommitError, StorageError};
use mlforge_plugin::domain::experiment::Experiment;
use mlforge_plugin::domain::id::{ExperimentId, ModelId, RunId};
use mlforge_plugin::domain::stage::ModelStage;
use mlforge_plugin::domain::version::Version;
use mlforge_plugin::store::{codec, keys};
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// The only model of most tests.
const MODEL: ModelId = ModelId(1);

/// True if any record of this kind exists for this number.
fn stores_of(tracker: &Tracker, kind: u8, number: u64) -> bool {
    let key = |number: u64| [&[kind], &number.to_be_bytes()[..]].concat();
    tracker.count_records(&key(number), &key(number + 1)) > 0
}

/// The model `m` with one version.
fn with_version() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    tracker.version("m", None);
    tracker
}

fn delete_version(tracker: &Tracker, version: &str) -> u16 {
    let version = json!({"name": "m", "version": version});
    tracker.delete("model-versions/delete", version).status
}

/// A text of 400,000 bytes.
fn long_text() -> String {
    "\u{10000}".repeat(100_000)
}

/// Versions 2, 3, … of the model in this stage, each with a long description.
fn put_large_versions(tracker: &Tracker, count: u64, stage: ModelStage) {
    let record = tracker.record(keys::registry::version(MODEL, 1)).unwrap();
    let first = codec::registry::read_version(MODEL, 1, &record).unwrap();
    for number in 2..2 + count {
        let version = Version {
            number,
            stage,
            description: Some(long_text()),
            ..first.clone()
        };
        let record = codec::registry::write_version(&version);
        tracker.put_records([
            (keys::registry::version(MODEL, number), record),
            (
                keys::registry::ranked_version(MODEL, stage, &version.semver, number),
                Vec::new(),
            ),
        ]);
    }
}

#[test]
fn a_version_with_more_tags_and_aliases_than_fit_a_commit_is_deleted() {
    let tracker = with_version();
    tracker.version("m", None);
    let tag = |number: usize| keys::registry::version_tag(MODEL, 1, &format!("tag{number}"));
    tracker.put_records((0..10_050).map(|number| (tag(number), b"v".to_vec())));
    for number in 0..2_500 {
        let alias = format!("alias{number}");
        tracker.put_records([
            (keys::registry::model_alias(MODEL, &alias), codec::write_number(1)),
            (keys::registry::version_alias(MODEL, 1, &alias), Vec::new()),
        ]);
    }
    let moved = json!({"name": "m", "alias": "alias7", "version": "2"});
    tracker.post("registered-models/alias", moved).ok();
    assert_eq!(delete_version(&tracker, "1"), 200);
    assert_eq!(delete_version(&tracker, "1"), 404);
    let model = tracker.read_model("m");
    assert_eq!(model["aliases"], json!([{"alias": "alias7", "version": "2"}]));
    let first = keys::registry::versions_between(MODEL, &(1..=1));
    assert_eq!(tracker.count_records(&first.start, &first.end), 0);
    assert_eq!(tracker.read_version("m", "2")["aliases"], json!(["1.0.1", "alias7"]));
}

#[test]
fn very_large_versions_are_archived_together() {
    let tracker = with_version();
    put_large_versions(&tracker, 180, ModelStage::Production);
    let promoted = json!({"name": "m", "version": "1", "stage": "Production", "archive_existing_versions": true});
    tracker.post("model-versions/transition-stage", promoted).ok();
    let in_stage = |stage| {
        let span = keys::registry::ranked_versions(MODEL, stage);
        tracker.count_records(&span.start, &span.end)
    };
    assert_eq!(
        (in_stage(ModelStage::Production), in_stage(ModelStage::Archived)),
        (1, 180)
    );
}

#[test]
fn nothing_is_left_of_a_deleted_model_with_very_large_versions() {
    let tracker = with_version();
    put_large_versions(&tracker, 300, ModelStage::None);
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    // One request removes a part of so many records; maintenance removes the rest.
    tracker.pack();
    for kind in [b'V', b'S', b'T', b'U', b'M'] {
        assert!(!stores_of(&tracker, kind, MODEL.0), "{}", char::from(kind));
    }
    assert_eq!(tracker.count_records(b"Y", b"Z"), 0);
}

#[test]
fn maintenance_finishes_an_interrupted_deletion() {
    let fails = Arc::new(AtomicBool::new(false));
    let is_broken = Arc::clone(&fails);
    let records = Arc::new(InterceptedRecords::new(move |commit| {
        // The commit that deletes the model is the one with checks.
        match is_broken.load(Ordering::SeqCst) && commit.checks.is_empty() {
            true => Err(CommitError::Failed(StorageError::Unavailable("unplugged".to_owned()))),
            false => Ok(()),
        }
    }));
    let stored = Arc::clone(&records);
    let tracker = Tracker::with(|builder| builder.records(records));
    tracker.model("m");
    tracker.version("m", None);
    fails.store(true, Ordering::SeqCst);
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    let left = |kind: u8| tracker.count_of(&*stored, &[kind], &[kind + 1]);
    assert!(left(b'V') > 0 && left(b'Y') == 1);
    fails.store(false, Ordering::SeqCst);
    tracker.pack();
    assert_eq!((left(b'V'), left(b'W'), left(b'Y')), (0, 0, 0));
}

#[test]
fn an_experiment_with_very_large_records_is_purged() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let id: ExperimentId = ExperimentId::parse(&experiment).unwrap();
    for digest in 0..5 {
        let key = keys::dataset(id, "d", &digest.to_string());
        tracker.put_records([(key, vec![b'x'; 24 << 20])]);
    }
    let deleted = json!({"experiment_id": experiment});
    tracker.post("experiments/delete", deleted).ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 1);
    assert!(!stores_of(&tracker, b'd', id.0));
}

#[test]
fn very_large_runs_are_purged_together() {
    let tracker = Tracker::fresh();
    let tags: Vec<Value> = (0..150)
        .map(|number| json!({"key": format!("k{number}"), "value": "v".repeat(8_000)}))
        .collect();
    for start in 0..64 {
        let run = json!({"experiment_id": "0", "start_time": start, "tags": tags});
        let run = tracker.post("runs/create", run).ok()["run"]["info"]["run_id"].take();
        tracker.post("runs/delete", json!({"run_id": run})).ok();
    }
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 64);
    assert_eq!(tracker.count_records(b"r", b"s"), 0);
}

#[test]
fn a_damaged_run_does_not_stop_the_purge_of_others() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let runs: Vec<String> = (0..3).map(|start| tracker.run(&experiment, start)).collect();
    for run in &runs {
        tracker.post("runs/delete", json!({"run_id": run})).ok();
    }
    let other = tracker.experiment("other");
    tracker.post("experiments/delete", json!({"experiment_id": other})).ok();
    let damaged = keys::run(RunId::parse(&runs[1]).unwrap());
    tracker.put_records([(damaged.clone(), b"\x01damaged".to_vec())]);
    tracker.wait_ms(DAY_MS);
    for removed in [3, 0] {
        let message = tracker.purge_fails(DAY_MS);
        let expected = format!("{removed} deleted runs and experiments were removed, 1 could not be");
        assert!(message.contains(&expected), "{message}");
    }
    for run in [&runs[0], &runs[2]] {
        tracker
            .get(&format!("runs/get?run_id={run}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    // The damaged run is removed with its experiment, since it cannot be used any more.
    tracker
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 1);
    assert_eq!(tracker.record(damaged), None);
}

#[test]
fn the_location_of_an_experiment_is_never_inside_a_run_or_logged_model() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model = tracker.post("logged-models", json!({"experiment_id": "0"})).ok();
    let model = model["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let create = |location: &str| {
        let body = json!({"name": location, "artifact_location": location});
        tracker.post("experiments/create", body)
    };
    for inside in [
        format!("mlflow-artifacts:/0/{run}/artifacts"),
        format!("mlflow-artifacts:/0/{run}/artifacts/a/b/"),
        format!("mlflow-artifacts:/0/models/{model}/artifacts/a"),
    ] {
        let message = create(&inside).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("among the artifacts of"), "{message}");
    }
    let unknown = "ab".repeat(16);
    for beside in [
        format!("mlflow-artifacts:/0/{run}/other"),
        format!("mlflow-artifacts:/x/{run}/artifacts"),
        format!("mlflow-artifacts:/0/{unknown}/artifacts"),
        format!("s3://bucket/0/{run}/artifacts"),
    ] {
        create(&beside).ok();
    }
}

#[test]
fn a_run_is_not_purged_while_an_experiment_is_stored_inside_it() {
    let tracker = Tracker::fresh();
    let outer = tracker.experiment("outer");
    let run = tracker.run(&outer, 1);
    let inner = tracker.experiment("inner");
    // Earlier versions accepted experiments like this.
    let id = ExperimentId::parse(&inner).unwrap();
    let location = format!("mlflow-artifacts:/{outer}/{run}/artifacts/inner");
    let moved = Experiment::new(id, "inner".to_owned(), Some(location.clone()), NOW_MS);
    tracker.put_records([(keys::experiment(id), codec::write_experiment(&moved))]);
    let inner_run = tracker.run(&inner, 1);
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    // The files of a run belong to it in any location.
    let path = format!("{STORE}/{outer}/{run}/artifacts/inner/{inner_run}/artifacts/file");
    tracker.file("PUT", &path, &[], "bytes").ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 0);
    tracker.post("experiments/delete", json!({"experiment_id": outer})).ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 0);
    assert_eq!(tracker.file("GET", &path, &[], "").ok(), "bytes");
    tracker.post("experiments/delete", json!({"experiment_id": inner})).ok();
    tracker.wait_ms(DAY_MS);
    assert!(tracker.purge(DAY_MS) > 0);
    tracker.purge(DAY_MS);
    assert_eq!(tracker.kept("a"), [""; 0]);
}
