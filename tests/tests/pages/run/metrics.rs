//! The metrics of a run.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::super::page;
use super::{log, point, raw};

/// A run with these points of one metric, by step.
fn with_points(values: &[Value]) -> (Tracker, String) {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let points = values
        .iter()
        .zip(0..)
        .map(|(value, step)| point("loss", value.clone(), step));
    log(&tracker, &run, json!({"metrics": points.collect::<Vec<_>>()}));
    (tracker, run)
}

#[test]
fn last_lowest_and_highest_value_are_shown_with_their_steps() {
    let (tracker, run) = with_points(&[json!(0.5), json!(0.125), json!(0.75), json!(0.25)]);
    for below in ["", "/metrics", "/metric?key=loss"] {
        page(&tracker, &format!("candidates/{run}{below}"))
            .ok()
            .shows("<strong>0.2500</strong>")
            .shows("0.1250</span> <span class=\"mut small\">@ 1</span>")
            .shows("0.7500</span> <span class=\"mut small\">@ 2</span>")
            .shows("class=\"spark\"");
    }
}

#[test]
fn values_that_are_no_numbers_are_shown_as_they_were_logged() {
    let (tracker, run) = with_points(&[json!("Infinity"), json!("-Infinity"), json!("NaN")]);
    page(&tracker, &format!("candidates/{run}/metric?key=loss"))
        .ok()
        .shows("<strong>NaN</strong>")
        .shows("∞</span> <span class=\"mut small\">@ 0</span>")
        .shows("\u{2212}∞</span> <span class=\"mut small\">@ 1</span>")
        .hides("e+308");
    let csv = raw(
        &tracker,
        "GET",
        &format!("candidates/{run}/metrics.csv?metric=loss"),
        &[],
    )
    .ok();
    assert!(
        csv.contains(",Infinity\r\n") && csv.contains(",-Infinity\r\n") && csv.contains(",NaN\r\n"),
        "{csv}"
    );
}

#[test]
fn metrics_are_searched_and_come_in_pages() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let points: Vec<Value> = (0..70)
        .map(|number| point(&format!("m{number:02}"), number, 1))
        .collect();
    log(&tracker, &run, json!({"metrics": points}));
    let address = format!("candidates/{run}/metrics");
    page(&tracker, &address)
        .ok()
        .shows("key=m49")
        .hides("key=m50")
        .shows("from=50");
    page(&tracker, &format!("{address}?from=50"))
        .ok()
        .shows("key=m69")
        .hides("key=m49");
    page(&tracker, &format!("{address}?q=M6"))
        .ok()
        .shows("key=m69")
        .hides("key=m50");
    page(&tracker, &format!("candidates/{run}"))
        .ok()
        .shows("All metrics")
        .hides("key=m69");
}

#[test]
fn metrics_of_the_machine_stand_apart() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    page(&tracker, &format!("candidates/{run}")).ok().hides(">System");
    let points = [point("acc", 1, 1), point("system/gpu_0", 50, 1)];
    log(&tracker, &run, json!({"metrics": points}));
    page(&tracker, &format!("candidates/{run}/metrics"))
        .ok()
        .shows("key=acc")
        .hides("key=system")
        .shows(">System");
    page(&tracker, &format!("candidates/{run}/system"))
        .ok()
        .shows("key=system%2Fgpu_0")
        .hides("key=acc");
}

#[test]
fn a_chart_is_drawn_as_the_address_asks() {
    let (tracker, run) = with_points(&[json!(1), json!(2), json!(3)]);
    let address = format!("candidates/{run}/metrics");
    page(&tracker, &address).ok().shows("<figure id=\"chart-0\"");
    page(&tracker, &format!("{address}?axis=relative&scale=log&smooth=0.9"))
        .ok()
        .shows("axis=time&amp;scale=log&amp;smooth=0.9")
        .shows("smoothed 0.9");
    page(&tracker, &format!("{address}?axis=x&smooth=2&scale=y")).ok();
}

/// Logs a long history of one metric, in batches of 1,000 points.
fn log_long(tracker: &Tracker, run: &str, count: i64) {
    for start in (0..count).step_by(1_000) {
        let points: Vec<Value> = (start..start + 1_000).map(|step| point("long", step, step)).collect();
        log(tracker, run, json!({"metrics": points}));
    }
}

#[test]
fn a_long_history_among_many_is_sampled_and_alone_is_whole() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    log_long(&tracker, &run, 8_000);
    let others: Vec<Value> = (0..60)
        .map(|number| point(&format!("m{number:02}"), number, 1))
        .collect();
    log(&tracker, &run, json!({"metrics": others}));
    page(&tracker, &format!("candidates/{run}/metrics"))
        .ok()
        .shows("≈")
        .shows("<strong>7,999</strong>");
    page(&tracker, &format!("candidates/{run}/metric?key=long"))
        .ok()
        .hides("≈")
        .shows(">8,000<")
        .shows("7,999</span> <span class=\"mut small\">@ 7,999</span>");
}

#[test]
fn the_points_of_a_metric_come_in_pages_and_as_csv() {
    let (tracker, run) = with_points(&(0..150).map(Value::from).collect::<Vec<_>>());
    let address = format!("candidates/{run}/metric?key=loss");
    let first = page(&tracker, &address).ok().shows("T00:01:40Z").hides("T00:02:01Z");
    let (_, next) = first.html.split_once("page_token=").expect("a next page");
    let token = next.split('"').next().unwrap();
    page(&tracker, &format!("{address}&page_token={token}"))
        .ok()
        .shows("T00:02:01Z")
        .hides("T00:01:40Z");
    let file = raw(
        &tracker,
        "GET",
        &format!("candidates/{run}/metrics.csv?metric=loss"),
        &[],
    );
    assert!(
        file.headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    let csv = file.ok();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "metric,step,timestamp,time,value");
    assert_eq!(lines[1], "loss,0,1000,1970-01-01T00:00:01Z,0");
    assert_eq!(lines.len(), 151);
}

#[test]
fn a_metric_that_was_not_logged_is_not_found() {
    let (tracker, run) = with_points(&[json!(1)]);
    assert_eq!(page(&tracker, &format!("candidates/{run}/metric?key=x")).status, 404);
    assert_eq!(page(&tracker, &format!("candidates/{run}/metrics.csv")).status, 400);
    page(&tracker, &format!("candidates/{run}/system"))
        .ok()
        .shows("No metric was logged");
}
