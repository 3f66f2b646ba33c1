//! The comparison of runs, and the charts of an experiment.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Address, HOSTILE};

pub(super) fn seed(tracker: &Tracker) -> Vec<Address> {
    tracker.post("experiments/create", json!({"name": HOSTILE})).ok();
    let [run, other] = [HOSTILE, "other"].map(|name| {
        let run = tracker.run("1", 1);
        tracker
            .post("runs/update", json!({"run_id": run, "run_name": name}))
            .ok();
        let points = [1, 2].map(|step| json!({"key": "a b", "value": step, "timestamp": step, "step": step}));
        let params = [json!({"key": "a b", "value": name})];
        tracker
            .post(
                "runs/log-batch",
                json!({"run_id": run, "metrics": points, "params": params}),
            )
            .ok();
        run
    });
    vec![
        (
            "/-/ml/compare",
            format!(
                "compare?run={run}&run={other}&run={}",
                mlforge_ui::link::encoded(HOSTILE)
            ),
        ),
        ("/-/ml/compare", "compare".to_owned()),
        (
            "/-/ml/experiments/{experiment_id}/charts",
            "experiments/1/charts".to_owned(),
        ),
    ]
}
