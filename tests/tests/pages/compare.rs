//! The comparison of runs.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{HOSTILE, Page, page};

/// A run with a name, params, and the values of some metrics by step.
fn run(tracker: &Tracker, name: &str, params: &[(&str, &str)], metrics: &[(&str, &[f64])]) -> String {
    let id = tracker.run("0", 1_000);
    tracker
        .post("runs/update", json!({"run_id": id, "run_name": name}))
        .ok();
    let params: Vec<Value> = params
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let points = metrics.iter().flat_map(|(key, values)| {
        values.iter().enumerate().map(move |(step, value)| {
            let value = if value.is_nan() { json!("NaN") } else { json!(value) };
            json!({"key": key, "value": value, "timestamp": 1_000 + step, "step": step})
        })
    });
    let metrics: Vec<Value> = points.collect();
    tracker
        .post(
            "runs/log-batch",
            json!({"run_id": id, "params": params, "metrics": metrics}),
        )
        .ok();
    id
}

fn compare(tracker: &Tracker, runs: &[&str], more: &str) -> Page {
    let runs: Vec<String> = runs.iter().map(|run| format!("run={run}")).collect();
    page(tracker, &format!("compare?{}{more}", runs.join("&")))
}

/// Three runs of a sweep.
fn sweep(tracker: &Tracker) -> [String; 3] {
    [
        ("first-run", "1e-4", "none", 0.5),
        ("second-run", "1e-3", "none", 0.75),
        ("third-run", "1e-2", "mixup", 0.25),
    ]
    .map(|(name, lr, aug, acc)| {
        let params = [("lr", lr), ("aug", aug), ("seed", "42")];
        run(tracker, name, &params, &[("val_acc", &[0.1, acc]), ("seconds", &[3.0])])
    })
}

#[test]
fn params_and_metrics_stand_side_by_side_with_their_differences() {
    let tracker = Tracker::fresh();
    let [a, b, c] = sweep(&tracker);
    compare(&tracker, &[&a, &b, &c], "")
        .ok()
        .shows("Compare 3 runs")
        .shows("<td class=\"dif num\"><bdi>1e-3</bdi></td>")
        .shows("<td class=\"same\"><bdi>none</bdi></td>")
        .shows("<td class=\"dif\"><bdi>mixup</bdi></td>")
        .shows("<td class=\"same num\"><bdi>42</bdi></td>")
        .shows("<span class=\"best\" title=\"0.75\">0.7500</span> <span class=\"mut small\">+0.2500</span>")
        .shows("<span class=\"mut small\">−0.2500</span>")
        .shows(&format!("/-/ml/candidates/{b}\""))
        .shows("differences are shown against <strong><bdi>first-run</bdi></strong>");
}

#[test]
fn only_differences_can_be_shown() {
    let tracker = Tracker::fresh();
    let [a, b, _] = sweep(&tracker);
    let all = compare(&tracker, &[&a, &b], "").ok();
    all.shows("<bdi>seed</bdi>").shows("only=differ");
    compare(&tracker, &[&a, &b], "&only=differ")
        .ok()
        .shows("<bdi>lr</bdi>")
        .shows("<bdi>val_acc</bdi>")
        .hides("<bdi>seed</bdi>")
        .hides("title=\"seconds\"");
    compare(&tracker, &[&a], "&only=differ")
        .ok()
        .shows("All parameters and metrics are equal.");
}

#[test]
fn runs_that_are_not_of_this_project_are_named_and_the_others_shown() {
    let mut tracker = Tracker::fresh();
    let [a, b, _] = sweep(&tracker);
    let foreign = tracker.in_project(2, |tracker| run(tracker, "foreign-run", &[], &[]));
    let absent = "0".repeat(32);
    compare(&tracker, &[&a, &foreign, &absent, "what%3Cb%3E", &b], "")
        .ok()
        .shows("Compare 2 runs")
        .shows("No such run in this project")
        .shows(&foreign)
        .shows(&absent)
        .shows("what&lt;b&gt;")
        .hides("foreign-run");
}

#[test]
fn an_address_without_runs_says_how_to_choose_some() {
    let tracker = Tracker::fresh();
    page(&tracker, "compare").ok().shows("shows 2 to 20 runs side by side");
    compare(&tracker, &["nothing"], "")
        .ok()
        .shows("No such run in this project: <bdi>nothing</bdi>")
        .shows("shows 2 to 20 runs side by side");
    let [a, ..] = sweep(&tracker);
    compare(&tracker, &[&a, &a], "").ok().shows("This is one run.");
}

#[test]
fn runs_beyond_the_bound_are_named() {
    let tracker = Tracker::fresh();
    let runs: Vec<String> = (0..21).map(|_| tracker.run("0", 1)).collect();
    let named: Vec<&str> = runs.iter().map(String::as_str).collect();
    compare(&tracker, &named, "")
        .ok()
        .shows("Compare 20 runs")
        .shows(&format!("These were left out: <bdi>{}</bdi>", runs[20]));
}

#[test]
fn histories_are_overlaid_and_single_values_are_bars() {
    let tracker = Tracker::fresh();
    let [a, b, c] = sweep(&tracker);
    let page = compare(
        &tracker,
        &[&a, &b, &c],
        "&metric=val_acc&scale=log&smooth=0.9&axis=relative",
    )
    .ok();
    assert_eq!(
        page.html.matches("polyline class=\"l s3 raw\"").count(),
        1,
        "{}",
        page.html
    );
    page.shows("by time since the start, log scale, smoothed 0.9 over the raw line")
        .shows(">second-run</text>")
        .shows("1 of 2 metrics is drawn")
        .hides("id=\"chart-1\"");
    let bars = compare(&tracker, &[&a, &b, &c], "&metric=seconds").ok();
    bars.shows("<rect class=\"t3\"").shows(">3</text>");
}

#[test]
fn the_choices_of_a_chart_are_kept_by_its_links_and_forms() {
    let tracker = Tracker::fresh();
    let [a, b, _] = sweep(&tracker);
    let here = format!("compare?run={a}&amp;run={b}&amp;metric=val_acc&amp;axis=time");
    compare(&tracker, &[&a, &b], "&metric=val_acc&axis=time")
        .ok()
        .shows(&format!("{here}&amp;scale=log\""))
        .shows(&format!("{here}\" aria-current=\"true\">time"))
        .shows("name=\"axis\" value=\"time\"")
        .shows(&format!("type=\"hidden\" name=\"run\" value=\"{b}\""));
}

#[test]
fn a_value_that_is_no_number_is_shown_for_what_it_is() {
    let tracker = Tracker::fresh();
    let a = run(&tracker, "diverged", &[], &[("loss", &[1.0, 2.0, f64::NAN])]);
    let b = run(&tracker, "endless", &[], &[("loss", &[1.0, 2.0, f64::MAX])]);
    compare(&tracker, &[&a, &b], "")
        .ok()
        .shows(">NaN</span>")
        .shows(">∞</span>")
        .shows("2 values are NaN or infinite");
}

#[test]
fn a_sweep_is_drawn_in_one_picture() {
    let tracker = Tracker::fresh();
    let [a, b, c] = sweep(&tracker);
    compare(&tracker, &[&a, &b, &c], "&metric=val_acc&param=lr")
        .ok()
        .shows("Parallel coordinates")
        .shows("val_acc against lr")
        .hides("val_acc by lr")
        .hides(">seed</text>");
    compare(&tracker, &[&a, &b, &c], "&metric=val_acc&param=aug")
        .ok()
        .shows("val_acc by aug")
        .shows(">none (2)</text>")
        .hides("val_acc against aug");
}

#[test]
fn a_comparison_of_many_wide_runs_is_small_and_has_pages() {
    let tracker = Tracker::fresh();
    let mut runs = Vec::new();
    for number in 0..20 {
        let id = tracker.run("0", number);
        let metrics: Vec<Value> = (0..1_000)
            .map(|key| json!({"key": format!("metric-{:03}", key % 500), "value": key * number, "timestamp": key, "step": key}))
            .collect();
        tracker
            .post("runs/log-batch", json!({"run_id": id, "metrics": metrics}))
            .ok();
        for batch in 0..5 {
            let params: Vec<Value> = (0..100)
                .map(|key| json!({"key": format!("param-{batch}{key:02}"), "value": "x".repeat(300 + number as usize)}))
                .collect();
            tracker
                .post("runs/log-batch", json!({"run_id": id, "params": params}))
                .ok();
        }
        runs.push(id);
    }
    let named: Vec<&str> = runs.iter().map(String::as_str).collect();
    let first = compare(&tracker, &named, "").ok();
    assert!(first.html.len() < 150_000, "{}", first.html.len());
    let (_, next) = first.html.split_once("from=").expect("a next page");
    let from = next.split('"').next().unwrap().to_owned();
    let second = compare(&tracker, &named, &format!("&from={from}")).ok();
    assert!(second.html.len() < 150_000, "{}", second.html.len());
    first.hides(&format!("title=\"param-0{from:0>2}\""));
    second.shows(&format!("title=\"param-0{from:0>2}\""));
    // A row beyond the last has no table, but a way back.
    compare(&tracker, &named, "&from=99999").ok().shows(">First<");
}

#[test]
fn long_values_that_begin_alike_still_differ() {
    let tracker = Tracker::fresh();
    let [one, other] = ["a", "b"].map(|end| format!("{}{end}", "x".repeat(1_000)));
    let a = run(&tracker, "a", &[("config", &one)], &[]);
    let b = run(&tracker, "b", &[("config", &other)], &[]);
    compare(&tracker, &[&a, &b], "")
        .ok()
        .shows("<td class=\"dif\"><bdi>xxx");
}

#[test]
fn names_of_users_are_text_in_charts_too() {
    let tracker = Tracker::fresh();
    let runs = [HOSTILE, "other"].map(|name| run(&tracker, name, &[("lr", name)], &[("a b", &[1.0, 2.0])]));
    compare(&tracker, &[&runs[0], &runs[1]], "")
        .ok()
        .hides("<script>alert")
        .hides("<img src=x");
}

/// A file of a comparison.
fn file(tracker: &Tracker, ending: &str, runs: &[&str], more: &str) -> mlforge_tests::tracker::File {
    let runs: Vec<String> = runs.iter().map(|run| format!("run={run}")).collect();
    let path = format!("/-/ml/compare.{ending}?{}{more}", runs.join("&"));
    tracker.file("GET", &path, &[("accept", "text/html")], "")
}

#[test]
fn a_comparison_is_a_file_with_full_values() {
    let tracker = Tracker::fresh();
    let long = "x".repeat(1_000);
    let a = run(
        &tracker,
        "=first",
        &[("lr", "1e-4"), ("note", &long)],
        &[("acc", &[0.1, 0.123_456_789])],
    );
    let b = run(&tracker, "second", &[("lr", "1e-4")], &[("acc", &[f64::NAN])]);
    let csv = file(&tracker, "csv", &[&a, &b], "");
    assert_eq!(
        csv.headers["content-disposition"],
        "attachment; filename=\"comparison.csv\""
    );
    let expected = [
        format!("kind,key,{a},{b}"),
        "run,name,\"'=first\",second".to_owned(),
        "param,lr,1e-4,1e-4".to_owned(),
        format!("param,note,{long},"),
        "metric,acc,0.123456789,NaN".to_owned(),
    ];
    assert_eq!(csv.ok().trim_end().split("\r\n").collect::<Vec<_>>(), expected);
    let csv = file(&tracker, "csv", &[&a, &b], "&only=differ").ok();
    assert!(!csv.contains("param,lr") && csv.contains("param,note"));
    let json: Value = serde_json::from_str(&file(&tracker, "json", &[&a, &b], "").ok()).unwrap();
    let expected = json!({"runs": [
        {"run_id": a, "name": "=first", "params": {"lr": "1e-4", "note": long}, "metrics": {"acc": 0.123_456_789}},
        {"run_id": b, "name": "second", "params": {"lr": "1e-4"}, "metrics": {"acc": "NaN"}},
    ]});
    assert_eq!(json, expected);
    let only = compare(&tracker, &[&a, &b], "&only=differ").ok();
    only.shows(&format!("compare.csv?run={a}&amp;run={b}&amp;only=differ\""));
}

#[test]
fn a_file_of_a_comparison_leaves_nothing_out() {
    let tracker = Tracker::fresh();
    let a = run(&tracker, "a", &[], &[]);
    let many: Vec<String> = (0..21).map(|_| tracker.run("0", 1)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for runs in [&[][..], &many[..], &[a.as_str(), "x"][..]] {
        assert_eq!(file(&tracker, "csv", runs, "").status, 400, "{runs:?}");
        assert_eq!(file(&tracker, "json", runs, "").status, 400, "{runs:?}");
    }
    let missing = "0".repeat(32);
    assert_eq!(file(&tracker, "csv", &[&a, &missing], "").status, 404);
}
