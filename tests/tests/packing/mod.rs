//! Compaction changes no answer: reads and searches find all logged data, compacted or not.

mod project;

use mlforge_plugin::domain::lifecycle::Stage;
use mlforge_tests::tracker::Tracker;
pub(crate) use project::Project;
use serde_json::{Value, json};

#[test]
fn compaction_changes_no_answer_at_any_time() {
    for seed in 0..6 {
        let mut project = Project::new(seed);
        for turn in 0..120 {
            if turn < 5 || project.dice.one_in(4) {
                project.create();
            }
            project.change();
            if project.dice.one_in(10) {
                project.tracker.pack();
            }
            if turn % 20 == 0 {
                project.check_searches(3);
            }
        }
        project.check_runs();
        project.check_searches(25);
    }
}

#[test]
fn deleting_and_restoring_an_experiment_includes_packed_runs() {
    let mut project = Project::new(1);
    (0..8).for_each(|_| project.create());
    project.tracker.pack();
    (0..3).for_each(|_| project.create());
    let first = json!({"experiment_id": project.experiments[0]});
    project.tracker.post("experiments/delete", first.clone()).ok();
    for run in &mut project.runs {
        if run.run.experiment.to_string() == project.experiments[0] {
            run.stage = Stage::Deleted;
        }
    }
    project.check_searches(20);
    project.tracker.post("experiments/restore", first).ok();
    project.runs.iter_mut().for_each(|run| run.stage = Stage::Active);
    project.tracker.pack();
    project.check_searches(20);
}

#[test]
fn searches_go_through_many_blocks_in_order() {
    let mut project = Project::new(2);
    for turn in 0..1_300 {
        project.create();
        if project.dice.one_in(300) || turn == 600 {
            project.tracker.pack();
        }
    }
    (0..400).for_each(|_| project.change());
    project.check_searches(4);
    project.tracker.pack();
    project.check_searches(6);
}

#[test]
fn a_run_with_more_data_than_a_compaction_pass_is_packed_in_pieces() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let run = tracker.run(&experiment, 1);
    let key = |number: u64| format!("m{number:04}");
    for batch in 0..3 {
        let metrics: Vec<Value> = (0..900)
            .map(|number| json!({"key": key(900 * batch + number), "value": number, "timestamp": 1, "step": 0}))
            .collect();
        tracker
            .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
            .ok();
    }
    let before = tracker.read(&run);
    tracker.pack();
    assert_eq!(tracker.read(&run), before);
    assert_eq!(before["data"]["metrics"].as_array().unwrap().len(), 2_700);
    let filter = format!("metrics.{} = 899 and metrics.{} = 0", key(2_699), key(0));
    let body = json!({"experiment_ids": [experiment], "filter": filter});
    assert_eq!(tracker.post("runs/search", body).ok()["runs"][0]["info"]["run_id"], run);
}

#[test]
fn packed_params_keep_their_logged_values() {
    let tracker = Tracker::fresh();
    let run = tracker.run(&tracker.experiment("e"), 1);
    let param = |value: &str| json!({"run_id": run, "key": "p", "value": value});
    tracker.post("runs/log-parameter", param("a")).ok();
    tracker.pack();
    tracker.post("runs/log-parameter", param("a")).ok();
    let message = tracker
        .post("runs/log-parameter", param("b"))
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("already logged with value='a'"), "{message}");
}

#[test]
fn a_packed_tag_is_removed_for_good() {
    let tracker = Tracker::fresh();
    let run = tracker.run(&tracker.experiment("e"), 1);
    let tag = json!({"run_id": run, "key": "t", "value": "v"});
    tracker.post("runs/set-tag", tag.clone()).ok();
    tracker.pack();
    tracker.post("runs/delete-tag", json!({"run_id": run, "key": "t"})).ok();
    let missing = |tracker: &Tracker| {
        let tags = tracker.read(&run)["data"]["tags"].to_string();
        assert!(!tags.contains("\"t\""), "{tags}");
        tracker
            .post("runs/delete-tag", json!({"run_id": run, "key": "t"}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    };
    missing(&tracker);
    tracker.pack();
    missing(&tracker);
    tracker.post("runs/set-tag", tag).ok();
    tracker.pack();
    assert!(tracker.read(&run)["data"]["tags"].to_string().contains("\"t\""));
}

#[test]
fn only_the_host_can_request_maintenance() {
    let tracker = Tracker::fresh();
    for path in [
        "/host/compact",
        "/api/2.0/mlflow/compact",
        "/ajax-api/2.0/mlflow/compact",
    ] {
        tracker.send("POST", path, "{}").fails(404, "ENDPOINT_NOT_FOUND");
    }
}
