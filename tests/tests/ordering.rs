//! Pages in the order of a metric that every run has, over more packed runs than one step of a search reads.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

const RUNS: i64 = 330;

/// Runs with their values of the metric, in ascending order.
struct Board {
    tracker: Tracker,
    experiment: String,
    runs: Vec<(i64, String)>,
}

impl Board {
    /// Makes packed runs with values from 0 on, in mixed order. Every third value has a tag.
    fn packed() -> Self {
        let tracker = Tracker::fresh();
        let experiment = tracker.experiment("e");
        let mut runs: Vec<(i64, String)> = (0..RUNS)
            .map(|index| (index * 37 % RUNS, tracker.run(&experiment, index)))
            .collect();
        let batch = |(value, run): &(i64, String)| {
            let tags = if value % 3 == 0 {
                json!([{"key": "t", "value": "third"}])
            } else {
                json!([])
            };
            let metrics = json!([{"key": "m", "value": value, "timestamp": 1, "step": 0}]);
            let body = json!({"run_id": run, "metrics": metrics, "tags": tags});
            ("POST", "/api/2.0/mlflow/runs/log-batch".to_owned(), body)
        };
        for reply in tracker.send_all(runs.iter().map(batch).collect()) {
            reply.ok();
        }
        tracker.pack();
        runs.sort();
        Board {
            tracker,
            experiment,
            runs,
        }
    }

    /// The runs on all pages of this size.
    fn found(&self, filter: &str, order: &str, page: usize) -> Vec<String> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let body = json!({"experiment_ids": [self.experiment], "filter": filter, "order_by": [order],
                "max_results": page, "page_token": token});
            let answer = self.tracker.post("runs/search", body).ok();
            let runs = answer["runs"].as_array().cloned().unwrap_or_default();
            let id = |run: &Value| run["info"]["run_id"].as_str().unwrap().to_owned();
            found.extend(runs.iter().map(id));
            match answer["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => return found,
            }
        }
    }

    fn check(&self, filter: &str, holds: impl Fn(i64) -> bool) {
        let of = |(_, run): &(i64, String)| run.clone();
        let expected: Vec<String> = self.runs.iter().filter(|(value, _)| holds(*value)).map(of).collect();
        let reversed: Vec<String> = expected.iter().rev().cloned().collect();
        for page in [2, 3, 100] {
            assert_eq!(self.found(filter, "metrics.m", page), expected, "pages of {page}");
            assert_eq!(self.found(filter, "metrics.m DESC", page), reversed, "pages of {page}");
        }
    }

    /// Logs a value to the run with the least one.
    fn raise_the_least(&mut self, value: i64) {
        let (_, run) = self.runs.remove(0);
        let point = json!({"run_id": run, "key": "m", "value": value, "timestamp": 2, "step": 1});
        self.tracker.post("runs/log-metric", point).ok();
        self.runs.push((value, run));
    }

    /// Deletes the run with the greatest value.
    fn delete_the_greatest(&mut self) {
        if let Some((_, run)) = self.runs.pop() {
            self.tracker.post("runs/delete", json!({"run_id": run})).ok();
        }
    }
}

#[test]
fn pages_follow_the_order_after_changes_and_deletions() {
    let mut board = Board::packed();
    board.check("", |_| true);
    board.raise_the_least(RUNS);
    board.check("", |_| true);
    board.delete_the_greatest();
    board.check("", |_| true);
    board.tracker.pack();
    board.check("", |_| true);
}

#[test]
fn a_repeated_filter_sees_changes_made_in_between() {
    let mut board = Board::packed();
    let thirds = |value: i64| value % 3 == 0;
    for filter in ["tags.t = 'third'", "tags.t LIKE '%ir%'"] {
        board.check(filter, thirds);
    }
    // The run with the least value gets the tag, and is the last one then.
    board.raise_the_least(3 * RUNS);
    let (value, run) = board.runs.remove(0);
    assert_eq!(value, 1);
    let tag = json!({"run_id": run, "key": "t", "value": "third"});
    board.tracker.post("runs/set-tag", tag).ok();
    for packs in [false, true] {
        if packs {
            board.tracker.pack();
        }
        for filter in ["tags.t = 'third'", "tags.t LIKE '%ir%'"] {
            let found = board.found(filter, "metrics.m", 7);
            assert_eq!(found.first(), Some(&run), "{filter}");
            assert_eq!(found.len(), usize::try_from(RUNS / 3 + 1).unwrap());
            assert_eq!(found.last(), board.runs.last().map(|(_, run)| run));
        }
    }
}
