//! A project in which everything is as long as it may be.

use bytes::Bytes;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// A character of three bytes, which has nine in an address.
const LONG_CHAR: &str = "가";

/// A text of this many characters. What differs comes first.
pub(super) fn long(start: impl ToString, chars: usize) -> String {
    let start = start.to_string();
    let rest = chars - start.chars().count();
    start + &LONG_CHAR.repeat(rest)
}

/// A text that has six bytes for each character in HTML.
pub(super) fn quotes(chars: usize) -> String {
    "\"".repeat(chars)
}

fn pairs(count: usize, key_chars: usize, value: &str) -> Vec<Value> {
    let pair = |number: usize| json!({"key": long(number, key_chars), "value": value});
    (0..count).map(pair).collect()
}

/// The project, and the addresses of its pages.
pub(super) fn project() -> (Tracker, Vec<String>) {
    let tracker = crate::pages::audit::audited();
    let mut addresses = experiment(&tracker);
    addresses.extend(models(&tracker));
    addresses.extend(logged_model(&tracker));
    addresses.extend(super::traces::largest(&tracker));
    addresses.extend(["experiments", "models", "prompts", "trash"].map(str::to_owned));
    addresses.extend(audit_log(&tracker));
    (tracker, addresses)
}

fn experiment(tracker: &Tracker) -> Vec<String> {
    for number in 0..60 {
        tracker.experiment(&long(number, 500));
    }
    let mut tags = pairs(60, 250, &long("", 20_000));
    tags.push(json!({"key": "mlflow.note.content", "value": "|a".repeat(10_000)}));
    for mut tag in tags {
        tag["experiment_id"] = "1".into();
        tracker.post("experiments/set-experiment-tag", tag).ok();
    }
    let mut runs = vec![run(tracker, 0, None)];
    for number in 1..100 {
        let run = run(tracker, number, Some(&runs[0]));
        runs.push(run);
    }
    let mut addresses = addresses_of_experiment(&runs);
    addresses.extend(addresses_of_run(&runs[0]));
    addresses
}

fn addresses_of_experiment(runs: &[String]) -> Vec<String> {
    let chosen: Vec<String> = runs.iter().take(20).map(|run| format!("run={run}")).collect();
    let columns = |kind: &str, chars: usize| {
        let column = |number: usize| format!("column={kind}.{}", mlforge_ui::link::encoded(&long(number, chars)));
        (0..20).map(column).collect::<Vec<_>>().join("&")
    };
    let filter = mlforge_ui::link::encoded(&format!("params.a != '{}'", long("", 400)));
    vec![
        "experiments/1".to_owned(),
        format!("experiments/1?{}", columns("params", 250)),
        format!("experiments/1?{}&sort=tags.x", columns("tags", 50)),
        format!("experiments/1?{}", columns("sparkline", 250)),
        format!("experiments/1?filter={filter}&{}", columns("metrics", 50)),
        "experiments/1/charts".to_owned(),
        "experiments/1/details".to_owned(),
        "experiments/1/log".to_owned(),
        format!("experiments/1/runs/delete?{}", chosen.join("&")),
        format!("compare?{}", chosen.join("&")),
        format!("compare?{}&only=differ", chosen.join("&")),
    ]
}

fn addresses_of_run(run: &str) -> Vec<String> {
    let below = ["", "/metrics", "/params", "/tags", "/promote", "/delete"];
    let key = mlforge_ui::link::encoded(&long(0, 250));
    let metric = format!("candidates/{run}/metric?key={key}");
    let pages = below.iter().chain(&FILES);
    let pages = pages.map(|below| format!("candidates/{run}{below}"));
    pages.chain([metric]).collect()
}

/// A run. One without a parent has as much as it may have.
fn run(tracker: &Tracker, number: usize, parent: Option<&str>) -> String {
    let is_first = parent.is_none();
    let mut tags = vec![json!({"key": "mlflow.runName", "value": long(number, 8_000)})];
    tags.extend(parent.map(|parent| json!({"key": "mlflow.parentRunId", "value": parent})));
    let body = json!({"experiment_id": "1", "start_time": 1 + number, "tags": tags, "user_id": quotes(256)});
    let made = tracker.post("runs/create", body).ok();
    let run = made["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let (count, value_chars) = if is_first { (90, 5_999) } else { (20, 300) };
    let points = |step: usize| {
        let point = move |key: usize| json!({"key": long(key, 250), "value": step, "timestamp": step, "step": step});
        (0..count).map(point)
    };
    let points: Vec<Value> = (0..3).flat_map(points).collect();
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": points}))
        .ok();
    let value = format!("{number}{}", quotes(value_chars - number.to_string().len()));
    for some in pairs(count, 250, &value).chunks(25) {
        tracker
            .post("runs/log-batch", json!({"run_id": run, "params": some}))
            .ok();
    }
    for some in pairs(count, 250, &long(number, value_chars)).chunks(25) {
        tracker
            .post("runs/log-batch", json!({"run_id": run, "tags": some}))
            .ok();
    }
    if is_first {
        let note = json!({"run_id": run, "key": "mlflow.note.content", "value": long("", 100_000)});
        tracker.post("runs/set-tag", note).ok();
        files(tracker, &format!("1/{run}/artifacts"));
    }
    run
}

/// The addresses of the files below the page of their owner.
const FILES: [&str; 5] = [
    "/artifacts",
    "/artifacts?path=text.txt",
    "/artifacts?path=page.md",
    "/artifacts?path=table.csv",
    "/artifacts?path=data.json",
];

/// Stores files in a directory of the artifact store.
fn files(tracker: &Tracker, root: &str) {
    let row = vec![quotes(1_000).replace('"', "<"); 50].join(",");
    let contents = [
        ("text.txt".to_owned(), "<".repeat(200_000)),
        ("page.md".to_owned(), "* a\n".repeat(50_000)),
        ("table.csv".to_owned(), vec![row; 300].join("\n")),
        ("data.json".to_owned(), json!(vec!["<"; 100_000]).to_string()),
    ];
    let many = (0..300).map(|number| (long(format!("z{number}"), 80), String::new()));
    for (name, contents) in contents.into_iter().chain(many) {
        let name = mlforge_ui::link::encoded(&name);
        let path = format!("/api/2.0/mlflow-artifacts/artifacts/{root}/{name}");
        let file = tracker.file("PUT", &path, &[], Bytes::from(contents));
        assert_eq!(file.status, 200, "{}", file.text());
    }
}

/// A model, a prompt, and their versions.
fn models(tracker: &Tracker) -> Vec<String> {
    let mut addresses = Vec::new();
    for (number, kind) in [(1, "models"), (2, "prompts")] {
        let name = long(number, 300);
        let tags = pairs(20, 250, &long("", 60_000));
        let is_prompt = json!({"key": "mlflow.prompt.is_prompt", "value": "true"});
        let first_tags = if kind == "prompts" {
            vec![&is_prompt]
        } else {
            Vec::new()
        };
        let body = json!({"name": name, "description": long("", 100_000), "tags": first_tags});
        tracker.post("registered-models/create", body).ok();
        for tag in &tags {
            let mut tag = tag.clone();
            tag["name"] = name.clone().into();
            tracker.post("registered-models/set-tag", tag).ok();
        }
        for version in 0..2 {
            let mut own = tags.get(..3).unwrap_or_default().to_vec();
            if kind == "prompts" {
                let text = format!("{version}\n{}", "<\n".repeat(40_000));
                own.push(is_prompt.clone());
                own.push(json!({"key": "mlflow.prompt.text", "value": text}));
            }
            let source = if kind == "prompts" { "dummy-source" } else { "" };
            let body = json!({"name": name, "source": source, "description": quotes(100_000), "tags": own});
            let made = tracker.post("model-versions/create", body).ok()["model_version"].take();
            if kind == "models" {
                let batch = json!({"run_id": made["run_id"], "params": pairs(50, 250, &quotes(6_000))});
                tracker.post("runs/log-batch", batch).ok();
            }
            if kind == "models" && version == 1 {
                let source = made["source"].as_str().unwrap();
                files(tracker, source.strip_prefix("mlflow-artifacts:/").unwrap());
            }
            for alias in 0..60 {
                let alias = format!("a{alias}{}", "b".repeat(200));
                let body = json!({"name": name, "alias": alias, "version": made["version"]});
                tracker.post("registered-models/alias", body).ok();
            }
        }
        addresses.push(format!("{kind}/{number}"));
    }
    addresses.extend(["models/1/versions/2", "models/1/delete", "prompts/2?from=1&to=2"].map(str::to_owned));
    addresses.extend(FILES.map(|below| format!("models/1/versions/2{below}")));
    addresses
}

fn logged_model(tracker: &Tracker) -> Vec<String> {
    let long_pairs = pairs(20, 255, &long("", 60_000));
    let mut model = Value::Null;
    for _ in 0..30 {
        let body = json!({"experiment_id": "1", "name": long("", 500), "model_type": long("", 500)});
        model = tracker.post("logged-models", body).ok()["model"]["info"]["model_id"].take();
    }
    let model = model.as_str().unwrap().to_owned();
    for pair in long_pairs {
        let body = json!({ "params": [pair] });
        tracker.post(&format!("logged-models/{model}/params"), body).ok();
    }
    files(tracker, &format!("1/models/{model}/artifacts"));
    let pages = [
        "experiments/1/logged-models".to_owned(),
        format!("logged-models/{model}"),
    ];
    let files = FILES.map(|below| format!("logged-models/{model}{below}"));
    pages.into_iter().chain(files).collect()
}

/// The addresses of pages of the audit log, after changes whose objects and details are long.
fn audit_log(tracker: &Tracker) -> Vec<String> {
    let name = quotes(300);
    tracker.post("registered-models/create", json!({"name": name})).ok();
    for number in 0..60 {
        let tag = json!({"name": name, "key": long(number, 200), "value": "x"});
        tracker.post("registered-models/set-tag", tag).ok();
    }
    let name = mlforge_ui::link::encoded(&name);
    vec![
        "audit".to_owned(),
        "audit?action=artifacts/upload".to_owned(),
        "audit?action=runs/log-batch".to_owned(),
        format!("audit?object={name}"),
        format!("audit?action=registered-models/set-tag&object={name}"),
    ]
}

#[test]
fn a_filter_that_is_too_long_for_a_page_is_refused() {
    let tracker = Tracker::fresh();
    let filter = format!("params.a = '{}'", "x".repeat(4_000));
    let file = crate::pages::page(
        &tracker,
        &format!("experiments/0?filter={}", mlforge_ui::link::encoded(&filter)),
    );
    assert_eq!(file.status, 400);
    file.shows("bytes in an address; on a page it may have 4000");
}
