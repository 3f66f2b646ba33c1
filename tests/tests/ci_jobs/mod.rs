//! CI jobs: a run or version that names a job in a tag shows in other tags what the forge says of it.

mod lookups;
mod own;

use mlforge::forge::{Job, JobRef};
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// A finished job of which the forge tells everything.
fn job(id: &str) -> Job {
    let url = |path: &str| Some(format!("https://forge.example/{path}/{id}"));
    Job {
        id: id.into(),
        name: "train".into(),
        status: "success".into(),
        is_finished: true,
        git_ref: Some("main".into()),
        commit: Some("c0ffee".into()),
        pipeline: Some("77".into()),
        user: Some("ada".into()),
        merge_request: Some("!12".into()),
        url: url("jobs"),
        commit_url: url("commit"),
        pipeline_url: url("pipelines"),
        merge_request_url: url("merge_requests"),
    }
}

/// A job that runs.
fn running(id: &str) -> Job {
    Job {
        status: "running".into(),
        is_finished: false,
        ..job(id)
    }
}

/// The tags that show a job, by the rest of their keys.
fn shown(item: &Value) -> Value {
    let tags = item["data"]["tags"].as_array().or(item["tags"].as_array());
    let ours = tags.into_iter().flatten().filter_map(|tag| {
        let key = tag["key"].as_str()?.strip_prefix("mlforge.ci.")?;
        Some((key.to_owned(), tag["value"].clone()))
    });
    Value::Object(ours.collect())
}

fn shown_of_run(tracker: &Tracker, run: &str) -> Value {
    shown(&tracker.read(run))
}

fn full(id: &str) -> Value {
    json!({
        "id": id, "name": "train", "status": "success", "ref": "main", "commit": "c0ffee", "pipeline": "77",
        "user": "ada", "merge_request": "!12",
        "url": format!("https://forge.example/jobs/{id}"),
        "commit_url": format!("https://forge.example/commit/{id}"),
        "pipeline_url": format!("https://forge.example/pipelines/{id}"),
        "merge_request_url": format!("https://forge.example/merge_requests/{id}"),
    })
}

fn nothing() -> Value {
    json!({})
}

fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

fn set_tag(tracker: &Tracker, run: &str, key: &str, value: &str) {
    let body = json!({"run_id": run, "key": key, "value": value});
    tracker.post("runs/set-tag", body).ok();
}

fn name_job(tracker: &Tracker, run: &str, id: &str) {
    set_tag(tracker, run, "gitlab.CI_JOB_ID", id);
}

fn created(reply: &Value) -> String {
    reply["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

fn with_jobs(jobs: &[Job]) -> Tracker {
    let tracker = Tracker::fresh();
    for job in jobs {
        tracker.ci().set_job(1, job.clone());
    }
    tracker
}

#[test]
fn a_job_is_shown_however_a_run_names_it() {
    let tracker = with_jobs(&[job("7")]);
    let naming = tag("gitlab.CI_JOB_ID", "7");
    let set = tracker.run("0", 1);
    name_job(&tracker, &set, "7");
    let batched = tracker.run("0", 1);
    let batch = json!({"run_id": batched, "tags": [tag("a", "b"), naming], "params": [tag("p", "1")]});
    tracker.post("runs/log-batch", batch).ok();
    let new = json!({"experiment_id": "0", "tags": [naming]});
    let new = created(&tracker.post("runs/create", new).ok());
    let asked = tracker.ci().take_asked();
    for run in [set, batched, new] {
        assert_eq!(shown_of_run(&tracker, &run), full("7"));
        tracker.pack();
        assert_eq!(shown_of_run(&tracker, &run), full("7"));
    }
    // Each request asks once, as its caller, and a finished job is asked for no more.
    let as_caller = (JobRef::Id("7".into()), Some("writer".to_owned()));
    assert_eq!(asked, [as_caller.clone(), as_caller.clone(), as_caller]);
    tracker.wait_ms(3_600_000);
    tracker.pack();
    assert_eq!((tracker.ci().take_asked().len(), tracker.count("j")), (0, 0));
}

#[test]
fn a_job_is_shown_by_a_version_and_by_the_run_that_is_made_for_it() {
    let tracker = with_jobs(&[job("7"), job("8")]);
    tracker.model("m");
    let new = json!({"name": "m", "source": "", "tags": [tag("gitlab.CI_JOB_ID", "7")]});
    let version = tracker.post("model-versions/create", new).ok();
    // Both name the same job, so the forge is asked once.
    assert_eq!(tracker.ci().take_asked().len(), 1);
    let run = version["model_version"]["run_id"].as_str().unwrap();
    assert_eq!(shown(&tracker.read_version("m", "1")), full("7"));
    assert_eq!(shown_of_run(&tracker, run), full("7"));
    let other = json!({"name": "m", "version": "1", "key": "gitlab.CI_JOB_ID", "value": "8"});
    tracker.post("model-versions/set-tag", other).ok();
    assert_eq!(shown(&tracker.read_version("m", "1")), full("8"));
    assert_eq!(shown_of_run(&tracker, run), full("7"));
    let naming = json!({"name": "m", "version": "1", "key": "gitlab.CI_JOB_ID"});
    tracker.delete("model-versions/delete-tag", naming).ok();
    assert_eq!(shown(&tracker.read_version("m", "1")), nothing());
    assert_eq!(tracker.count("j"), 0);
}

#[test]
fn a_version_of_an_existing_run_leaves_the_job_of_the_run() {
    let tracker = with_jobs(&[job("7"), job("8")]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    tracker.model("m");
    let tags = [tag("gitlab.CI_JOB_ID", "8")];
    let new = json!({"name": "m", "source": "", "run_id": run, "tags": tags});
    let version = tracker.post("model-versions/create", new).ok()["model_version"].take();
    assert_eq!(version["run_id"], run);
    assert_eq!(shown(&tracker.read_version("m", "1")), full("8"));
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
}

#[test]
fn a_job_is_named_by_its_workflows_run_and_its_key() {
    let tracker = Tracker::fresh();
    let of_run = |job: Option<&str>| JobRef::OfRun {
        run: "31".into(),
        job: job.map(Into::into),
    };
    tracker.ci().set_job_as(1, of_run(None), job("1"));
    tracker.ci().set_job_as(1, of_run(Some("build")), job("2"));
    for prefix in ["", "gitea.", "forgejo."] {
        let run = tracker.run("0", 1);
        set_tag(&tracker, &run, &format!("{prefix}GITHUB_RUN_ID"), "31");
        assert_eq!(shown_of_run(&tracker, &run), full("1"), "{prefix}");
        set_tag(&tracker, &run, &format!("{prefix}GITHUB_JOB"), "build");
        assert_eq!(shown_of_run(&tracker, &run), full("2"), "{prefix}");
    }
    // The order of the two does not matter.
    let run = tracker.run("0", 1);
    set_tag(&tracker, &run, "GITHUB_JOB", "build");
    assert_eq!((shown_of_run(&tracker, &run), tracker.count("j")), (nothing(), 0));
    set_tag(&tracker, &run, "GITHUB_RUN_ID", "31");
    assert_eq!(shown_of_run(&tracker, &run), full("2"));
}

#[test]
fn two_tags_that_name_one_job_together_may_be_set_at_once() {
    let tracker = Tracker::fresh();
    let name = JobRef::OfRun {
        run: "31".into(),
        job: Some("build".into()),
    };
    tracker.ci().set_job_as(1, name, job("2"));
    for _ in 0..20 {
        let run = tracker.run("0", 1);
        let set = |key: &str, value: &str| {
            let body = json!({"run_id": run, "key": key, "value": value});
            ("POST", "/api/2.0/mlflow/runs/set-tag".to_owned(), body)
        };
        let replies = tracker.send_all(vec![set("GITHUB_RUN_ID", "31"), set("GITHUB_JOB", "build")]);
        assert!(replies.iter().all(|reply| reply.status == 200));
        // One of the two may have found no job yet, or no run.
        tracker.wait_ms(30_000);
        tracker.pack();
        assert_eq!(shown_of_run(&tracker, &run), full("2"));
    }
}

#[test]
fn the_shown_tags_are_found_like_others() {
    let tracker = with_jobs(&[job("7"), running("8")]);
    let (done, open) = (tracker.run("0", 1), tracker.run("0", 2));
    name_job(&tracker, &done, "7");
    name_job(&tracker, &open, "8");
    tracker.model("m");
    let new = json!({"name": "m", "source": "", "tags": [tag("gitlab.CI_JOB_ID", "7")]});
    tracker.post("model-versions/create", new).ok();
    for _ in 0..2 {
        for (filter, expected) in [
            ("tags.`mlforge.ci.status` = 'success'", vec![&done]),
            ("tags.\"mlforge.ci.commit\" LIKE 'c0%'", vec![&open, &done]),
            ("tags.mlforge.ci.id = '8'", vec![&open]),
            ("tags.mlforge.ci.user = 'eve'", vec![]),
        ] {
            let found = tracker
                .post("runs/search", json!({"experiment_ids": ["0"], "filter": filter}))
                .ok();
            let runs = found["runs"].as_array().into_iter().flatten();
            let ids: Vec<&str> = runs.map(|run| run["info"]["run_id"].as_str().unwrap()).collect();
            assert_eq!(ids, expected, "{filter}");
        }
        tracker.pack();
    }
    let found = tracker
        .get("model-versions/search?filter=tags.`mlforge.ci.status`='success'")
        .ok();
    assert_eq!(found["model_versions"].as_array().unwrap().len(), 1);
}

#[test]
fn another_job_replaces_all_that_was_shown() {
    let bare = Job {
        id: "8".into(),
        is_finished: true,
        ..Job::default()
    };
    let tracker = with_jobs(&[job("7"), bare]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    tracker.pack();
    name_job(&tracker, &run, "8");
    assert_eq!(shown_of_run(&tracker, &run), json!({"id": "8"}));
    // Nothing of another job is left while the forge does not answer.
    name_job(&tracker, &run, "7");
    tracker.ci().set_down(true);
    name_job(&tracker, &run, "7");
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
    name_job(&tracker, &run, "9");
    assert_eq!(shown_of_run(&tracker, &run), nothing());
}

#[test]
fn without_the_tag_that_names_it_no_job_is_shown() {
    let tracker = with_jobs(&[job("7"), running("8")]);
    for id in ["7", "8"] {
        for packs in [false, true] {
            let run = tracker.run("0", 1);
            name_job(&tracker, &run, id);
            if packs {
                tracker.pack();
            }
            let naming = json!({"run_id": run, "key": "gitlab.CI_JOB_ID"});
            tracker.post("runs/delete-tag", naming).ok();
            assert_eq!(shown_of_run(&tracker, &run), nothing());
            tracker.wait_ms(3_600_000);
            tracker.pack();
            assert_eq!(shown_of_run(&tracker, &run), nothing());
        }
    }
    assert_eq!(tracker.count("j"), 0);
}

#[test]
fn clients_do_not_write_the_servers_tags() {
    let tracker = with_jobs(&[job("7")]);
    let forged = tag("mlforge.ci.status", "forged");
    let new = json!({"experiment_id": "0", "tags": [forged, tag("mlforge.x", "y")]});
    let run = created(&tracker.post("runs/create", new).ok());
    set_tag(&tracker, &run, "mlforge.ci.status", "forged");
    let batch = json!({"run_id": run, "tags": [forged, tag("kept", "1")]});
    tracker.post("runs/log-batch", batch).ok();
    let model = json!({"name": "m", "tags": [forged]});
    tracker.post("registered-models/create", model).ok();
    let of_model = json!({"name": "m", "key": "mlforge.ci.status", "value": "forged"});
    tracker.post("registered-models/set-tag", of_model).ok();
    let new = json!({"name": "m", "source": "", "tags": [forged]});
    tracker.post("model-versions/create", new).ok();
    let of_version = json!({"name": "m", "version": "1", "key": "mlforge.ci.status", "value": "forged"});
    tracker.post("model-versions/set-tag", of_version.clone()).ok();
    assert!(!tracker.stores(b"forged") && !tracker.stores(b"mlforge.x"));
    assert!(
        tracker.read(&run)["data"]["tags"]
            .as_array()
            .unwrap()
            .contains(&tag("kept", "1"))
    );
    // They remove none either, and are told so.
    name_job(&tracker, &run, "7");
    let refusals = [
        tracker.post("runs/delete-tag", json!({"run_id": run, "key": "mlforge.ci.status"})),
        tracker.delete(
            "registered-models/delete-tag",
            json!({"name": "m", "key": "mlforge.ci.status"}),
        ),
        tracker.delete("model-versions/delete-tag", of_version),
    ];
    for refusal in refusals {
        let message = refusal.fails(400, "INVALID_PARAMETER_VALUE");
        assert!(
            message.contains("'mlforge.ci.status'") && message.contains("gitlab.CI_JOB_ID"),
            "{message}"
        );
    }
    assert_eq!(shown_of_run(&tracker, &run), full("7"));
}

#[test]
fn an_ignored_tag_needs_its_run_model_or_version_all_the_same() {
    let tracker = Tracker::fresh();
    let forged = |mut item: Value| {
        item["key"] = "mlforge.ci.status".into();
        item["value"] = "forged".into();
        item
    };
    for (endpoint, item) in [
        ("runs/set-tag", json!({"run_id": "0".repeat(32)})),
        ("registered-models/set-tag", json!({"name": "m"})),
        ("model-versions/set-tag", json!({"name": "m", "version": "1"})),
    ] {
        tracker
            .post(endpoint, forged(item))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
}

#[test]
fn a_copy_with_all_tags_shows_what_the_forge_says_now() {
    let tracker = with_jobs(&[running("7")]);
    let run = tracker.run("0", 1);
    name_job(&tracker, &run, "7");
    let tags = tracker.read(&run)["data"]["tags"].take();
    assert_eq!(shown_of_run(&tracker, &run)["status"], "running");
    tracker.ci().set_job(1, job("7"));
    let copy = json!({"experiment_id": "0", "tags": tags});
    let copy = created(&tracker.post("runs/create", copy).ok());
    assert_eq!(shown_of_run(&tracker, &copy), full("7"));
    // In a project without this job nothing is shown, whatever the tags say.
    let mut tracker = tracker;
    let elsewhere = tracker.in_project(2, |tracker| {
        let copy = json!({"experiment_id": "0", "tags": tags});
        let copy = created(&tracker.post("runs/create", copy).ok());
        shown_of_run(tracker, &copy)
    });
    assert_eq!(elsewhere, nothing());
}
