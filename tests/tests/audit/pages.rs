//! The records of changes that pages make.

use super::{Audited, KEPT_DAYS, actions};

#[test]
fn a_change_of_chosen_runs_leaves_a_record_of_each() {
    let audited = Audited::fresh();
    let mut runs = [audited.owner().run(), audited.owner().run()];
    runs.sort();
    let headers = [
        ("host", "ml.test"),
        ("accept", "text/html"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let owner = audited.owner().with_headers(&headers);
    let page = owner.ask("GET", "/-/ml/experiments/new", "");
    let (_, token) = page.body.split_once("name=\"form_token\" value=\"").expect("a form");
    let token = token.split('"').next().unwrap();
    let chosen = format!("form_token={token}&run={}&run={}", runs[0], runs[1]);
    for (change, more, detail) in [
        ("tag", "&key=team&value=red", "team"),
        ("delete", "", ""),
        ("restore", "", ""),
    ] {
        let path = format!("/-/ml/experiments/0/runs/{change}");
        let answer = owner.ask("POST", &path, format!("{chosen}{more}"));
        assert_eq!(answer.status, 303, "{}", answer.body);
        let action = if change == "tag" {
            "runs/set-tag".to_owned()
        } else {
            format!("runs/{change}")
        };
        let records = audited.records();
        assert_eq!(actions(&records[..2]), [action.as_str(), action.as_str()]);
        let mut objects: Vec<&str> = records[..2]
            .iter()
            .map(|record| record["object"].as_str().unwrap())
            .collect();
        objects.sort_unstable();
        assert_eq!(objects, runs);
        assert!(
            records[..2]
                .iter()
                .all(|record| record["detail"].as_str().unwrap_or_default() == detail)
        );
    }
    // A request that changes nothing leaves no record.
    let count = audited.records().len();
    owner.ask("POST", "/-/ml/experiments/0/runs/restore", chosen);
    assert_eq!(audited.records().len(), count);
}

#[test]
fn a_call_of_mlflows_own_pages_leaves_the_record_of_the_api() {
    let build = tempfile::tempdir().unwrap();
    std::fs::write(build.path().join("index.html"), "").unwrap();
    let audited = Audited::configured(Some(KEPT_DAYS), |_| Ok(()), |builder| builder.mlflow_ui(build.path()));
    let path = "/-/ml/mlflow-ui/ajax-api/2.0/mlflow/runs/create";
    let answer = audited.owner().ask("POST", path, r#"{"experiment_id": "0"}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(actions(&audited.records()), ["runs/create"]);
}
