//! Logging of points and params: one record for a run, a caller and an hour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlforge::storage::Commit;
use serde_json::{Value, json};

use super::{As, Audited, actions};

const HOUR_MS: i64 = 3_600_000;

fn log_metric(user: As<'_>, run: &str, step: i64) {
    let body = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1, "step": step});
    user.post("runs/log-metric", body);
}

fn log_all(user: As<'_>, run: &str) {
    for step in 0..3 {
        log_metric(user, run, step);
    }
    user.post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": "1"}));
    let metrics = json!([{"key": "m", "value": 2, "timestamp": 1, "step": 9}]);
    user.post("runs/log-batch", json!({"run_id": run, "metrics": metrics}));
}

fn logging(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|record| record["action"] == "runs/log").collect()
}

#[test]
fn a_caller_leaves_one_record_for_a_run_and_an_hour() {
    let audited = Audited::fresh();
    let (one, other) = (audited.owner().run(), audited.owner().run());
    log_all(audited.owner(), &one);
    let records = audited.records();
    let [record] = &logging(&records)[..] else {
        panic!("{:?}", actions(&records))
    };
    let hour_ms = audited.now_ms() / HOUR_MS * HOUR_MS;
    assert_eq!(
        (&record["timestamp"], &record["period_ms"]),
        (&json!(hour_ms), &json!(HOUR_MS))
    );
    assert_eq!((&record["object"], &record["actor"]), (&json!(one), &json!("owner")));
    let count = |audited: &Audited| logging(&audited.records()).len();
    log_all(audited.owner(), &other);
    assert_eq!(count(&audited), 2, "another run");
    log_all(audited.user("developer"), &one);
    assert_eq!(count(&audited), 3, "another caller");
    let elsewhere = [("x-forwarded-for", "198.51.100.8")];
    log_all(audited.owner().with_headers(&elsewhere), &one);
    assert_eq!(count(&audited), 4, "another address");
    audited.wait_ms(HOUR_MS.unsigned_abs());
    log_metric(audited.owner(), &one, 10);
    assert_eq!(count(&audited), 5, "another hour");
    log_metric(audited.owner(), &one, 11);
    assert_eq!(count(&audited), 5);
}

#[test]
fn an_instance_that_has_written_the_record_writes_nothing_more_than_without_a_log() {
    let written = |days| {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let audited = Audited::with(days, move |commit: &Commit| {
            counted.fetch_add(commit.writes.len(), Ordering::SeqCst);
            Ok(())
        });
        let run = audited.owner().run();
        log_metric(audited.owner(), &run, 0);
        count.store(0, Ordering::SeqCst);
        (1..=10).for_each(|step| log_metric(audited.owner(), &run, step));
        count.load(Ordering::SeqCst)
    };
    assert_eq!(written(Some(1)), written(None));
}

#[test]
fn a_batch_that_sets_a_tag_has_a_record_of_its_own() {
    let audited = Audited::fresh();
    let run = audited.owner().run();
    for number in 0..2 {
        let tags = json!([{"key": "stage", "value": number.to_string()}]);
        let metrics = json!([{"key": "m", "value": 2, "timestamp": 1, "step": number}]);
        let batch = json!({"run_id": run, "metrics": metrics, "tags": tags});
        audited.owner().post("runs/log-batch", batch);
    }
    assert_eq!(
        actions(&audited.records()),
        ["runs/log-batch", "runs/log-batch", "runs/create"]
    );
}
