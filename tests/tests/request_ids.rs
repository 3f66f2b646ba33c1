//! The id of a request in its response.

use mlforge_plugin::domain::id::RunId;
use mlforge_plugin::store::keys;
use mlforge_tests::tracker::Tracker;

fn get(tracker: &Tracker, run: &str, headers: &[(&'static str, &str)]) -> (u16, String, String) {
    let path = format!("/api/2.0/mlflow/runs/get?run_id={run}");
    let answer = tracker.file("GET", &path, headers, "");
    let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    (answer.status, id, answer.text())
}

#[test]
fn every_response_has_an_id_and_keeps_that_of_a_proxy() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let (status, first, _) = get(&tracker, &run, &[]);
    let (_, second, _) = get(&tracker, &run, &[]);
    assert_eq!(status, 200);
    assert_ne!(first, second);
    assert_eq!(
        get(&tracker, &run, &[("x-request-id", "01HZX-of_a.proxy")]).1,
        "01HZX-of_a.proxy"
    );
    assert_ne!(get(&tracker, &run, &[("x-request-id", "two words")]).1, "two words");
}

#[test]
fn a_fault_of_the_server_names_the_id_and_a_mistake_of_the_caller_does_not() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.put_records([(keys::run(RunId::parse(&run).unwrap()), b"\x01damaged".to_vec())]);
    let (status, _, body) = get(&tracker, &run, &[("x-request-id", "of-a-fault")]);
    assert_eq!(status, 500);
    assert!(
        body.contains("A stored record cannot be read. (request of-a-fault)"),
        "{body}"
    );
    let (status, _, body) = get(&tracker, "no-run", &[("x-request-id", "of-a-mistake")]);
    assert!(status < 500 && !body.contains("of-a-mistake"), "{body}");
}
