//! Histories in the table of runs: sparklines and the strip of charts. And the count of runs.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

use super::{Page, page};

/// A run with a name, and the values of some metrics by step.
fn run(tracker: &Tracker, name: &str, metrics: &[(&str, &[f64])]) -> String {
    let body = json!({"experiment_id": "1", "run_name": name, "start_time": NOW_MS});
    let made = tracker.post("runs/create", body).ok();
    let id = made["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let points = metrics.iter().flat_map(|(key, values)| {
        let points = values.iter().enumerate();
        points.map(move |(step, value)| json!({"key": key, "value": value, "timestamp": step, "step": step}))
    });
    let points: Vec<Value> = points.collect();
    tracker
        .post("runs/log-batch", json!({"run_id": id, "metrics": points}))
        .ok();
    id
}

fn table(tracker: &Tracker, query: &str) -> Page {
    page(tracker, &format!("experiments/1{query}")).ok()
}

fn tracker() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    tracker
}

#[test]
fn a_chosen_column_shows_the_shape_of_a_metric() {
    let tracker = tracker();
    run(&tracker, "long", &[("acc", &[0.1, 0.5, 0.4])]);
    run(&tracker, "single", &[("acc", &[0.1])]);
    run(&tracker, "none", &[]);
    table(&tracker, "")
        .hides("class=\"spark\"")
        .shows("value=\"sparkline.acc\">");
    let page = table(&tracker, "?column=metrics.acc&column=sparkline.acc");
    assert_eq!(page.html.matches("class=\"spark\"").count(), 1);
    page.shows("<bdi>acc</bdi> by step</th>")
        .shows("aria-label=\"acc by step\"")
        .shows("value=\"sparkline.acc\" checked");
    // Files have no drawings.
    let csv = tracker.file(
        "GET",
        "/-/ml/experiments/1/runs.csv?column=metrics.acc&column=sparkline.acc",
        &[],
        "",
    );
    assert!(csv.ok().starts_with("run_id,name,status,metrics.acc\r\n"));
    let columns = "?column=sparkline.a&column=sparkline.b&column=sparkline.c&column=sparkline.d";
    table(&tracker, columns)
        .shows("<bdi>c</bdi> by step")
        .hides("<bdi>d</bdi> by step");
}

#[test]
fn a_page_with_sparklines_has_50_runs() {
    let tracker = tracker();
    (0..60).for_each(|_| drop(run(&tracker, "r", &[("acc", &[0.1, 0.5])])));
    let page = table(&tracker, "?column=sparkline.acc");
    assert_eq!(page.html.matches("class=\"spark\"").count(), 50);
    page.shows("page_token=").shows("Runs: 60");
}

#[test]
fn a_strip_shows_the_metrics_that_most_runs_have() {
    let tracker = tracker();
    table(&tracker, "").hides("class=\"strip\"");
    let all: [(&str, &[f64]); 5] = [
        ("a", &[1.0, 2.0]),
        ("b", &[1.0, 2.0]),
        ("c", &[1.0, 2.0]),
        ("d", &[1.0, 2.0]),
        ("rare", &[1.0, 2.0]),
    ];
    run(&tracker, "all", &all);
    run(&tracker, "most", &all[..4]);
    run(&tracker, "machine", &[("system/gpu", &[1.0, 2.0])]);
    let page = table(&tracker, "");
    assert_eq!(page.html.matches("<figcaption>").count(), 4);
    let page = page
        .shows("<figcaption><bdi>d</bdi>")
        .hides("<figcaption><bdi>rare</bdi>");
    // Each run has its colour in all charts, and beside its name.
    assert_eq!(page.html.matches("class=\"key\"").count(), 2);
    page.shows("class=\"l s2\"").shows("aria-label=\"a by step, 2 lines\"");
    // The metric by which runs are sorted comes first.
    let page = table(&tracker, "?sort=metrics.rare&desc=1");
    let (_, strip) = page.html.split_once("class=\"strip\"").expect("a strip");
    assert!(strip.find("<bdi>rare</bdi>") < strip.find("<figcaption><bdi>a</bdi>"));
}

#[test]
fn a_metric_without_history_is_drawn_over_the_runs() {
    let tracker = tracker();
    run(&tracker, "first", &[("acc", &[0.1])]);
    table(&tracker, "").hides("class=\"strip\"");
    run(&tracker, "second", &[("acc", &[0.2])]);
    let page = table(&tracker, "");
    page.shows("class=\"strip\"")
        .shows("latest value of each run")
        .hides("class=\"key\"");
}

#[test]
fn runs_are_counted_where_that_is_cheap() {
    let tracker = tracker();
    let log = |numbers: std::ops::Range<i64>| {
        let create = |number: &i64| {
            let tags = json!([{"key": "n", "value": (number % 2).to_string()}]);
            let body = json!({"experiment_id": "1", "start_time": number, "tags": tags});
            ("POST", "/api/2.0/mlflow/runs/create".to_owned(), body)
        };
        for some in numbers.collect::<Vec<i64>>().chunks(32) {
            let replies = tracker.send_all(some.iter().map(create).collect());
            replies.into_iter().for_each(|reply| drop(reply.ok()));
        }
    };
    log(0..500);
    table(&tracker, "").shows("Runs: 500<");
    table(&tracker, "?filter=tags.n%20%3D%20%273%27").shows("No run matches.");
    log(500..1_001);
    let page = table(&tracker, "").shows("Runs: 1,000+");
    let (_, next) = page.html.split_once("page_token=").expect("a next page");
    let next = next.split('"').next().unwrap();
    table(&tracker, &format!("?page_token={next}")).hides("Runs: ");
    // A search that would read more than its page needs counts nothing.
    table(&tracker, "?filter=tags.n%20%3D%20%271%27").hides("Runs: ");
    table(&tracker, "?sort=name").hides("Runs: ");
}
