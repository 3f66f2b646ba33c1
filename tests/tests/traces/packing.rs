//! Compaction of traces changes no answer: a tracker that compacts finds what one finds that never does.

use mlforge_tests::Dice;

use super::*;

/// The kinds of records that compaction of traces writes, and of its markers.
const COLUMNS: u8 = b'P';
const MARKERS: u8 = b'Q';

/// Two trackers with the same traces. Only one of them compacts.
struct Twins {
    packed: Tracker,
    plain: Tracker,
    dice: Dice,
    traces: u64,
}

impl Twins {
    fn new(seed: u64) -> Self {
        Twins {
            packed: Tracker::fresh(),
            plain: Tracker::fresh(),
            dice: Dice::new(seed),
            traces: 0,
        }
    }

    fn send(&self, method: &str, path: &str, body: &Value) {
        let [packed, plain] =
            [&self.packed, &self.plain].map(|tracker| tracker.send(method, path, body.to_string()).status);
        assert_eq!((packed, plain), (200, 200), "{method} {path} {body}");
    }

    /// Stores a trace, or sends one again with another start.
    fn store(&mut self, number: u64) {
        let dice = &mut self.dice;
        let ms = dice.below(5_000);
        let mut info = json!({
            "trace_id": name(number), "request_time": format!("1970-01-01T00:00:{:02}.{:03}Z", ms / 1_000, ms % 1_000),
            "state": dice.one_of(&["OK", "OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"]),
            "tags": {"mlflow.traceName": dice.one_of(&["ask", "embed", "rank"]), "number": (number % 100).to_string()},
            "trace_metadata": {"mlflow.trace.session": format!("s{}", dice.below(9))},
        });
        if !dice.one_in(5) {
            info["execution_duration"] = json!(format!("0.{:03}s", dice.below(40)));
        }
        if dice.one_in(2) {
            info["trace_metadata"]["mlflow.trace.tokenUsage"] =
                json!(format!("{{\"input_tokens\": {}}}", dice.below(50)));
        }
        if dice.one_in(3) {
            info["client_request_id"] = json!(format!("c{}", dice.below(4)));
        }
        if dice.one_in(4) {
            info["tags"]["long"] = json!(dice.one_of(&["x", "y"]).repeat(99 + dice.index(3).unwrap()));
        }
        if dice.one_in(4) {
            info["trace_metadata"]["mlflow.sourceRun"] = json!(dice.one_of(&["r1", "r2"]));
        }
        if dice.one_in(4) {
            info["assessments"] = json!([judgement(dice, number)]);
        }
        info["trace_location"] = json!({"mlflow_experiment": {"experiment_id": "0"}});
        self.send("POST", TRACES, &json!({"trace": {"trace_info": info}}));
    }

    fn create(&mut self) {
        self.store(self.traces);
        self.traces += 1;
    }

    fn change(&mut self) {
        let number = self.dice.below(self.traces);
        let id = name(number);
        let path = format!("{TRACES}/{id}");
        let is_there = self.plain.send("GET", &path, "").status == 200;
        match self.dice.below(6) {
            0 => self.store(number),
            1 => {
                let body = json!({"experiment_id": "0", "request_ids": [id]});
                self.send("POST", "/api/2.0/mlflow/traces/delete-traces", &body);
            }
            2 if is_there => {
                let body = json!({"key": "number", "value": self.dice.below(100).to_string()});
                self.send("PATCH", &format!("/api/2.0/mlflow/traces/{id}/tags"), &body);
            }
            3 if is_there => {
                let body = json!({"trace_ids": [id], "run_id": "r1"});
                self.send("POST", "/api/2.0/mlflow/traces/link-to-run", &body);
            }
            4 | 5 if is_there => {
                let mut body = judgement(&mut self.dice, number);
                body["assessment_id"] = json!(format!("a-{:032x}", self.dice.below(1 << 60)));
                self.send("POST", &format!("{path}/assessments"), &json!({"assessment": body}));
            }
            _ => {}
        }
    }

    /// Compares what is measured of all traces, and some pages of random searches.
    fn check(&mut self, searches: usize) {
        for (metric, kind, dimensions) in MEASURES {
            let (from, until) = (self.dice.below(2_000), 2_000 + self.dice.below(3_500));
            let body = json!({
                "experiment_ids": ["0"], "view_type": "TRACES", "metric_name": metric, "aggregations": [{"aggregation_type": kind}],
                "dimensions": dimensions, "time_interval_seconds": 1, "start_time_ms": from, "end_time_ms": until,
            });
            let path = format!("{TRACES}/metrics");
            let [packed, plain] =
                [&self.packed, &self.plain].map(|tracker| tracker.send("POST", &path, body.to_string()).ok());
            assert_eq!(packed, plain, "{body}");
        }
        for _ in 0..searches {
            let clauses: Vec<&str> = (0..self.dice.below(3)).map(|_| self.dice.one_of(CLAUSES)).collect();
            let filter = clauses.join(" AND ");
            let order = self.dice.one_of(ORDERS);
            let count = self.dice.one_of(&[1, 7, 100, 500]);
            let mut token = Value::Null;
            for _ in 0..4 {
                let body = json!({"filter": filter, "order_by": order, "max_results": count, "page_token": token});
                let [packed, plain] = [&self.packed, &self.plain].map(|tracker| found(tracker, body.clone()).ok());
                assert_eq!(ids(&packed), ids(&plain), "{body}");
                assert_eq!(packed["next_page_token"], plain["next_page_token"], "{body}");
                token = plain["next_page_token"].clone();
                if token.is_null() {
                    break;
                }
            }
        }
    }
}

const CLAUSES: &[&str] = &[
    "status = 'ERROR'",
    "status != 'OK'",
    "status IN ('OK', 'IN_PROGRESS')",
    "name = 'ask'",
    "name LIKE '%n%'",
    "name RLIKE '^e'",
    "name IS NULL",
    "tags.number = '7'",
    "tags.number LIKE '1%'",
    "tags.long LIKE '%x'",
    "tags.long IS NOT NULL",
    "tags.none IS NULL",
    "tags.`mlflow.artifactLocation` LIKE '%9%'",
    "metadata.`mlflow.trace.session` = 's3'",
    "metadata.`mlflow.sourceRun` = 'r1'",
    "metadata.`mlflow.trace.infoFinalized` = 'true'",
    "run_id LIKE 'r%'",
    "client_request_id = 'c1'",
    "request_id LIKE '%5'",
    "timestamp > 2500",
    "timestamp <= 1000",
    "timestamp != 7",
    "end_time >= 4000",
    "execution_time_ms > 30",
    "execution_time_ms = 7",
    "execution_time_ms != 7",
    "feedback.quality = 'good'",
    "feedback.quality != 'good'",
    "feedback.quality IS NULL",
    "feedback.score > 0.5",
    "feedback.score IS NOT NULL",
    "expectation.quality = 'good'",
    "text LIKE '%x%'",
];

/// Metrics with an aggregation and dimensions.
const MEASURES: &[(&str, &str, &[&str])] = &[
    ("trace_count", "COUNT", &["trace_name", "trace_status"]),
    ("session_count", "COUNT", &[]),
    ("latency", "AVG", &["trace_name"]),
    ("input_tokens", "MAX", &[]),
];

const ORDERS: &[&[&str]] = &[
    &[],
    &[],
    &["timestamp"],
    &["execution_time DESC"],
    &["execution_time"],
    &["end_time DESC"],
    &["end_time", "name"],
    &["name", "execution_time"],
    &["status DESC"],
    &["tags.number"],
];

fn name(number: u64) -> String {
    format!("tr-{number:04}")
}

fn judgement(dice: &mut Dice, number: u64) -> Value {
    let value = match dice.below(3) {
        0 => json!(dice.one_of(&["good", "bad"])),
        1 => json!(dice.one_of(&[0.25, 0.75])),
        _ => json!(dice.one_of(&[true, false])),
    };
    let what = dice.one_of(&["feedback", "feedback", "expectation"]);
    let mut judgement = json!({
        "assessment_name": dice.one_of(&["quality", "score"]), what: {"value": value},
        "source": {"source_type": "HUMAN", "source_id": "ada"}, "create_time": "1970-01-01T00:00:01Z",
    });
    if dice.one_in(20) {
        judgement["metadata"] = json!({"mlflow.trace.session": format!("s{}", number % 9)});
    }
    judgement
}

#[test]
fn compaction_changes_no_answer_at_any_time() {
    for seed in 0..3 {
        let mut twins = Twins::new(seed);
        for turn in 0..150 {
            twins.create();
            if turn > 5 {
                twins.change();
            }
            if twins.dice.one_in(12) {
                twins.packed.pack();
            }
            if turn % 25 == 24 {
                twins.check(4);
            }
        }
        twins.check(40);
        twins.packed.pack();
        twins.check(60);
    }
}

#[test]
fn searches_go_through_many_blocks() {
    let mut twins = Twins::new(7);
    for turn in 0..1_400 {
        twins.create();
        if matches!(turn, 100 | 300 | 700 | 1_100) {
            twins.packed.pack();
        }
    }
    twins.check(12);
    twins.packed.pack();
    assert!(twins.packed.records_of(MARKERS).is_empty());
    twins.check(40);
    for _ in 0..200 {
        twins.change();
    }
    twins.check(20);
    twins.packed.pack();
    twins.check(40);
}

#[test]
fn deleted_traces_leave_no_columns() {
    let mut twins = Twins::new(8);
    (0..600).for_each(|_| twins.create());
    twins.packed.pack();
    assert!(!twins.packed.records_of(COLUMNS).is_empty());
    let body = json!({"experiment_id": "0", "max_timestamp_millis": 2_000});
    twins.send("POST", "/api/2.0/mlflow/traces/delete-traces", &body);
    twins.check(20);
    twins.packed.pack();
    twins.check(20);
    let body = json!({"experiment_id": "0", "max_timestamp_millis": 10_000});
    twins.send("POST", "/api/2.0/mlflow/traces/delete-traces", &body);
    twins.check(3);
    twins.packed.pack();
    for kind in [COLUMNS, MARKERS] {
        assert_eq!(twins.packed.records_of(kind), [], "{}", char::from(kind));
    }
}

#[test]
fn a_trace_that_cannot_be_read_does_not_stop_compaction() {
    let mut twins = Twins::new(9);
    (0..20).for_each(|_| twins.create());
    let traces = twins.packed.records_of(b't');
    let (key, value) = traces.first().unwrap().clone();
    twins.packed.put_record(&key, &[9]);
    twins.packed.pack();
    assert_eq!(twins.packed.records_of(MARKERS).len(), 1);
    assert!(!twins.packed.records_of(COLUMNS).is_empty());
    twins.packed.put_record(&key, &value);
    twins.check(20);
}

#[test]
fn a_purged_experiment_leaves_no_columns_of_traces() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    for number in 0..5 {
        let location = json!({"mlflow_experiment": {"experiment_id": experiment}});
        start(&tracker, json!({"trace_id": name(number), "trace_location": location})).ok();
    }
    tracker.pack();
    assert!(!tracker.records_of(COLUMNS).is_empty());
    let body = json!({"experiment_id": experiment});
    tracker.post("experiments/delete", body).ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS), 1);
    for kind in [COLUMNS, MARKERS] {
        assert_eq!(tracker.records_of(kind), [], "{}", char::from(kind));
    }
}
