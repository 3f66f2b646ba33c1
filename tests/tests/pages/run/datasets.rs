//! The page of the datasets that a run read.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::super::{HOSTILE, page, page_in};

/// Logs datasets as inputs of a new run. Each has a name, a schema and a profile.
fn with_datasets(tracker: &Tracker, datasets: &[(&str, Value, Value)]) -> String {
    let run = tracker.run("0", 1);
    let inputs: Vec<Value> = datasets
        .iter()
        .map(|(name, schema, profile)| {
            let dataset = json!({"name": name, "digest": "d1", "source_type": "local", "source": "{\"uri\":\"data.csv\"}",
                "schema": schema, "profile": profile});
            json!({"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]})
        })
        .collect();
    let inputs = json!({"run_id": run, "datasets": inputs});
    tracker.post("runs/log-inputs", inputs).ok();
    run
}

#[test]
fn a_dataset_has_its_columns_and_its_profile() {
    let tracker = Tracker::fresh();
    let schema =
        r#"{"mlflow_colspec":[{"type":"double","name":"<b>","required":true},{"type":"string","name":"class"}]}"#;
    let profile = r#"{"num_rows":12000,"num_elements":24000,"own":"x"}"#;
    let run = with_datasets(&tracker, &[("flowers", json!(schema), json!(profile))]);
    page(&tracker, &format!("candidates/{run}"))
        .ok()
        .shows(&format!("candidates/{run}/datasets\""));
    let shown = page(&tracker, &format!("candidates/{run}/datasets")).ok();
    shown
        .shows("<bdi>flowers</bdi></h2>")
        .shows("training")
        .shows("data.csv")
        .shows("<bdi>&lt;b&gt;</bdi></th>")
        .shows("<bdi>double</bdi>")
        .shows("title=\"12000\">12,000<")
        .shows("<bdi>own</bdi>");
    page_in(&tracker, &format!("candidates/{run}/datasets"), "ko")
        .ok()
        .shows("스키마");
}

#[test]
fn datasets_that_tell_nothing_or_anything_are_shown() {
    let tracker = Tracker::fresh();
    let deep = format!("{{\"mlflow_colspec\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let many: Vec<Value> = (0..300)
        .map(|number| json!({"type": "long", "name": format!("c{number}")}))
        .collect();
    let many = json!({"mlflow_colspec": many}).to_string();
    let run = with_datasets(
        &tracker,
        &[
            ("bare", json!(""), json!("")),
            ("deep", json!(deep), json!("[1,2]")),
            ("hostile", json!(HOSTILE), json!(json!({HOSTILE: HOSTILE}).to_string())),
            ("many", json!(many), json!("")),
        ],
    );
    let shown = page(&tracker, &format!("candidates/{run}/datasets")).ok();
    assert_eq!(shown.html.matches("Nothing more is known").count(), 2);
    shown
        .shows("<bdi>c50</bdi>")
        .hides("<bdi>c100</bdi>")
        .shows(" more are not shown.")
        .hides("<script>alert");
}

#[test]
fn a_page_of_large_datasets_stays_small() {
    let tracker = Tracker::fresh();
    let name = "\"".repeat(400);
    let columns: Vec<Value> = (0..200).map(|_| json!({"type": name, "name": name})).collect();
    let schema = json!({"mlflow_colspec": columns}).to_string();
    let profile: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("{number}{name}"), json!(name))).collect();
    let profile = Value::Object(profile).to_string();
    let names: Vec<String> = (0..5).map(|number| format!("set-{number}")).collect();
    let datasets: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), json!(schema), json!(profile)))
        .collect();
    let run = with_datasets(&tracker, &datasets);
    let shown = page(&tracker, &format!("candidates/{run}/datasets")).ok();
    assert!(shown.html.len() < 150_000, "{} bytes", shown.html.len());
}

#[test]
fn many_datasets_come_in_pages() {
    let tracker = Tracker::fresh();
    let names: Vec<String> = (0..7).map(|number| format!("set-{number}")).collect();
    let datasets: Vec<_> = names.iter().map(|name| (name.as_str(), json!(""), json!(""))).collect();
    let run = with_datasets(&tracker, &datasets);
    let address = format!("candidates/{run}/datasets");
    page(&tracker, &address)
        .ok()
        .shows("<bdi>set-4</bdi></h2>")
        .hides("<bdi>set-5</bdi>")
        .shows("from=5");
    page(&tracker, &format!("{address}?from=5"))
        .ok()
        .shows("<bdi>set-6</bdi></h2>")
        .hides("<bdi>set-4</bdi>")
        .hides("from=10");
    let run = tracker.run("0", 2);
    page(&tracker, &format!("candidates/{run}/datasets"))
        .ok()
        .shows("No dataset was logged.");
}
