//! `docs/format.md` is true: its grammars decode all that is stored, and its dump is what two runs store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use mlforge::Host;
use mlforge::storage::memory::MemoryBlobs;
use mlforge::storage::{Commit, CommitError, ProjectId, Range, Records, Write};
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::{NOW_MS, plugin};
use mlforge_tests::{Caller, StaticForge};
use serde_json::{Value, json};

use grammar::Grammar;

mod grammar;
mod layout;

/// An environment variable: if it is set, the dump is written instead of compared.
const WRITE: &str = "MLFORGE_WRITE_DOCS";
const BEGIN: &str = "<!-- begin of the dump -->\n";
const END: &str = "<!-- end of the dump -->";
/// Points of one metric: enough for the component to store them as a chunk.
const CHUNK: i64 = 9;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;
/// Every record that was ever written, also what the same request removed again.
type Written = BTreeSet<(Vec<u8>, Vec<u8>)>;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/format.md")).unwrap()
}

/// A project whose clock stands still, and whose random numbers are the same each time.
struct Project {
    runtime: tokio::runtime::Runtime,
    host: Host,
    caller: Caller,
    records: Arc<dyn Records>,
    written: Arc<Mutex<Written>>,
}

impl Project {
    /// An empty project, with or without an audit log and commit statuses.
    fn empty(is_audited: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let written: Arc<Mutex<Written>> = Arc::default();
        let log = Arc::clone(&written);
        let before_commit = move |commit: &Commit| -> Result<(), CommitError> {
            let stored = commit.writes.iter().filter(|write| !matches!(write, Write::Delete(_)));
            log.lock()
                .unwrap()
                .extend(stored.map(|write| (write.key().to_vec(), write.value().to_vec())));
            Ok(())
        };
        let records = Arc::new(InterceptedRecords::new(before_commit));
        let host = Host::builder()
            .plugin(plugin())
            .records(Arc::clone(&records))
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::new(StaticForge::new()))
            // An instance that is used again would draw fewer random numbers.
            .isolate(true)
            .clock(|| UNIX_EPOCH + Duration::from_millis(NOW_MS.unsigned_abs()))
            .random_seed(1)
            .background_maintenance(false);
        let host = match is_audited {
            true => host
                .audit_log(Duration::from_secs(24 * 3_600))
                .external_url("https://ml.test")
                .commit_statuses(true),
            false => host,
        };
        let host = host.build().unwrap();
        let caller = Caller::new(&host, "owner", "1").header("host", "ml.test");
        Project {
            runtime,
            host,
            caller,
            records,
            written,
        }
    }

    #[track_caller]
    fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        self.ask_at(&self.caller, method, &format!("/api/2.0/{path}"), body)
    }

    #[track_caller]
    fn ask_at(&self, caller: &Caller, method: Method, path: &str, body: &Value) -> Value {
        let answer = self
            .runtime
            .block_on(caller.send(method, path, body.to_string().into()));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    #[track_caller]
    fn post(&self, endpoint: &str, body: Value) -> Value {
        self.ask(Method::POST, &format!("mlflow/{endpoint}"), &body)
    }

    fn experiment(&self, name: &str) -> String {
        text(&self.post("experiments/create", json!({"name": name}))["experiment_id"])
    }

    fn run(&self, experiment: &str, name: &str, start_time: i64) -> String {
        let tags = json!([{"key": "team", "value": "vision"}]);
        let body = json!({
            "experiment_id": experiment, "run_name": name, "start_time": start_time, "user_id": "ada", "tags": tags,
        });
        text(&self.post("runs/create", body)["run"]["info"]["run_id"])
    }

    fn compact(&self) {
        self.runtime.block_on(self.host.run_maintenance(ProjectId(1)));
    }

    /// All records that there are.
    fn records(&self) -> Pairs {
        let ranges = [Range {
            start: vec![0],
            end: vec![255],
            limit: u32::MAX,
            reverse: false,
        }];
        let page = self.runtime.block_on(self.records.scan(ProjectId(1), &ranges)).unwrap();
        assert!(page.cut.is_none(), "the project is too large for one page");
        let mut start = 0;
        let mut cut = |end: u32| page.bytes[std::mem::replace(&mut start, end as usize)..end as usize].to_vec();
        page.ends
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[key, value]| (cut(*key), cut(*value)))
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn points(metric: &str, model: Option<&str>) -> Vec<Value> {
    let point = |step: i64| {
        let value = 1.0 / f64::from(i32::try_from(step).unwrap() + 1);
        json!({"key": metric, "value": value, "step": step, "timestamp": NOW_MS + step, "model_id": model})
    };
    (0..CHUNK).map(point).collect()
}

/// The dump that the page describes.
fn dump(grammar: &Grammar) -> String {
    let project = Project::empty(false);
    let experiment = project.experiment("cats");
    let first = project.run(&experiment, "try-1", NOW_MS);
    project.post(
        "runs/log-batch",
        json!({"run_id": first, "metrics": points("loss", None), "params": [{"key": "rate", "value": "0.01"}]}),
    );
    project.post(
        "runs/log-metric",
        json!({"run_id": first, "key": "accuracy", "value": 0.75, "step": 0, "timestamp": NOW_MS}),
    );
    project.post("runs/set-tag", json!({"run_id": first, "key": "note", "value": "good"}));
    let second = project.run(&experiment, "try-2", NOW_MS + 1_000);
    project.post(
        "runs/log-metric",
        json!({"run_id": second, "key": "loss", "value": 0.5, "step": 0, "timestamp": NOW_MS}),
    );
    project.post(
        "runs/log-parameter",
        json!({"run_id": second, "key": "rate", "value": "0.1"}),
    );
    project.post(
        "runs/update",
        json!({"run_id": second, "status": "FINISHED", "end_time": NOW_MS + 2_000}),
    );
    let before = project.records();
    project.compact();
    let after = project.records();
    let changed: Pairs = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let removed: Vec<&Vec<u8>> = before.keys().filter(|key| !after.contains_key(*key)).collect();
    let rendered = |pairs: &Pairs| {
        let records = pairs.iter().map(|(key, value)| record(grammar, key, Some(value)));
        records.collect::<Vec<_>>().join("\n")
    };
    let removed: String = removed
        .into_iter()
        .map(|key| record(grammar, key, before.get(key)))
        .map(|record| record.split("value  ").next().unwrap().to_owned())
        .collect();
    let sections = [
        ("Before compaction", rendered(&before)),
        ("What compaction writes", rendered(&changed)),
        ("What compaction removes", removed),
    ];
    let section = |(title, text): (&str, String)| format!("\n### {title}\n\n```text\n{text}```\n");
    sections.into_iter().map(section).collect::<String>() + "\n"
}

fn record(grammar: &Grammar, key: &[u8], value: Option<&Vec<u8>>) -> String {
    let decoded = grammar.decode(key, value.map_or(&[], Vec::as_slice)).unwrap();
    let value = match &decoded.value[..] {
        [] => "value  (empty)\n".to_owned(),
        cells => layout::lines("value", cells),
    };
    layout::lines("key", &decoded.key) + &value
}

#[test]
fn the_dump_in_the_document_is_true() {
    let document = page();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let dump = dump(&Grammar::read(&document));
    if std::env::var_os(WRITE).is_some() {
        let all = [before, BEGIN, &dump, END, after].concat();
        std::fs::write(repository().join("docs/format.md"), all).unwrap();
        return;
    }
    assert!(
        written == dump,
        "{WRITE}=1 writes the dump into docs/format.md; it should be:\n{dump}"
    );
}

#[test]
fn each_family_in_the_document_is_one_in_the_code() {
    let table = std::fs::read_to_string(repository().join("plugin/src/store/keys.rs")).unwrap();
    let mut coded = BTreeSet::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let key = row.split('|').next().unwrap();
        let mut letters = key
            .split('`')
            .enumerate()
            .filter(|(place, _)| place % 2 == 0)
            .map(|(_, letter)| letter);
        let family = letters.next().unwrap().to_owned();
        let parts: Vec<String> = letters
            .filter(|part| part.len() == 1)
            .map(|part| family.clone() + part)
            .collect();
        coded.extend(if parts.is_empty() { vec![family] } else { parts });
    }
    let mut documented = Grammar::read(&page()).letters();
    // A line for each column.
    documented.retain(|letters| !letters.starts_with('k'));
    documented.insert("k".to_owned());
    assert_eq!(documented, coded);
}

#[test]
fn every_record_follows_the_grammars_in_the_document() {
    let grammar = Grammar::read(&page());
    let project = Project::empty(true);
    let run = runs(&project);
    registry(&project, &run);
    traces(&project, &run);
    project.compact();
    purge(&project);
    let mut families: BTreeSet<&str> = BTreeSet::new();
    let written = project.written.lock().unwrap().clone();
    for (key, value) in &written {
        let decoded = grammar
            .decode(key, value)
            .unwrap_or_else(|wrong| panic!("docs/format.md: {wrong}"));
        families.insert(decoded.family.line.as_str());
    }
    let unused: Vec<&str> = grammar
        .families
        .iter()
        .map(|family| family.line.as_str())
        .filter(|line| !families.contains(line))
        .collect();
    assert!(unused.is_empty(), "the test stores no {unused:?}");
}

/// Stores experiments, runs, logged models and an upload; answers a run.
fn runs(project: &Project) -> String {
    let experiment = project.experiment("e\0f");
    let tag = json!({"experiment_id": experiment, "key": "t", "value": "v"});
    project.post("experiments/set-experiment-tag", tag);
    let run = project.run(&experiment, "one", -1);
    let model = json!({
        "experiment_id": experiment, "name": "l", "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "v"}],
    });
    let model = text(&project.post("logged-models", model)["model"]["info"]["model_id"]);
    let batch = json!({"run_id": run, "metrics": points("m", Some(&model)), "params": [{"key": "p", "value": "1"}]});
    project.post("runs/log-batch", batch);
    let nan = json!({"run_id": run, "key": "m", "value": "NaN", "step": -5, "timestamp": 1});
    project.post("runs/log-metric", nan);
    for context in [json!([]), json!([{"key": "mlflow.data.context", "value": "training"}])] {
        let digest = format!("{}", context.as_array().unwrap().len());
        let dataset = json!({"name": "d\0", "digest": digest, "source_type": "s", "source": "s", "schema": "{}"});
        let inputs = json!({
            "run_id": run, "datasets": [{"dataset": dataset, "tags": context}], "models": [{"model_id": model}],
        });
        project.post("runs/log-inputs", inputs);
    }
    project.post(
        "runs/outputs",
        json!({"run_id": run, "models": [{"model_id": model, "step": 3}]}),
    );
    for number in 0..40 {
        let other = project.run(&experiment, "other", number);
        let value = if number % 2 == 0 { "few" } else { "words" };
        let tag = json!({"run_id": other, "key": "t", "value": value});
        project.post("runs/set-tag", tag);
        let long = json!({"run_id": other, "key": "long", "value": "x".repeat(200)});
        project.post("runs/set-tag", long);
    }
    let commit = json!({"run_id": run, "key": "mlflow.source.git.commit", "value": "c".repeat(40)});
    project.post("runs/set-tag", commit);
    project.compact();
    project.post("runs/delete-tag", json!({"run_id": run, "key": "team"}));
    project.post(
        "runs/update",
        json!({"run_id": run, "status": "FAILED", "end_time": NOW_MS}),
    );
    for what in ["delete", "restore"] {
        project.post(&format!("runs/{what}"), json!({"run_id": run}));
    }
    for (key, job) in [("GITHUB_RUN_ID", "31"), ("gitlab.CI_JOB_ID", "no job")] {
        let naming = json!({"run_id": run, "key": key, "value": job});
        project.post("runs/set-tag", naming);
    }
    let path = format!("mlflow-artifacts/mpu/create/{experiment}/{run}/artifacts");
    project.ask(Method::POST, &path, &json!({"path": "large", "num_parts": 1}));
    run
}

/// Models and versions with everything that they can have.
fn registry(project: &Project, run: &str) {
    for model in ["m", "n"] {
        project.post(
            "registered-models/create",
            json!({"name": model, "tags": [{"key": "t", "value": "v"}]}),
        );
    }
    let tags: Vec<Value> = (0..990)
        .map(|number| json!({"key": format!("t{number}"), "value": "v"}))
        .collect();
    for (semver, run) in [(None, None), (Some("2.0.0-rc.1+build"), Some(run))] {
        let mut tags = tags.clone();
        tags.extend(semver.map(|semver| json!({"key": "gitlab.version", "value": semver})));
        let version = json!({"name": "m", "run_id": run, "tags": tags, "description": semver});
        project.post("model-versions/create", version);
    }
    // More tags than one commit of a deletion removes.
    for number in 990..1_010 {
        let tag = json!({"name": "m", "version": "2", "key": format!("t{number}"), "value": "v"});
        project.post("model-versions/set-tag", tag);
    }
    let naming = json!({"name": "m", "version": "1", "key": "gitlab.CI_JOB_ID", "value": "no job"});
    project.post("model-versions/set-tag", naming);
    let production = json!({"name": "m", "version": "1", "stage": "Production"});
    project.post("model-versions/transition-stage", production);
    project.post(
        "registered-models/alias",
        json!({"name": "m", "alias": "champion", "version": "1"}),
    );
}

/// A trace with spans and everything that it can have.
fn traces(project: &Project, run: &str) {
    let id = format!("tr-{}", "a".repeat(32));
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let attributes = [
        attribute("text", json!({"stringValue": "x"})),
        attribute(
            "list",
            json!({"arrayValue": {"values": [{"intValue": "-7"}, {"doubleValue": 0.5}, {"boolValue": true}, {}]}}),
        ),
        attribute("map", json!({"kvlistValue": {"values": [{"key": "k"}]}})),
        attribute(
            "mlflow.chat.tokenUsage",
            json!({"stringValue": r#"{"input_tokens": 3}"#}),
        ),
    ];
    let span = |span_id: &str, large: usize| {
        json!({
            "traceId": "a".repeat(32), "spanId": span_id, "parentSpanId": "0b", "name": "n", "kind": 1, "startTimeUnixNano": "1",
            "status": {"code": 2, "message": "m"}, "attributes": attributes, "events": [{"name": "x".repeat(large), "attributes": attributes}],
            "links": [{"traceId": "0c", "spanId": "0d", "attributes": attributes}],
        })
    };
    let caller = Caller::new(&project.host, "owner", "1")
        .header("host", "ml.test")
        .header("content-type", "application/json")
        .header("x-mlflow-experiment-id", "0");
    for (span_id, large) in [("0a", 1), ("0b", 300_000)] {
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span(span_id, large)]}]}]});
        project.ask_at(&caller, Method::POST, "/v1/traces", &body);
    }
    let session = json!({"mlflow.trace.session": "S1"});
    let assessment = |content: Value| {
        let mut assessment = json!({"assessment_name": "q", "span_id": "0a", "rationale": "r", "metadata": session});
        assessment
            .as_object_mut()
            .unwrap()
            .extend(content.as_object().unwrap().clone());
        assessment
    };
    let info = json!({
        "trace_id": id, "trace_location": {"mlflow_experiment": {"experiment_id": "0"}}, "state": "OK", "execution_duration": "1s",
        "client_request_id": "c", "request_preview": "p", "response_preview": "p", "trace_metadata": session, "tags": {"t": "v"},
        "assessments": [
            assessment(json!({"feedback": {"value": 1, "error": {"error_code": "E"}}})),
            assessment(json!({"expectation": {"value": "x"}})),
            assessment(json!({"expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "[]"}}})),
            assessment(json!({"issue": {"issue_name": "i"}})),
        ],
    });
    let body = json!({"trace": {"trace_info": info}});
    project.ask_at(&project.caller, Method::POST, "/api/3.0/mlflow/traces", &body);
    project.post("traces/link-to-run", json!({"trace_ids": [id], "run_id": run}));
    let prompts = json!({"trace_id": id, "prompt_versions": [{"name": "p", "version": "1"}]});
    project.post("traces/link-prompts", prompts);
}

/// Removes one of each kind for good, each of which leaves a tombstone for a while.
fn purge(project: &Project) {
    let experiment = project.experiment("gone");
    let run = project.run("0", "gone", 1);
    project.run(&experiment, "gone, too", 1);
    project.post("logged-models", json!({"experiment_id": experiment, "name": "gone"}));
    project.post("runs/delete", json!({"run_id": run}));
    project.post("experiments/delete", json!({"experiment_id": experiment}));
    let version = json!({"name": "m", "version": "2"});
    project.ask(Method::DELETE, "mlflow/model-versions/delete", &version);
    project.ask(Method::DELETE, "mlflow/registered-models/delete", &json!({"name": "n"}));
    project
        .runtime
        .block_on(project.host.purge(ProjectId(1), Duration::ZERO))
        .unwrap();
}
