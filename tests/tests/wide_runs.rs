//! Compaction continues in extreme cases: runs with many keys, large runs, keys that are too long, runs that
//! cannot be packed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlforge_plugin::domain::lifecycle::View;
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use crate::packing::Project;

/// The kind of the keys of dirty markers. Each belongs to a run that is not packed.
const MARK: u8 = b'q';
/// The kind of the keys of blocks.
const BLOCK: u8 = b'k';

fn tags(names: impl Iterator<Item = String>, value: &str) -> Vec<Value> {
    names.map(|name| json!({"key": name, "value": value})).collect()
}

fn create(tracker: &Tracker, experiment: &str, start: i64, tags: &[Value]) -> String {
    let body = json!({"experiment_id": experiment, "start_time": start, "tags": tags});
    let info = tracker.post("runs/create", body).ok()["run"]["info"].take();
    info["run_id"].as_str().unwrap().to_owned()
}

fn find(tracker: &Tracker, experiment: &str, filter: &str) -> Vec<String> {
    let body = json!({"experiment_ids": [experiment], "filter": filter, "order_by": ["attributes.start_time"]});
    let found = tracker.post("runs/search", body).ok();
    let runs = found["runs"].as_array().cloned().unwrap_or_default();
    let ids = runs
        .iter()
        .map(|run| run["info"]["run_id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// Adds tags, 100 at a time.
fn add_tags(tracker: &Tracker, run: &str, tags: &[Value]) {
    for some in tags.chunks(100) {
        tracker
            .post("runs/log-batch", json!({"run_id": run, "tags": some}))
            .ok();
    }
}

/// Makes a run in another experiment and runs compaction. It packs that run last, so all others must be
/// packed too.
fn pack_all(tracker: &Tracker) {
    let last = tracker.experiment("last");
    create(tracker, &last, 1, &[]);
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 0);
    assert!(!tracker.records_of(BLOCK).is_empty());
}

#[test]
fn runs_without_common_tag_keys_are_packed() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let own = |run: i64| (0..200).map(move |number| format!("tag-{run}-{number}"));
    let runs: Vec<String> = (0..64)
        .map(|run| create(&tracker, &experiment, run, &tags(own(run), "v")))
        .collect();
    pack_all(&tracker);
    assert_eq!(find(&tracker, &experiment, "tags.`tag-7-199` = 'v'"), [runs[7].clone()]);
    assert_eq!(
        find(&tracker, &experiment, "tags.`tag-63-0` LIKE 'v'"),
        [runs[63].clone()]
    );
    assert_eq!(tracker.maintenance_counts().failures, 0);
}

#[test]
fn large_runs_are_packed() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let large = tags((0..150).map(|number| format!("t{number}")), &"x".repeat(8_000));
    let runs: Vec<String> = (0..64)
        .map(|start| create(&tracker, &experiment, start, &large))
        .collect();
    add_tags(&tracker, &runs[5], &tags(["own".to_owned()].into_iter(), "v"));
    pack_all(&tracker);
    assert_eq!(find(&tracker, &experiment, "tags.own = 'v'"), [runs[5].clone()]);
    assert_eq!(tracker.maintenance_counts().failures, 0);
}

#[test]
fn a_new_run_with_more_tags_than_become_columns_at_once_is_packed_in_its_latest_state() {
    let mut project = Project::new(3);
    let named = |prefix: &str, count: usize| {
        let tag = |number| (format!("{prefix}{number:04}"), format!("v{}", number % 3));
        (0..count).map(tag).collect::<Vec<_>>()
    };
    for run in 0..12 {
        let own = named(&format!("own{run}-"), 300);
        project.create_with(&[named("shared", 400), own].concat());
    }
    // Tags that are set, changed or removed before compaction count.
    for run in &mut project.runs[..6] {
        let id = run.run.id.to_string();
        let set = |key: &str, value: &str| json!({"run_id": id, "key": key, "value": value});
        project.tracker.post("runs/set-tag", set("shared0399", "later")).ok();
        project
            .tracker
            .post("runs/delete-tag", json!({"run_id": id, "key": "shared0398"}))
            .ok();
        run.tags.retain(|(key, _)| key != "shared0398");
        for (key, value) in &mut run.tags {
            if key == "shared0399" {
                *value = "later".into();
            }
        }
    }
    let check = |project: &Project| {
        project.check_runs();
        for filter in [
            "tags.shared0000 = 'v0' and tags.shared0397 = 'v1'",
            "tags.shared0399 = 'later'",
            "tags.shared0398 IS NULL",
            "tags.`own3-0299` LIKE 'v%'",
            "tags.`own11-0000` IS NOT NULL",
        ] {
            let order = ["tags.shared0399 DESC", "tags.`own5-0150`"];
            let expected = project.expected(filter, &order, View::ActiveOnly);
            assert!(
                !expected.is_empty() && expected.len() < 12 || filter.contains("shared0000"),
                "{filter}"
            );
            assert_eq!(project.found(filter, &order, "ACTIVE_ONLY", 5), expected, "{filter}");
        }
    };
    check(&project);
    project.tracker.pack();
    assert_eq!(project.tracker.records_of(MARK).len(), 0);
    check(&project);
    (0..60).for_each(|_| project.change());
    project.tracker.pack();
    project.check_runs();
    project.check_searches(20);
}

#[test]
fn runs_of_many_records_are_packed_in_pieces_and_found_by_each_key() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let runs: Vec<String> = (0..40).map(|start| tracker.run(&experiment, start)).collect();
    let names = || (0..300).map(|number| format!("t{number:03}"));
    for (index, run) in runs.iter().enumerate() {
        add_tags(&tracker, run, &tags(names(), &format!("v{}", index % 4)));
    }
    pack_all(&tracker);
    let body = json!({"run_id": runs[2], "key": "t150", "value": "other"});
    tracker.post("runs/set-tag", body).ok();
    for _ in 0..2 {
        for name in ["t000", "t063", "t064", "t299"] {
            assert_eq!(
                find(&tracker, &experiment, &format!("tags.{name} = 'v2'")).len(),
                10,
                "{name}"
            );
        }
        assert_eq!(find(&tracker, &experiment, "tags.t150 = 'v2'").len(), 9);
        tracker.pack();
    }
    assert_eq!(tracker.read(&runs[39])["data"]["tags"].as_array().unwrap().len(), 301);
}

#[test]
fn packing_runs_with_the_same_columns_writes_few_times_the_logged_bytes() {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let records = InterceptedRecords::new(move |commit| {
        let bytes = commit
            .writes
            .iter()
            .map(|write| write.key().len() + write.value().len());
        counter.fetch_add(bytes.sum(), Ordering::Relaxed);
        Ok(())
    });
    let tracker = Tracker::with(|builder| builder.records(Arc::new(records)));
    let experiment = tracker.experiment("e");
    let value = "x".repeat(80);
    for start in 0..128 {
        let run = tracker.run(&experiment, start);
        let names = (0..400).map(|number| format!("t{number:03}"));
        add_tags(&tracker, &run, &tags(names, &format!("{value}{start:04}")));
    }
    let logged = written.swap(0, Ordering::Relaxed);
    tracker.pack();
    let packed = written.load(Ordering::Relaxed);
    assert!(packed < 8 * logged, "{packed} bytes for {logged}");
}

/// A packed record of a new run in the form of an older version. It has tags and nothing else.
fn packed_tags(tags: &[(&str, &str)]) -> Vec<u8> {
    fn number(bytes: &mut Vec<u8>, mut number: usize) {
        while number >= 0x80 {
            bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        bytes.push(u8::try_from(number).unwrap());
    }
    // The version of the form, no row, no metrics, no params.
    let mut bytes = vec![1, 0, 0, 0];
    number(&mut bytes, tags.len());
    for text in tags.iter().flat_map(|(key, value)| [key, value]) {
        number(&mut bytes, text.len());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The key of a run's packed record.
fn packed_key(run: &str) -> Vec<u8> {
    let id = (0..16).map(|index| u8::from_str_radix(&run[2 * index..2 * index + 2], 16).unwrap());
    [b'r'].into_iter().chain(id).chain([b'b']).collect()
}

#[test]
fn a_tag_whose_key_is_too_long_for_a_column_is_packed_and_found() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let runs = [1, 2].map(|start| create(&tracker, &experiment, start, &[]));
    let long = &runs[1];
    let key = "k".repeat(5_000);
    let stored = packed_tags(&[("a", "1"), (&key, "v"), ("mlflow.runName", "n")]);
    tracker.put_record(&packed_key(long), &stored);
    let (has, has_not) = (format!("tags.{key} = 'v'"), format!("tags.{key} IS NULL"));
    for _ in 0..2 {
        assert_eq!(find(&tracker, &experiment, &has), runs[1..]);
        assert_eq!(find(&tracker, &experiment, &has_not), runs[..1]);
        assert_eq!(find(&tracker, &experiment, "tags.a = '1'"), runs[1..]);
        assert_eq!(tracker.read(long)["data"]["tags"][1]["key"], key);
        pack_all_once(&tracker);
    }
    assert_eq!(tracker.maintenance_counts().failures, 0);
}

fn pack_all_once(tracker: &Tracker) {
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 0);
}

#[test]
fn a_run_that_cannot_be_packed_is_set_aside_and_the_others_are_packed() {
    let tracker = Tracker::fresh();
    let [experiment, other] = ["e", "other"].map(|name| tracker.experiment(name));
    let runs: Vec<String> = (0..5).map(|start| create(&tracker, &experiment, start, &[])).collect();
    let too_large = create(
        &tracker,
        &experiment,
        9,
        &tags((0..1_000).map(|n| format!("t{n}")), &"x".repeat(8_000)),
    );
    add_tags(
        &tracker,
        &too_large,
        &tags((0..100).map(|n| format!("more{n}")), &"x".repeat(8_000)),
    );
    create(&tracker, &other, 1, &[]);
    let intact = tracker.record(packed_key(&runs[2])).unwrap();
    tracker.put_record(&packed_key(&runs[2]), b"no packed run");
    let tag = json!({"run_id": runs[2], "key": "t", "value": "v"});
    tracker.post("runs/set-tag", tag.clone()).ok();
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 2);
    assert_eq!(tracker.maintenance_counts().set_aside, 2);
    // Compaction does not try these runs again until they are changed.
    tracker.pack();
    assert_eq!(tracker.maintenance_counts().set_aside, 2);
    assert_eq!(find(&tracker, &other, "").len(), 1);
    tracker.put_record(&packed_key(&runs[2]), &intact);
    tracker.post("runs/set-tag", tag).ok();
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 1);
    assert_eq!(find(&tracker, &experiment, "tags.t = 'v'"), [runs[2].clone()]);
    assert_eq!(find(&tracker, &experiment, "tags.more99 LIKE 'x%'"), [too_large]);
    let counts = tracker.maintenance_counts();
    assert_eq!((counts.set_aside, counts.failures), (2, 0));
    assert!(counts.passes > 0);
}

#[test]
fn an_unreadable_dirty_marker_stops_no_other_run() {
    let tracker = Tracker::fresh();
    let [first, second] = ["first", "second"].map(|name| tracker.experiment(name));
    create(&tracker, &first, 1, &[]);
    let (key, _) = tracker.records_of(MARK).remove(0);
    tracker.put_record(&key, b"no mark");
    create(&tracker, &second, 1, &[]);
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 1);
    assert!(tracker.maintenance_counts().failures > 0);
}

#[test]
fn runs_that_were_changed_before_the_clock_was_set_back_are_packed() {
    let tracker = Tracker::fresh();
    tracker.wait_ms(3_600_000);
    let experiment = tracker.experiment("e");
    create(&tracker, &experiment, 1, &[]);
    tracker.set_back_ms(3_600_000);
    tracker.pack();
    assert_eq!(tracker.records_of(MARK).len(), 0);
}
