//! Purges: data that was deleted long ago is removed for good with everything that belongs to it, and nothing
//! else is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mlforge::storage::{CommitError, StorageError};
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// A text in every value that is to be purged.
const SECRET: &str = "b5a1f0";

fn id_bytes(id: &str) -> Vec<u8> {
    let digit = |index: usize| u8::from_str_radix(&id[index..index + 2], 16).unwrap();
    (0..id.len()).step_by(2).map(digit).collect()
}

/// Makes a run with one of everything.
fn full_run(tracker: &Tracker, experiment: &str, word: &str) -> String {
    let run = tracker.run(experiment, 1);
    let metric = |step: i64| json!({"key": format!("m-{word}"), "value": 0.5, "step": step, "timestamp": 1});
    let batch = json!({
        "run_id": run,
        // Enough points to be stored as chunks.
        "metrics": (1..=100).map(metric).collect::<Vec<_>>(),
        "params": [{"key": format!("p-{word}"), "value": word}],
        "tags": [{"key": format!("t-{word}"), "value": word.repeat(30)}],
    });
    tracker.post("runs/log-batch", batch).ok();
    let mut late = metric(-1);
    late["run_id"] = json!(run);
    tracker.post("runs/log-metric", late).ok();
    let dataset = json!({"name": "d", "digest": "1", "source_type": "s", "source": "s"});
    let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": [{"key": "k", "value": word}]}]});
    tracker.post("runs/log-inputs", inputs).ok();
    for name in ["a", "dir/b"] {
        let path = format!("{STORE}/{experiment}/{run}/artifacts/{name}");
        tracker.file("PUT", &path, &[], word.to_owned()).ok();
    }
    run
}

fn delete(tracker: &Tracker, run: &str) {
    tracker.post("runs/delete", json!({"run_id": run})).ok();
}

fn restore(tracker: &Tracker, run: &str) {
    tracker.post("runs/restore", json!({"run_id": run})).ok();
}

fn is_there(tracker: &Tracker, run: &str) -> bool {
    tracker.get(&format!("runs/get?run_id={run}")).status == 200
}

/// The ids of all runs that a search finds, in any stage, page by page.
fn found(tracker: &Tracker, experiment: &str, query: Value) -> Vec<String> {
    let mut ids = Vec::new();
    let mut token = String::new();
    loop {
        let mut body = query.clone();
        body["experiment_ids"] = json!([experiment]);
        body["run_view_type"] = json!("ALL");
        body["page_token"] = json!(token);
        let page = tracker.post("runs/search", body).ok();
        let runs = page["runs"].as_array().cloned().unwrap_or_default();
        ids.extend(
            runs.iter()
                .map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()),
        );
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return ids,
        }
    }
}

#[test]
fn a_purge_removes_a_run_deleted_long_ago_with_all_its_data() {
    for is_packed in [false, true] {
        let tracker = Tracker::fresh();
        let experiment = tracker.experiment("e");
        let gone = full_run(&tracker, &experiment, SECRET);
        let kept = full_run(&tracker, &experiment, "kept");
        if is_packed {
            tracker.pack();
        }
        delete(&tracker, &gone);
        if is_packed {
            tracker.pack();
        }
        assert_eq!(tracker.purge(1), 0);
        tracker.wait_ms(DAY_MS);
        assert_eq!(tracker.purge(DAY_MS), 1);
        let path = format!("runs/get?run_id={gone}");
        tracker.get(&path).fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(found(&tracker, &experiment, json!({})), [kept.as_str()]);
        assert!(
            !tracker.stores(SECRET.as_bytes()) && !tracker.stores(&id_bytes(&gone)),
            "{is_packed}"
        );
        assert_eq!(tracker.kept(&format!("a/{experiment}")), [kept.as_str()]);
        let run = tracker.read(&kept);
        assert_eq!(run["data"]["params"], json!([{"key": "p-kept", "value": "kept"}]));
        let path = format!("{STORE}/{experiment}/{kept}/artifacts/dir/b");
        assert_eq!(tracker.file("GET", &path, &[], "").ok(), "kept");
        assert_eq!(tracker.purge(0), 0);
    }
}

#[test]
fn repeated_searches_do_not_find_a_purged_run() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let gone = full_run(&tracker, &experiment, "gone");
    let kept = full_run(&tracker, &experiment, "kept");
    for run in [&gone, &kept] {
        delete(&tracker, run);
    }
    tracker.pack();
    let queries = [
        json!({}),
        json!({"order_by": ["metrics.`m-gone`"]}),
        json!({"filter": "params.`p-gone` = 'gone'"}),
    ];
    let found = |view: &str| {
        let answer = |mut query: Value| {
            query["experiment_ids"] = json!([experiment]);
            query["run_view_type"] = json!(view);
            tracker.post("runs/search", query).ok().to_string().contains(&gone)
        };
        queries.clone().map(answer)
    };
    for view in ["DELETED_ONLY", "ALL"] {
        assert_eq!(found(view), [true; 3], "{view}");
    }
    tracker.wait_ms(DAY_MS);
    restore(&tracker, &kept);
    assert_eq!(tracker.purge(0), 1);
    for view in ["DELETED_ONLY", "ALL"] {
        assert_eq!(found(view), [false; 3], "{view}");
    }
}

#[test]
fn a_purge_spares_restored_and_recently_deleted_runs() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let [restored, again, with_experiment] = [0; 3].map(|_| full_run(&tracker, &experiment, "kept"));
    for run in [&restored, &again, &with_experiment] {
        delete(&tracker, run);
    }
    restore(&tracker, &restored);
    restore(&tracker, &again);
    let id = json!({"experiment_id": experiment});
    tracker.post("experiments/delete", id.clone()).ok();
    tracker.post("experiments/restore", id).ok();
    tracker.wait_ms(DAY_MS);
    delete(&tracker, &again);
    tracker.wait_ms(DAY_MS - 1);
    assert_eq!(tracker.purge(DAY_MS), 0);
    for run in [&restored, &again, &with_experiment] {
        assert!(is_there(&tracker, run));
    }
    tracker.wait_ms(1);
    assert_eq!(tracker.purge(DAY_MS), 1);
    assert!(is_there(&tracker, &restored) && !is_there(&tracker, &again) && is_there(&tracker, &with_experiment));
}

#[test]
fn a_purge_removes_an_experiment_deleted_long_ago_with_all_its_runs() {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    let kept = full_run(&tracker, &other, "kept");
    let name = format!("e-{SECRET}");
    let experiment = tracker.experiment(&name);
    let tag = json!({"experiment_id": experiment, "key": "k", "value": SECRET});
    tracker.post("experiments/set-experiment-tag", tag).ok();
    let packed = full_run(&tracker, &experiment, SECRET);
    let deleted = full_run(&tracker, &experiment, SECRET);
    tracker.pack();
    delete(&tracker, &deleted);
    let loose = full_run(&tracker, &experiment, SECRET);
    let model = json!({"experiment_id": experiment, "name": SECRET, "params": [{"key": "k", "value": SECRET}]});
    let model = tracker.post("logged-models", model).ok();
    let uri = model["model"]["info"]["artifact_uri"].as_str().unwrap();
    let root = uri.strip_prefix("mlflow-artifacts:/").unwrap().trim_end_matches('/');
    tracker
        .file("PUT", &format!("{STORE}/{root}/MLmodel"), &[], SECRET)
        .ok();
    tracker
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(DAY_MS + 1), 0);
    assert_eq!(tracker.purge(DAY_MS), 1);
    for run in [&packed, &deleted, &loose] {
        assert!(!is_there(&tracker, run) && !tracker.stores(&id_bytes(run)));
    }
    assert!(!tracker.stores(SECRET.as_bytes()));
    assert_eq!(tracker.kept("a"), [other.as_str()]);
    let path = format!("experiments/get?experiment_id={experiment}");
    tracker.get(&path).fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_ne!(tracker.experiment(&name), experiment);
    assert!(is_there(&tracker, &kept));
}

#[test]
fn a_purge_spares_a_logged_model_while_a_version_names_it() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let model = tracker.post("logged-models", json!({"experiment_id": experiment})).ok();
    let info = &model["model"]["info"];
    tracker.model("m");
    let id = info["model_id"].as_str().unwrap();
    let version = json!({"name": "m", "source": format!("models:/{id}")});
    let version = tracker.post("model-versions/create", version).ok();
    let number = version["model_version"]["version"].as_str().unwrap();
    let uri = info["artifact_uri"].as_str().unwrap();
    let root = uri.strip_prefix("mlflow-artifacts:/").unwrap().trim_end_matches('/');
    let path = format!("{STORE}/{root}/MLmodel");
    tracker.file("PUT", &path, &[], "flavors:").ok();
    tracker
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(0), 0);
    let by_version = format!("/model-versions/get-artifact?name=m&version={number}&path=MLmodel");
    assert_eq!(tracker.file("GET", &by_version, &[], "").ok(), "flavors:");
    let gone = json!({"name": "m", "version": number});
    tracker.delete("model-versions/delete", gone).ok();
    assert!(tracker.purge(0) > 0);
    assert_eq!(tracker.file("GET", &path, &[], "").status, 404);
}

#[test]
fn a_purge_never_removes_the_first_experiment() {
    let tracker = Tracker::fresh();
    let run = full_run(&tracker, "0", "kept");
    tracker.post("experiments/delete", json!({"experiment_id": "0"})).ok();
    tracker.wait_ms(DAY_MS);
    assert_eq!(tracker.purge(0), 0);
    assert!(is_there(&tracker, &run));
}

#[test]
fn a_purge_keeps_the_order_of_the_remaining_runs() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let mut runs = Vec::new();
    for index in 0..40_u32 {
        let run = tracker.run(&experiment, i64::from(index % 7));
        // Some runs have no value, so they sort where purged ones would.
        if index % 4 != 0 {
            let metric = json!({"run_id": run, "key": "m", "value": index % 5, "timestamp": 1, "step": 0});
            tracker.post("runs/log-metric", metric).ok();
            let param = json!({"run_id": run, "key": "p", "value": format!("{}", index % 3)});
            tracker.post("runs/log-parameter", param).ok();
        }
        runs.push(run);
    }
    tracker.pack();
    let orders = [
        json!([]),
        json!(["metrics.m"]),
        json!(["metrics.m DESC", "params.p"]),
        json!(["params.p DESC", "metrics.m", "start_time"]),
        json!(["attributes.run_id"]),
        json!(["attributes.status", "params.p"]),
    ];
    let gone: Vec<&String> = runs.iter().step_by(3).collect();
    let mut expected = Vec::new();
    for order in &orders {
        let all = found(&tracker, &experiment, json!({"order_by": order, "max_results": 100}));
        expected.push(all.into_iter().filter(|run| !gone.contains(&run)).collect::<Vec<_>>());
    }
    for run in &gone {
        delete(&tracker, run);
    }
    tracker.pack();
    assert_eq!(tracker.purge(0), 14);
    for (order, expected) in orders.iter().zip(&expected) {
        for count in [3, 100] {
            let query = json!({"order_by": order, "max_results": count});
            assert_eq!(&found(&tracker, &experiment, query), expected, "{order} {count}");
        }
    }
    let filter = json!({"filter": "metrics.m >= 0", "max_results": 2});
    assert_eq!(found(&tracker, &experiment, filter).len(), 20);
    let run = full_run(&tracker, &experiment, "later");
    tracker.pack();
    assert!(found(&tracker, &experiment, json!({})).contains(&run));
}

#[test]
fn the_next_purge_finishes_an_interrupted_one() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let runs: Vec<String> = (0..12).map(|_| full_run(&tracker, &experiment, SECRET)).collect();
    for (rank, run) in runs.iter().enumerate() {
        let metric = json!({"run_id": run, "key": "rank", "value": rank, "timestamp": 1, "step": 0});
        tracker.post("runs/log-metric", metric).ok();
    }
    tracker.pack();
    let late = full_run(&tracker, &experiment, SECRET);
    for run in runs.iter().take(6) {
        delete(&tracker, run);
    }
    for step in 0..20 {
        tracker.purge_for(Duration::from_micros(300 * step));
        // Purged runs would come first. None of them takes the place of another on its page.
        let ranked = json!({"order_by": ["metrics.rank"], "max_results": 1});
        // An interrupted purge may still finish a commit. So the answers are of one moment only if the list
        // stays the same.
        let (ids, are_there, first) = loop {
            let ids = found(&tracker, &experiment, json!({}));
            let are_there: Vec<bool> = runs.iter().map(|run| is_there(&tracker, run)).collect();
            let first = found(&tracker, &experiment, ranked.clone());
            if found(&tracker, &experiment, json!({})) == ids {
                break (ids, are_there, first);
            }
        };
        for (index, (run, is_there)) in runs.iter().zip(are_there).enumerate() {
            // A run is whole, or hidden.
            assert_eq!(ids.contains(run), is_there);
            assert!(is_there || index < 6);
        }
        let left: Vec<&String> = runs.iter().filter(|run| ids.contains(run)).chain([&late]).collect();
        assert_eq!(first.iter().collect::<Vec<_>>(), left);
    }
    tracker
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .ok();
    for step in 0..20 {
        tracker.purge_for(Duration::from_micros(300 * step));
    }
    tracker.purge(0);
    assert!(runs.iter().chain([&late]).all(|run| !is_there(&tracker, run)));
    assert!(!tracker.stores(SECRET.as_bytes()));
    assert_eq!(tracker.kept(""), [""; 0]);
}

#[test]
fn purged_runs_never_take_a_place_on_a_page() {
    for commits in 0..4 {
        let more = Arc::new(AtomicUsize::new(usize::MAX));
        let left = Arc::clone(&more);
        let records = InterceptedRecords::new(move |_| {
            let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            let last = || StorageError::Unavailable("that was the last one".to_owned());
            taken.map(drop).map_err(|_| CommitError::Failed(last()))
        });
        let tracker = Tracker::with(|builder| builder.records(Arc::new(records)));
        let experiment = tracker.experiment("e");
        let runs: Vec<String> = (0..6).map(|_| tracker.run(&experiment, 1)).collect();
        for (rank, run) in runs.iter().enumerate() {
            let metric = json!({"run_id": run, "key": "rank", "value": rank, "timestamp": 1, "step": 0});
            tracker.post("runs/log-metric", metric).ok();
        }
        tracker.pack();
        let (gone, kept) = runs.split_at(3);
        for run in gone {
            delete(&tracker, run);
        }
        tracker.pack();
        more.store(commits, Ordering::SeqCst);
        tracker.purge_for(Duration::from_secs(60));
        assert_eq!(gone.iter().any(|run| is_there(&tracker, run)), commits == 0);
        let by_rank = json!({"order_by": ["metrics.rank"], "max_results": 1});
        let expected = if commits == 0 { &runs[..] } else { kept };
        assert_eq!(found(&tracker, &experiment, by_rank), expected, "{commits} commits");
    }
}
