//! Commit statuses: a run that ends tells the forge so, beside the commit that it names.

use std::sync::Arc;
use std::time::Duration;

use mlforge::Host;
use mlforge::forge::{CommitState, CommitStatus, Credential, Decision, Forge, ForgeError, Job, ProjectRef};
use mlforge::storage::ProjectId;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge_tests::tracker::{Tracker, plugin};
use mlforge_tests::{Caller, GotStatus, StaticForge};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const SHA: &str = "2293ada6b400935a1378653304eaf6221e0fdb8f";
/// The longest pause between two attempts, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// A tracker whose host sets commit statuses.
fn tracker() -> Tracker {
    Tracker::with(|builder| builder.external_url("https://ml.test/").commit_statuses(true))
}

/// A run `try-1` of an experiment that names a commit.
fn run_of(tracker: &Tracker, experiment: &str, commit: &str) -> String {
    let tags = json!([{"key": "mlflow.source.git.commit", "value": commit}]);
    let new = json!({"experiment_id": experiment, "run_name": "try-1", "tags": tags});
    let created = tracker.post("runs/create", new).ok();
    created["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

fn end(tracker: &Tracker, run: &str, status: &str) {
    tracker
        .post("runs/update", json!({"run_id": run, "status": status}))
        .ok();
}

/// The statuses that the forge got since the last call, those that are due now among them.
fn told(tracker: &Tracker) -> Vec<GotStatus> {
    tracker.pack();
    tracker.ci().take_statuses()
}

/// The status that the forge gets when the run `try-1` in the experiment `cats` has finished.
fn finished(run: &str) -> GotStatus {
    GotStatus {
        project: 1,
        commit: SHA.into(),
        state: CommitState::Success,
        context: "mlforge/cats".into(),
        description: "Run try-1 finished".into(),
        url: format!("https://ml.test/group/1/-/ml/candidates/{run}"),
    }
}

#[test]
fn a_finished_run_sets_the_status_of_its_commit_once() {
    let tracker = tracker();
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    assert!(told(&tracker).is_empty());
    end(&tracker, &run, "FINISHED");
    assert_eq!((told(&tracker), tracker.count("s")), (vec![finished(&run)], 0));
    // A client that repeats the update, or adds to it, tells of no other end.
    end(&tracker, &run, "FINISHED");
    tracker
        .post(
            "runs/update",
            json!({"run_id": run, "end_time": 7, "run_name": "other"}),
        )
        .ok();
    tracker.wait_ms(HOUR_MS);
    assert_eq!((told(&tracker), tracker.ci().take_status_calls()), (vec![], 1));
}

#[test]
fn each_end_of_a_run_has_a_state() {
    for (status, state, description) in [
        ("FAILED", CommitState::Failure, "Run try-1 failed"),
        ("KILLED", CommitState::Canceled, "Run try-1 was stopped"),
    ] {
        let tracker = tracker();
        let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
        end(&tracker, &run, status);
        let expected = GotStatus {
            state,
            description: description.into(),
            ..finished(&run)
        };
        assert_eq!(told(&tracker), [expected]);
    }
}

#[test]
fn by_default_nothing_is_stored_and_the_forge_is_told_nothing() {
    let tracker = Tracker::with(|builder| builder.external_url("https://ml.test"));
    let run = run_of(&tracker, "0", SHA);
    end(&tracker, &run, "FINISHED");
    assert_eq!(tracker.count("s"), 0);
    assert_eq!((told(&tracker), tracker.ci().take_status_calls()), (vec![], 0));
}

#[test]
fn a_run_without_the_full_hash_of_a_commit_or_without_an_end_tells_nothing() {
    let tracker = tracker();
    for commit in ["", "2293ada", "main", "../../../x", &"g".repeat(40)] {
        let run = run_of(&tracker, "0", commit);
        end(&tracker, &run, "FINISHED");
        assert_eq!(tracker.count("s"), 0, "{commit}");
    }
    let run = run_of(&tracker, "0", SHA);
    end(&tracker, &run, "SCHEDULED");
    end(&tracker, &run, "RUNNING");
    let removed = json!({"run_id": run, "key": "mlflow.source.git.commit"});
    tracker.post("runs/delete-tag", removed).ok();
    end(&tracker, &run, "FINISHED");
    assert_eq!(tracker.count("s"), 0);
    assert_eq!((told(&tracker), tracker.ci().take_status_calls()), (vec![], 0));
}

#[test]
fn the_commit_of_the_ci_job_counts_for_a_run_that_names_none() {
    let tracker = tracker();
    tracker.ci().set_own_job(Some(Job {
        id: "7".into(),
        commit: Some(SHA.to_uppercase()),
        is_finished: true,
        ..Job::default()
    }));
    let cats = tracker.experiment("cats");
    let run = run_of(&tracker, &cats, "");
    end(&tracker, &run, "FINISHED");
    assert_eq!(told(&tracker), [finished(&run)]);
    let other = run_of(&tracker, &cats, &"c".repeat(40));
    end(&tracker, &other, "FINISHED");
    assert_eq!(told(&tracker)[0].commit, "c".repeat(40));
    // A version without a run gets one, which has finished.
    tracker.model("m");
    let version = tracker.version("m", None);
    let [status] = &told(&tracker)[..] else {
        panic!("one status")
    };
    assert_eq!(
        (status.commit.as_str(), status.context.as_str()),
        (SHA, "mlforge/[model]m")
    );
    assert!(status.url.ends_with(version["run_id"].as_str().unwrap()), "{status:?}");
}

#[test]
fn a_tag_counts_that_was_packed_before() {
    let tracker = tracker();
    let run = tracker.run(&tracker.experiment("cats"), 1);
    let tag = json!({"run_id": run, "key": "mlflow.source.git.commit", "value": SHA});
    tracker.post("runs/set-tag", tag).ok();
    tracker.pack();
    end(&tracker, &run, "FINISHED");
    assert_eq!(told(&tracker)[0].commit, SHA);
}

#[test]
fn a_forge_that_is_down_fails_no_request_and_is_told_later() {
    let tracker = tracker();
    tracker.ci().set_down(true);
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    end(&tracker, &run, "FINISHED");
    assert_eq!((told(&tracker), tracker.count("s")), (vec![], 1));
    tracker.ci().set_down(false);
    tracker.wait_ms(29_999);
    assert_eq!((told(&tracker), tracker.ci().take_status_calls()), (vec![], 1));
    tracker.wait_ms(1);
    assert_eq!((told(&tracker), tracker.count("s")), (vec![finished(&run)], 0));
    // It is given up after a week.
    tracker.ci().set_down(true);
    end(&tracker, &run, "FAILED");
    tracker.wait_ms(7 * 24 * HOUR_MS);
    tracker.ci().set_down(false);
    assert_eq!((told(&tracker), tracker.count("s")), (vec![], 0));
}

#[test]
fn a_forge_that_hangs_is_not_waited_for() {
    let tracker = tracker();
    let run = run_of(&tracker, "0", SHA);
    end(&tracker, &run, "FINISHED");
    tracker.ci().hang();
    assert_eq!((told(&tracker), tracker.count("s")), (vec![], 1));
}

#[test]
fn an_unknown_commit_is_given_up() {
    let tracker = tracker();
    tracker.ci().forget_commits();
    let run = run_of(&tracker, "0", SHA);
    end(&tracker, &run, "FINISHED");
    for _ in 0..20 {
        tracker.pack();
        tracker.wait_ms(HOUR_MS);
    }
    assert_eq!((tracker.ci().take_status_calls(), tracker.count("s")), (9, 0));
}

#[test]
fn a_run_that_runs_again_tells_its_next_end_only() {
    let tracker = tracker();
    tracker.ci().set_down(true);
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    end(&tracker, &run, "FAILED");
    end(&tracker, &run, "RUNNING");
    tracker.ci().set_down(false);
    tracker.wait_ms(HOUR_MS);
    assert_eq!((told(&tracker), tracker.count("s")), (vec![], 0));
    end(&tracker, &run, "FINISHED");
    assert_eq!(told(&tracker), [finished(&run)]);
}

#[test]
fn what_is_deleted_meanwhile_tells_nothing() {
    let tracker = tracker();
    tracker.ci().set_down(true);
    let (kept, gone) = (tracker.experiment("kept"), tracker.experiment("gone"));
    let runs: Vec<String> = [&kept, &kept, &gone]
        .into_iter()
        .zip(["a", "b", "c"])
        .map(|(experiment, digit)| run_of(&tracker, experiment, &digit.repeat(40)))
        .collect();
    for run in &runs {
        end(&tracker, run, "FINISHED");
    }
    tracker.post("runs/delete", json!({"run_id": runs[0]})).ok();
    tracker.purge(0);
    tracker.post("runs/delete", json!({"run_id": runs[1]})).ok();
    tracker.post("experiments/delete", json!({"experiment_id": gone})).ok();
    tracker.ci().set_down(false);
    tracker.wait_ms(HOUR_MS);
    tracker.ci().take_status_calls();
    assert_eq!((told(&tracker), tracker.count("s")), (vec![], 0));
    assert_eq!(tracker.ci().take_status_calls(), 0);
}

#[test]
fn a_commit_has_one_status_an_experiment_from_the_run_that_ended_last() {
    let tracker = tracker();
    tracker.ci().set_down(true);
    let (cats, dogs) = (tracker.experiment("cats"), tracker.experiment("dogs"));
    let first = run_of(&tracker, &cats, SHA);
    let (second, other) = (run_of(&tracker, &cats, SHA), run_of(&tracker, &dogs, SHA));
    end(&tracker, &second, "FAILED");
    end(&tracker, &other, "KILLED");
    end(&tracker, &first, "FINISHED");
    assert_eq!(tracker.count("s"), 2);
    tracker.ci().set_down(false);
    tracker.wait_ms(HOUR_MS);
    let of_other = GotStatus {
        state: CommitState::Canceled,
        context: "mlforge/dogs".into(),
        description: "Run try-1 was stopped".into(),
        ..finished(&other)
    };
    assert_eq!(told(&tracker), [finished(&first), of_other]);
}

#[test]
fn a_run_that_ends_while_the_forge_is_told_of_another_is_told_too() {
    let tracker = tracker();
    let cats = tracker.experiment("cats");
    let (first, second) = (run_of(&tracker, &cats, SHA), run_of(&tracker, &cats, SHA));
    end(&tracker, &first, "FAILED");
    tracker.pack_and_meanwhile(|| end(&tracker, &second, "FINISHED"));
    assert_eq!(tracker.count("s"), 1);
    assert_eq!(told(&tracker).last(), Some(&finished(&second)));
    assert_eq!(tracker.count("s"), 0);
}

#[test]
fn hostile_names_pass_for_no_other_check() {
    let tracker = tracker();
    let experiment = tracker.experiment("\u{202e}ci/build\r\n\u{0}");
    let tags = json!([{"key": "mlflow.source.git.commit", "value": SHA}]);
    let name = format!("\u{1b}[2J{}", "x".repeat(7_000));
    let new = json!({"experiment_id": experiment, "run_name": name, "tags": tags});
    let created = tracker.post("runs/create", new).ok();
    end(&tracker, created["run"]["info"]["run_id"].as_str().unwrap(), "FINISHED");
    let [status] = &told(&tracker)[..] else {
        panic!("one status")
    };
    assert_eq!(status.context, "mlforge/ci/build");
    assert!(status.description.len() < 255, "{status:?}");
    assert!(status.description.starts_with("Run [2Jxxx") && status.description.ends_with("x finished"));
}

#[test]
fn many_statuses_are_set_pass_by_pass_and_a_dead_forge_is_asked_once_a_turn() {
    let tracker = tracker();
    tracker.ci().set_down(true);
    let commits: Vec<String> = (10..40).map(|number| number.to_string().repeat(20)).collect();
    for commit in &commits {
        let run = run_of(&tracker, "0", commit);
        end(&tracker, &run, "FINISHED");
    }
    tracker.wait_ms(HOUR_MS);
    tracker.ci().take_status_calls();
    tracker.pack();
    assert_eq!((tracker.ci().take_status_calls(), tracker.count("s")), (1, 30));
    tracker.ci().set_down(false);
    tracker.wait_ms(HOUR_MS);
    let told: Vec<String> = told(&tracker).into_iter().map(|status| status.commit).collect();
    assert_eq!((told, tracker.count("s")), (commits, 0));
}

#[test]
fn the_forge_is_left_alone_for_as_long_as_it_asks() {
    let tracker = tracker();
    tracker.ci().set_down_for(600);
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    end(&tracker, &run, "FINISHED");
    tracker.pack();
    assert_eq!(tracker.ci().take_status_calls(), 1);
    // The next attempt would be due after 30 seconds.
    tracker.ci().set_down(false);
    tracker.wait_ms(599_000);
    tracker.pack();
    assert_eq!(tracker.ci().take_status_calls(), 0);
    tracker.wait_ms(1_000);
    assert_eq!(told(&tracker), [finished(&run)]);
}

#[test]
fn the_forge_is_left_alone_for_an_hour_at_most() {
    let tracker = tracker();
    tracker.ci().set_down_for(1_000_000);
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    end(&tracker, &run, "FINISHED");
    assert!(told(&tracker).is_empty());
    tracker.ci().set_down(false);
    tracker.wait_ms(HOUR_MS);
    assert_eq!(told(&tracker), [finished(&run)]);
}

#[test]
fn a_record_that_cannot_be_read_holds_up_no_other() {
    let tracker = tracker();
    let run = run_of(&tracker, &tracker.experiment("cats"), SHA);
    let key = |commit: &str| [&b"s\0\0\0\0\0\0\0\0"[..], commit.as_bytes()].concat();
    tracker.put_record(&key(&"0".repeat(40)), b"\x09damaged");
    tracker.put_record(&key("none"), b"");
    end(&tracker, &run, "FINISHED");
    assert_eq!(told(&tracker), [finished(&run)]);
}

#[test]
fn the_status_of_another_project_is_its_own() {
    let mut tracker = tracker();
    let run = tracker.in_project(2, |tracker| {
        let run = run_of(tracker, &tracker.experiment("cats"), SHA);
        end(tracker, &run, "FINISHED");
        run
    });
    assert!(told(&tracker).is_empty());
    let expected = GotStatus {
        project: 2,
        url: format!("https://ml.test/group/2/-/ml/candidates/{run}"),
        ..finished(&run)
    };
    assert_eq!(tracker.in_project(2, |tracker| told(tracker)), [expected]);
}

#[test]
fn a_host_without_an_external_url_sets_no_commit_status() {
    let host = Host::builder()
        .plugin(plugin())
        .records(Arc::new(MemoryRecords::new()))
        .blobs(Arc::new(MemoryBlobs::new()))
        .forge(Arc::new(StaticForge::new()))
        .commit_statuses(true)
        .build();
    let error = host.err().expect("a refusal").to_string();
    assert!(error.contains("external URL"), "{error}");
}

/// A forge of fixed tokens that passes on the statuses that it gets.
struct Telling {
    forge: StaticForge,
    told: mpsc::UnboundedSender<CommitStatus>,
}

#[async_trait::async_trait]
impl Forge for Telling {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        self.forge.resolve(project, credential).await
    }

    async fn set_commit_status(&self, _: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        Ok(self.told.send(status.clone()).is_ok())
    }
}

#[tokio::test]
async fn the_forge_is_told_within_seconds_of_the_end_of_a_run() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let forge = Telling {
        forge: StaticForge::new(),
        told: sender,
    };
    let host = Host::builder()
        .plugin(plugin())
        .records(Arc::new(MemoryRecords::new()))
        .blobs(Arc::new(MemoryBlobs::new()))
        .forge(Arc::new(forge))
        .external_url("https://ml.test")
        .commit_statuses(true)
        .build()
        .unwrap();
    let caller = Caller::new(&host, "developer", "1").header("content-type", "application/json");
    let tags = json!([{"key": "mlflow.source.git.commit", "value": SHA}]);
    let new = json!({"experiment_id": "0", "tags": tags}).to_string();
    let created: Value = serde_json::from_str(&caller.post("/api/2.0/mlflow/runs/create", new).await.body).unwrap();
    let run = created["run"]["info"]["run_id"].as_str().unwrap();
    let update = json!({"run_id": run, "status": "FINISHED"}).to_string();
    assert_eq!(caller.post("/api/2.0/mlflow/runs/update", update).await.status, 200);
    // Without the announcement of the run's end it would be told after a minute.
    let status = tokio::time::timeout(Duration::from_secs(45), told.recv()).await;
    let status = status.expect("a status soon").expect("a status");
    assert_eq!(
        (status.commit.as_str(), status.context.as_str()),
        (SHA, "mlforge/Default")
    );
}
