//! The shown runs as files.

use serde_json::{Value, json};

use super::experiment::Logged;

fn file(logged: &Logged, path: &str) -> mlforge_tests::tracker::File {
    let path = format!("/-/ml/experiments/1/{path}");
    logged.tracker.file("GET", &path, &[("host", "ml.test")], "")
}

#[test]
fn the_csv_file_has_the_shown_runs_and_columns_with_full_values() {
    let logged = Logged::pair();
    let query = "column=metrics.val_acc&column=params.arch&column=duration_s&column=started&filter=params.epochs%20%3D%20%2720%27";
    let csv = file(&logged, &format!("runs.csv?{query}"));
    let disposition = csv.headers["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"experiment-1-runs.csv\"");
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let lines = [
        "run_id,name,status,metrics.val_acc,params.arch,duration_s,started".to_owned(),
        format!(
            "{},large,FINISHED,0.93126,resnet50,60.000,2023-11-14T21:13:21Z",
            logged.runs[1]
        ),
        format!(
            "{},small,FINISHED,0.875,resnet18,60.000,2023-11-14T21:13:20Z",
            logged.runs[0]
        ),
    ];
    assert_eq!(csv.ok(), lines.map(|line| line + "\r\n").concat());
}

#[test]
fn a_cell_of_the_csv_file_is_never_a_formula() {
    let long = format!("=HYPERLINK(\"http://x\"){}", "y".repeat(100));
    let params = [("a", long.as_str()), ("b", "-1.5"), ("c", "@x"), ("d", "a,b")];
    let logged = Logged::with(&[("=1+1", &params, &[("loss", -0.5)], &[])]);
    let query = "runs.csv?column=params.a&column=params.b&column=params.c&column=params.d&column=metrics.loss";
    let csv = file(&logged, query).ok();
    let (_, row) = csv.split_once("\r\n").unwrap();
    let quoted = long.replace('"', "\"\"");
    let expected = format!(
        "{},\"'=1+1\",FINISHED,-0.5,\"'{quoted}\",-1.5,\"'@x\",\"a,b\"\r\n",
        logged.runs[0]
    );
    assert_eq!(row, expected);
}

#[test]
fn the_json_file_has_the_shown_runs_and_columns_with_full_values() {
    let mut logged = Logged::pair();
    let nan = logged.tracker.run("1", 1);
    let body = json!({"run_id": nan, "key": "val_acc", "value": "NaN", "timestamp": 1});
    logged.tracker.post("runs/log-metric", body).ok();
    logged.runs.push(nan);
    let answer = file(
        &logged,
        "runs.json?column=metrics.val_acc&column=tags.team&sort=metrics.val_acc&desc=1",
    );
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    let body: Value = serde_json::from_str(&answer.ok()).unwrap();
    let columns = json!(["run_id", "name", "status", "metrics.val_acc", "tags.team"]);
    assert_eq!(body["columns"], columns);
    let first = json!({"run_id": logged.runs[1], "name": "large", "status": "FINISHED", "metrics.val_acc": 0.931_26,
                       "tags.team": "blue"});
    assert_eq!(body["runs"][0], first);
    let last = &body["runs"][2];
    assert_eq!(
        (&last["metrics.val_acc"], &last["tags.team"]),
        (&json!("NaN"), &Value::Null)
    );
    assert_eq!(body.get("next_page_token"), None);
}

#[test]
fn a_file_of_a_mistaken_filter_is_refused() {
    for ending in ["csv", "json"] {
        let refused = file(&Logged::pair(), &format!("runs.{ending}?filter=x"));
        assert_eq!(refused.status, 400);
        assert_eq!(refused.error_code(), "INVALID_PARAMETER_VALUE");
    }
}
