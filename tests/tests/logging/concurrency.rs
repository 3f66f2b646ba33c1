//! Concurrent writes to one run.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{history, value};

#[test]
fn concurrent_writes_to_one_run_are_all_kept() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let mut requests = Vec::new();
    for n in 0..64 {
        let metric = json!({"run_id": run, "key": "shared", "value": n, "timestamp": n, "step": n});
        requests.push(("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), metric));
        let param = json!({"run_id": run, "key": format!("p{n}"), "value": "v"});
        requests.push(("POST", "/api/2.0/mlflow/runs/log-parameter".to_owned(), param));
        let rename = json!({"run_id": run, "key": "mlflow.runName", "value": format!("n{n}")});
        requests.push(("POST", "/api/2.0/mlflow/runs/set-tag".to_owned(), rename));
    }
    for reply in tracker.send_all(requests) {
        reply.ok();
    }
    let read = tracker.read(&run);
    assert_eq!(history(&tracker, &run, "shared").len(), 64);
    assert_eq!(value(&read, "metrics", "shared"), 63.0);
    assert_eq!(read["data"]["params"].as_array().unwrap().len(), 64);
    assert_eq!(read["info"]["run_name"], value(&read, "tags", "mlflow.runName"));
}

#[test]
fn an_acknowledged_update_survives_concurrent_renames() {
    let tracker = Tracker::fresh();
    for _ in 0..10 {
        let run = tracker.run("0", 1);
        let rename = |n: i64| {
            let body = json!({"run_id": run, "key": "mlflow.runName", "value": format!("n{n}")});
            ("POST", "/api/2.0/mlflow/runs/set-tag".to_owned(), body)
        };
        let mut requests: Vec<_> = (0..24).map(rename).collect();
        let finish = json!({"run_id": run, "status": "FINISHED", "end_time": 9});
        requests.insert(12, ("POST", "/api/2.0/mlflow/runs/update".to_owned(), finish));
        for reply in tracker.send_all(requests) {
            reply.ok();
        }
        assert_eq!(tracker.read(&run)["info"]["status"], "FINISHED");
    }
}

#[test]
fn a_deleted_run_accepts_no_point_after_its_deletion_was_acknowledged() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let point = |n: i64| {
        let body = json!({"run_id": run, "key": "m", "value": n, "timestamp": n});
        ("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), body)
    };
    let mut requests: Vec<_> = (0..24).map(point).collect();
    requests.insert(
        12,
        ("POST", "/api/2.0/mlflow/runs/delete".to_owned(), json!({"run_id": run})),
    );
    let logged = tracker
        .send_all(requests)
        .iter()
        .filter(|reply| reply.status == 200)
        .count()
        - 1;
    assert_eq!(history(&tracker, &run, "m").len(), logged);
    tracker
        .post(
            "runs/log-metric",
            json!({"run_id": run, "key": "m", "value": 1, "timestamp": 99}),
        )
        .fails(400, "INVALID_PARAMETER_VALUE");
}
