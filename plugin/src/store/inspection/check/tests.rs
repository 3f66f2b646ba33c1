#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::domain::experiment::Experiment;
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::store::codec::write_experiment;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

impl Source for &Records {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(Records::get(self, key).cloned())
    }
}

fn problems(records: &Records) -> Vec<Problem> {
    let mut check = Check::new(records);
    let mut found = Vec::new();
    for (key, value) in records {
        found.extend(check.record(key, value).unwrap());
    }
    found.extend(check.end().unwrap());
    found
}

fn apply(records: &mut Records, problems: &[Problem]) {
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
