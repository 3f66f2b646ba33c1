//! The page of an experiment: its table of runs, its filter and its columns.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

use super::{Page, page, page_in};

/// An experiment, number 1, to which runs are logged.
pub(super) struct Logged {
    pub(super) tracker: Tracker,
    pub(super) runs: Vec<String>,
}

/// A run: its name, params, metrics and tags.
type Run<'a> = (
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a [(&'a str, f64)],
    &'a [(&'a str, &'a str)],
);

impl Logged {
    /// Logs finished runs that took a minute. The first one starts first.
    pub(super) fn with(runs: &[Run<'_>]) -> Self {
        let tracker = Tracker::fresh();
        tracker.experiment("sweep");
        let mut logged = Logged {
            tracker,
            runs: Vec::new(),
        };
        for run in runs {
            logged.log(run);
        }
        logged
    }

    fn log(&mut self, (name, params, metrics, tags): &Run<'_>) {
        let start = NOW_MS - 3_600_000 + 1_000 * i64::try_from(self.runs.len()).unwrap();
        let pairs = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(key, value)| json!({"key": key, "value": value}));
            Value::Array(pairs.collect())
        };
        let body = json!({"experiment_id": "1", "run_name": name, "start_time": start, "tags": pairs(tags)});
        let body = self.tracker.post("runs/create", body).ok();
        let run = body["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let metrics = metrics
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value, "timestamp": start, "step": 1}));
        let metrics: Vec<Value> = metrics.collect();
        let body = json!({"run_id": run, "params": pairs(params), "metrics": metrics});
        self.tracker.post("runs/log-batch", body).ok();
        let body = json!({"run_id": run, "status": "FINISHED", "end_time": start + 60_000});
        self.tracker.post("runs/update", body).ok();
        self.runs.push(run);
    }

    /// Two runs of which one param and one metric differ.
    pub(super) fn pair() -> Self {
        Self::with(&[
            (
                "small",
                &[("arch", "resnet18"), ("epochs", "20")],
                &[("val_acc", 0.875), ("system/gpu", 3.0)],
                &[("team", "red")],
            ),
            (
                "large",
                &[("arch", "resnet50"), ("epochs", "20")],
                &[("val_acc", 0.931_26)],
                &[("team", "blue")],
            ),
        ])
    }

    pub(super) fn table(&self, query: &str) -> Page {
        page(&self.tracker, &format!("experiments/1{query}"))
    }
}

/// The position of a text in a page.
#[track_caller]
fn place(page: &Page, text: &str) -> usize {
    page.html
        .find(text)
        .unwrap_or_else(|| panic!("no {text} in {}", page.html))
}

/// The head of a column.
fn head(name: &str) -> String {
    format!("<bdi>{name}</bdi></a></th>")
}

#[test]
fn an_empty_experiment_teaches_the_next_command() {
    let tracker = Tracker::fresh();
    tracker.experiment("first \"steps\"");
    let page = page(&tracker, "experiments/1").ok();
    page.shows("Log a first run")
        .shows("export MLFLOW_TRACKING_URI=http://ml.test/api/v4/projects/1/ml/mlflow")
        .shows("mlflow.set_experiment(&quot;first \\&quot;steps\\&quot;&quot;)");
    assert_eq!(super::page(&tracker, "experiments/7").status, 404);
}

#[test]
fn params_that_differ_and_the_newest_metrics_are_shown_by_default() {
    let page = Logged::pair().table("").ok();
    let page = page.shows(&head("val_acc")).shows(&head("arch")).hides(&head("epochs"));
    let page = page.hides(&head("system/gpu")).shows("Parameters that differ");
    page.shows(">0.8750<")
        .shows("title=\"0.93126\">0.9313<")
        .shows("resnet50");
}

#[test]
fn the_address_chooses_the_columns() {
    let logged = Logged::pair();
    let query = "?column=params.epochs&column=tags.team&column=duration_s&column=metrics.none&column=&column=x";
    let page = logged.table(query).ok();
    let page = page.shows(&head("epochs")).shows(&head("team")).shows(">1 min<");
    let page = page.hides(&head("arch")).hides(&head("val_acc")).shows(&head("none"));
    // The chosen boxes are ticked, and a key that no run has stays chosen.
    let page = page
        .shows("value=\"params.epochs\" checked")
        .shows("value=\"metrics.none\" checked");
    page.shows("value=\"params.arch\">").shows("epochs = 20");
    let many: Vec<String> = (0..40).map(|number| format!("column=params.p{number}")).collect();
    let page = logged.table(&format!("?{}", many.join("&"))).ok();
    page.shows(&head("p19")).hides(&head("p20"));
}

#[test]
fn runs_are_sorted_by_any_column_and_the_best_is_marked() {
    let logged = Logged::pair();
    let newest_first = logged.table("").ok();
    assert!(place(&newest_first, ">large<") < place(&newest_first, ">small<"));
    let page = logged.table("?sort=metrics.val_acc").ok();
    assert!(place(&page, ">small<") < place(&page, ">large<"));
    let page = page
        .shows("aria-sort=\"ascending\"")
        .shows("best\" title=\"0.875\">0.8750<");
    let turned = "experiments/1?sort=metrics.val_acc&amp;desc=1\"";
    page.shows(turned);
    let page = logged.table("?sort=metrics.val_acc&desc=1").ok();
    assert!(place(&page, ">large<") < place(&page, ">small<"));
    page.shows("aria-sort=\"descending\"").shows("0.9313<");
    for (sort, first) in [
        ("params.arch", "small"),
        ("tags.team", "large"),
        ("name", "large"),
        ("started", "small"),
    ] {
        let page = logged.table(&format!("?sort={sort}")).ok();
        let second = if first == "small" { "large" } else { "small" };
        assert!(
            place(&page, &format!("bdi>{first}</bdi")) < place(&page, &format!("bdi>{second}</bdi")),
            "{sort}"
        );
    }
    // The column by which runs are sorted is shown, whatever columns are chosen.
    logged
        .table("?sort=params.epochs&column=tags.team")
        .ok()
        .shows("<bdi>epochs</bdi><svg");
}

#[test]
fn a_filter_finds_runs_and_stays_in_the_field() {
    let logged = Logged::pair();
    let page = logged.table("?filter=metrics.val_acc%20%3E%200.9").ok();
    let page = page.shows(">large<").hides(">small<");
    page.shows("value=\"metrics.val_acc &gt; 0.9\"");
    let page = logged.table("?filter=params.arch%20%3D%20%27vgg%27").ok();
    page.shows("No run matches.").hides("<table");
}

#[test]
fn a_mistake_in_a_filter_is_marked_where_it_is() {
    let logged = Logged::pair();
    let page = logged.table("?filter=params.arch%20%3D%3D%20%27a%27&sort=name");
    assert_eq!(page.status, 400);
    let page = page
        .shows("stops making sense at character 13.")
        .shows("<mark>==</mark> 'a'");
    let page = page.shows("aria-invalid=\"true\"").hides("<table");
    // A link repairs it, and keeps the rest of the address.
    let repaired = "filter=params.arch%20%3D%20%27a%27";
    let page = page.shows(&format!("experiments/1?sort=name&amp;{repaired}\""));
    page.shows("aria-describedby=\"mistake\"");
    let page = logged.table("?filter=metrics.val_acc%20%3E");
    assert_eq!(page.status, 400);
    page.shows("at character 18.").shows("<mark>…</mark>");
    let page = page_in(&logged.tracker, "experiments/1?filter=x", "ko");
    assert_eq!(page.status, 400);
    page.shows("필터의")
        .shows("비교 연산자가 없습니다; 비교는")
        .hides("Invalid");
    let page = page_in(&logged.tracker, "experiments/1?filter=metrics.a%20%3E%20%27x%27", "ko");
    page.shows("메트릭은 숫자와 비교해야 합니다. 입력한 값: 'x'")
        .hides("Expected");
}

#[test]
fn a_mistake_in_a_filter_is_told_as_the_api_tells_it() {
    let logged = Logged::pair();
    let page = logged.table("?filter=attributes.nothing%20%3D%20%27a%27");
    page.shows("Invalid attribute key 'nothing' specified. Valid keys are [");
}

#[test]
fn children_stand_below_their_parent() {
    let mut logged = Logged::with(&[("parent", &[], &[], &[])]);
    let parent = logged.runs[0].clone();
    let tags = [("mlflow.parentRunId", parent.as_str())];
    logged.log(&("child", &[], &[], &tags));
    logged.log(&("other", &[], &[], &[]));
    let page = logged.table("").ok();
    let (parent_at, child_at) = (place(&page, "bdi>parent</bdi"), place(&page, "bdi>child</bdi"));
    assert!(place(&page, "bdi>other</bdi") < parent_at && parent_at < child_at);
    let children = format!("experiments/1?parent={parent}");
    let page = page.shows("class=\"d1").shows(&children).shows("Child runs of parent");
    drop(page);
    let page = logged.table(&format!("?parent={parent}")).ok();
    page.shows("bdi>child</bdi")
        .hides("bdi>other</bdi")
        .shows("Only the child runs");
}

#[test]
fn runs_come_in_pages_of_which_those_with_many_columns_are_shorter() {
    let tracker = Tracker::fresh();
    tracker.experiment("many");
    for number in 0..130 {
        tracker.run("1", number);
    }
    let rows = |page: &Page| page.html.matches("name=\"run\"").count();
    let first = page(&tracker, "experiments/1").ok();
    assert_eq!(rows(&first), 100);
    let (_, next) = first.html.split_once("page_token=").expect("a next page");
    let next = next.split('"').next().unwrap();
    let second = page(&tracker, &format!("experiments/1?page_token={next}")).ok();
    assert_eq!(rows(&second), 30);
    let columns: Vec<String> = (0..20).map(|number| format!("column=params.p{number}")).collect();
    let columns = columns.join("&");
    let (mut found, mut token) = (0, String::new());
    for _ in 0..10 {
        let page = page(&tracker, &format!("experiments/1?{columns}{token}")).ok();
        assert!(rows(&page) < 80, "{}", rows(&page));
        assert!(page.html.len() < 150_000, "{}", page.html.len());
        found += rows(&page);
        let Some((_, next)) = page.html.rsplit_once("page_token=") else {
            break;
        };
        let next = next.split('"').next().unwrap();
        if page.html.contains(">Next<") {
            token = format!("&page_token={next}");
        } else {
            break;
        }
    }
    assert_eq!(found, 130);
}

#[test]
fn a_full_page_is_small() {
    let tracker = Tracker::fresh();
    tracker.experiment("wide");
    for number in 0..100 {
        let run = tracker.run("1", 1_000 + number);
        let key = |index: i64| format!("group/metric_{index}");
        let metrics =
            (0..30).map(|index| json!({"key": key(index), "value": 0.1 + index as f64 / 7.0, "timestamp": 1}));
        let params =
            (0..30).map(|index| json!({"key": format!("param_{index}"), "value": format!("value {number} {index}")}));
        let body = json!({"run_id": run, "metrics": metrics.collect::<Vec<_>>(), "params": params.collect::<Vec<_>>()});
        tracker.post("runs/log-batch", body).ok();
    }
    let page = page(&tracker, "experiments/1").ok();
    assert!(page.html.len() < 150_000, "{}", page.html.len());
}

#[test]
fn the_ci_job_and_the_commit_are_links_to_the_forge() {
    let logged = Logged::with(&[("a", &[], &[], &[("mlflow.source.git.commit", "0123456789abcdef")])]);
    let page = logged.table("").ok();
    page.shows("title=\"0123456789abcdef\"><bdi>01234567</bdi>")
        .hides("CI job</th>");
}

#[test]
fn a_page_with_a_run_that_is_running_looks_again() {
    let logged = Logged::pair();
    logged.table("").ok().hides("data-refresh=\"15\"");
    logged.tracker.run("1", NOW_MS);
    logged.table("").ok().shows("data-refresh=\"15\"");
}

#[test]
fn readers_choose_runs_and_change_nothing() {
    let logged = Logged::pair();
    let tracker = logged.tracker.as_reader();
    let page = page(&tracker, "experiments/1").ok();
    let page = page.shows("Compare chosen").hides(">Delete<").hides("runs/tag");
    page.hides(">Edit<");
    super::page(&tracker, "experiments/1/details")
        .ok()
        .hides("<form method=\"post\"");
    for path in [
        "experiments/1/delete",
        "experiments/1/runs/delete",
        "experiments/1/runs/tag",
    ] {
        assert_eq!(super::page(&tracker, path).status, 403, "{path}");
    }
}
