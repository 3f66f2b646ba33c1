//! Filters, pages and forms of the listing.

use serde_json::{Value, json};

use super::{AUDIT, As, Audited, actions};

const HOUR_MS: i64 = 3_600_000;

/// Makes changes of two users; returns the run of the first, and the time of the change of the second.
fn changes(audited: &Audited) -> (String, i64) {
    let run = audited.owner().run();
    let body = json!({"run_id": run, "status": "FAILED"});
    audited.user("developer").post("runs/update", body);
    let time_ms = audited.now_ms();
    audited.owner().post("registered-models/create", json!({"name": "m"}));
    (run, time_ms)
}

#[test]
fn the_newest_record_comes_first_and_filters_narrow_the_list() {
    let audited = Audited::fresh();
    let (run, time_ms) = changes(&audited);
    let found = |query: &str| actions(&audited.owner().list(query)).join(" ");
    assert_eq!(found(""), "registered-models/create runs/update runs/create");
    assert_eq!(found("actor=developer"), "runs/update");
    // The developer's id.
    assert_eq!(found("actor=2"), "runs/update");
    assert_eq!(found("action=runs/create"), "runs/create");
    assert_eq!(found("action=runs"), "");
    assert_eq!(found(&format!("object={run}")), "runs/update runs/create");
    assert_eq!(found("object=m"), "registered-models/create");
    assert_eq!(found(&format!("object={run}&actor=owner")), "runs/create");
    assert_eq!(
        found(&format!("since_ms={time_ms}")),
        "registered-models/create runs/update"
    );
    assert_eq!(found(&format!("until_ms={time_ms}")), "runs/update runs/create");
    assert_eq!(found(&format!("since_ms={time_ms}&until_ms={time_ms}")), "runs/update");
    assert_eq!(found(&format!("since_ms={}&until_ms={time_ms}", time_ms + 1)), "");
    assert_eq!(
        found(&format!("since_ms={}&until_ms={}", i64::MIN, i64::MAX)),
        found("")
    );
}

#[test]
fn a_record_of_logging_is_found_by_every_time_of_its_hour() {
    let audited = Audited::fresh();
    let run = audited.owner().run();
    let body = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1});
    audited.owner().post("runs/log-metric", body);
    let hour_ms = audited.now_ms() / HOUR_MS * HOUR_MS;
    let found = |query: &str| audited.owner().list(&format!("action=runs/log&{query}")).len();
    for (offset, is_found) in [(0, 1), (1, 1), (HOUR_MS - 1, 1), (HOUR_MS, 0)] {
        assert_eq!(
            found(&format!("since_ms={}", hour_ms + offset)),
            is_found,
            "since {offset}"
        );
    }
    assert_eq!(found(&format!("until_ms={hour_ms}")), 1);
    assert_eq!(found(&format!("until_ms={}", hour_ms - 1)), 0);
}

/// All records, page by page.
fn all_pages(owner: As<'_>, query: &str) -> Vec<Value> {
    let (mut all, mut token) = (Vec::new(), String::new());
    for _ in 0..100 {
        let mut page = owner.page(&format!("{query}&page_token={token}"));
        all.extend(page["records"].take().as_array().cloned().unwrap_or_default());
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
    panic!("the pages do not end")
}

#[test]
fn pages_hold_each_record_once() {
    let audited = Audited::fresh();
    for _ in 0..11 {
        changes(&audited);
        audited
            .owner()
            .call("DELETE", "mlflow/registered-models/delete", &json!({"name": "m"}));
    }
    let all = audited.records();
    assert_eq!(all.len(), 44);
    for size in [1, 10, 44, 45] {
        assert_eq!(
            all_pages(audited.owner(), &format!("max_results={size}")),
            all,
            "{size}"
        );
    }
    let of_developer = audited.owner().list("actor=developer");
    assert_eq!(of_developer.len(), 11);
    assert_eq!(
        all_pages(audited.owner(), "max_results=2&actor=developer"),
        of_developer
    );
    let last = audited.owner().page("max_results=44");
    assert!(last["next_page_token"].is_null());
}

#[test]
fn a_page_ends_early_where_few_records_match() {
    let audited = Audited::fresh();
    audited.owner().run();
    let now_ms = audited.now_ms();
    audited.put_records(now_ms + 1..now_ms + 20_500);
    let query = "action=runs/create&max_results=10";
    let first = audited.owner().page(query);
    assert!(first["records"].is_null(), "{first}");
    assert!(first["next_page_token"].is_string());
    assert_eq!(actions(&all_pages(audited.owner(), query)), ["runs/create"]);
}

#[test]
fn a_wrong_parameter_is_refused() {
    let audited = Audited::fresh();
    changes(&audited);
    let token = audited.owner().page("max_results=1")["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    for query in [
        "max_results=0".to_owned(),
        "max_results=1001".to_owned(),
        "max_results=many".to_owned(),
        "since_ms=yesterday".to_owned(),
        "format=xml".to_owned(),
        "page_token=00".to_owned(),
        format!("page_token={token}00"),
        format!("page_token={token}&actor=owner"),
    ] {
        let answer = audited.owner().ask("GET", &format!("{AUDIT}?{query}"), "");
        assert_eq!(answer.error(), (400, "INVALID_PARAMETER_VALUE".to_owned()), "{query}");
    }
}

#[test]
fn csv_is_chosen_by_accept_or_by_a_parameter() {
    let audited = Audited::fresh();
    let run = audited.owner().run();
    let tag = json!({"run_id": run, "key": "-1", "value": "v"});
    audited
        .owner()
        .with_headers(&[("x-request-id", "of-a-test")])
        .post("runs/set-tag", tag);
    let time_ms = audited.now_ms();
    let csv = |query: &str, accept: &str| {
        let headers = [("accept", accept)];
        let owner = audited.owner().with_headers(&headers);
        owner.ask("GET", &format!("{AUDIT}?max_results=1{query}"), "")
    };
    let answer = csv("", "text/csv");
    let lines: Vec<&str> = answer.body.split("\r\n").collect();
    let row = format!("{time_ms},0,runs/set-tag,run,{run},'-1,owner,1,4c102969,192.0.2.1,of-a-test");
    let columns = "timestamp,period_ms,action,object_type,object,detail,actor,actor_id,token_id,address,request_id";
    assert_eq!(lines, [columns, &row, ""]);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let token = answer.headers["x-mlforge-next-page-token"].to_str().unwrap();
    let last = csv(&format!("&page_token={token}"), "text/csv;q=0.9, */*");
    assert!(last.body.contains("runs/create"), "{}", last.body);
    assert_eq!(last.headers.get("x-mlforge-next-page-token"), None);
    assert_eq!(csv("&format=csv", "application/json").body, answer.body);
    for (query, accept) in [("&format=json", "text/csv"), ("", "*/*"), ("", "application/json")] {
        assert_eq!(csv(query, accept).headers["content-type"], "application/json");
    }
}
