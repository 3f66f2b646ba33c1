//! The page of a trace.

use mlforge::forge::Job;

use super::*;

#[test]
fn a_trace_shows_its_spans_over_time_and_one_in_detail() {
    let tracker = Tracker::fresh();
    let chat = r#"{"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Where is Berlin?"}]}"#;
    let answer = r#"{"choices": [{"message": {"role": "assistant", "content": "In Germany."}}]}"#;
    let model = [
        ("mlflow.spanType", "CHAT_MODEL"),
        ("mlflow.spanInputs", chat),
        ("mlflow.spanOutputs", answer),
        ("temperature", "0.2"),
    ];
    let mut failed = span(1, 3, Some(1), "look up", (60, 80), &[("mlflow.spanType", "TOOL")]);
    failed["status"] = json!({"code": 2, "message": "ValueError: no"});
    failed["events"] = json!([{
        "timeUnixNano": "70000000", "name": "exception",
        "attributes": [{"key": "exception.stacktrace", "value": {"stringValue": "Traceback\n  line 3"}}],
    }]);
    let root = span(
        1,
        1,
        None,
        "answer",
        (0, 100),
        &[
            ("mlflow.spanInputs", "{\"q\": [1, 2]}"),
            ("mlflow.spanOutputs", "\"plain\""),
        ],
    );
    export(
        &tracker,
        &[root, span(1, 2, Some(1), "model", (10, 50), &model), failed],
    );
    let address = format!("traces/{}", trace_id(1));
    page(&tracker, &address)
        .ok()
        .shows("<h1><bdi>answer</bdi></h1>")
        .shows("3 spans")
        .shows("1 error")
        .shows("x=\"10.00%\" width=\"40.00%\"")
        .shows("aria-label=\"from 60 ms to 80 ms\"")
        .shows("&quot;q&quot;: [\n    1,\n    2\n  ]")
        .shows("plain");
    page(&tracker, &format!("{address}?span=0000000000000002"))
        .ok()
        .shows("Be short.")
        .shows("Where is Berlin?")
        .shows("In Germany.")
        .shows("temperature");
    page(&tracker, &format!("{address}?span=0000000000000003"))
        .ok()
        .shows("ValueError: no")
        .shows("exception")
        .shows("Traceback\n  line 3");
    page(&tracker, &format!("{address}?span=0000000000000002&part=outputs"))
        .ok()
        .shows("&quot;assistant&quot;")
        .hides("Be short.");
    assert_eq!(page(&tracker, &format!("{address}?span=00000000000000ff")).status, 404);
    assert_eq!(page(&tracker, "traces/none").status, 404);
}

#[test]
fn a_trace_leads_to_its_run_prompt_session_and_commit() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let metadata = json!({
        "mlflow.sourceRun": run, "mlflow.trace.session": "s/1", "mlflow.trace.user": "ada",
        "mlflow.source.git.commit": "9f3c2ab1d0", "mlflow.source.git.branch": "main",
    });
    start(
        &tracker,
        1,
        json!({"trace_metadata": metadata, "client_request_id": "cr-1"}),
    );
    let linked = json!({"trace_id": trace_id(1), "prompt_versions": [{"name": "greet", "version": "2"}]});
    tracker.post("traces/link-prompts", linked).ok();
    let address = format!("traces/{}", trace_id(1));
    page(&tracker, &address)
        .ok()
        .shows(&format!("candidates/{run}\""))
        .shows("models/by-name/greet/versions/2")
        .shows("session?id=s%2F1")
        .shows("9f3c2ab1")
        .shows("cr-1")
        .shows("No span of this trace is stored.");
    let job = Job {
        id: "7".into(),
        name: "train".into(),
        status: "success".into(),
        is_finished: true,
        commit: Some("9f3c2ab1d0".into()),
        commit_url: Some("https://forge.test/c/9f3c2ab1d0".into()),
        ..Job::default()
    };
    tracker.ci().set_job(1, job);
    let job = json!({"run_id": run, "key": "gitlab.CI_JOB_ID", "value": "7"});
    tracker.post("runs/set-tag", job).ok();
    page(&tracker, &address)
        .ok()
        .shows("href=\"https://forge.test/c/9f3c2ab1d0\"");
}

#[test]
fn the_spans_of_a_client_of_mlflow_2_are_read_from_its_file() {
    let tracker = Tracker::fresh();
    let begun = tracker
        .post("traces", json!({"experiment_id": "0", "timestamp_ms": 5}))
        .ok();
    let id = begun["trace_info"]["request_id"].as_str().unwrap().to_owned();
    let file = json!({"spans": [{
        "name": "old root", "context": {"span_id": "0000000000000001", "trace_id": "1"}, "parent_id": null, "start_time": 1, "end_time": 2_000_001,
        "status_code": "OK", "status_message": "", "attributes": {"mlflow.spanInputs": "{\"x\": 7}"}, "events": [],
    }]});
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/traces/{id}/artifacts/traces.json");
    assert_eq!(tracker.file("PUT", &path, &[], file.to_string()).status, 200);
    page(&tracker, &format!("traces/{id}"))
        .ok()
        .shows("<bdi>old root</bdi>")
        .shows("2 ms")
        .shows("&quot;x&quot;: 7");
}

#[test]
fn a_trace_of_many_spans_shows_them_in_pages() {
    let tracker = Tracker::fresh();
    let child = |number: u8| {
        span(
            1,
            number,
            Some(1),
            &format!("s{number:03}"),
            (u64::from(number), 300),
            &[],
        )
    };
    let mut spans = vec![span(1, 1, None, "root", (0, 300), &[])];
    spans.extend((2..=250).map(child));
    export(&tracker, &spans);
    let address = format!("traces/{}", trace_id(1));
    let mut shown = page(&tracker, &address).ok().shows("Spans 1 to");
    let mut names = std::collections::BTreeSet::new();
    loop {
        let all = (2..=250_u8).map(|number| format!("s{number:03}"));
        names.extend(all.filter(|name| shown.html.contains(&format!("<bdi>{name}</bdi>"))));
        let Some(next) = models::next(&shown) else { break };
        shown = page(&tracker, &next).ok();
    }
    assert_eq!(names.len(), 249);
    // The row of a span in the address is on the page.
    page(&tracker, &format!("{address}?span={:016x}", 240))
        .ok()
        .shows("aria-current=\"true\"");
}

#[test]
fn tags_and_assessments_are_changed_by_forms() {
    let tracker = Tracker::fresh();
    start(&tracker, 1, json!({"tags": {"old": "1"}}));
    let address = format!("traces/{}", trace_id(1));
    let done = submit(
        &tracker,
        &format!("{address}/tags"),
        &[("key", "team"), ("value", "search")],
    );
    assert_eq!(done.leads_to(), address);
    submit(&tracker, &format!("{address}/tags/delete"), &[("key", "old")]).leads_to();
    page(&tracker, &address).ok().shows("search").hides("<bdi>old</bdi>");
    let refused = submit(
        &tracker,
        &format!("{address}/tags"),
        &[("key", "mlflow.artifactLocation"), ("value", "kept value")],
    );
    assert_eq!(refused.status, 400);
    refused.shows("immutable").shows("kept value");
    let fields = [
        ("kind", "feedback"),
        ("name", "correct"),
        ("answer", "true"),
        ("rationale", "It is."),
    ];
    let done = submit(&tracker, &format!("{address}/assessments"), &fields);
    assert_eq!(done.leads_to(), address);
    let fields = [("kind", "expectation"), ("name", "city"), ("answer", "Berlin")];
    submit(&tracker, &format!("{address}/assessments"), &fields).leads_to();
    page(&tracker, &address)
        .ok()
        .shows("It is.")
        .shows("Feedback")
        .shows("Expectation")
        .shows("Berlin");
    let info = tracker
        .send("GET", &format!("/api/3.0/mlflow/traces/{}", trace_id(1)), "")
        .ok();
    let assessments = &info["trace"]["trace_info"]["assessments"];
    assert_eq!(assessments[0]["feedback"]["value"], true);
    assert_eq!(assessments[0]["source"]["source_type"], "HUMAN");
    assert_eq!(assessments[1]["expectation"]["value"], "Berlin");
    let refused = submit(
        &tracker,
        &format!("{address}/assessments"),
        &[("name", ""), ("answer", "kept value")],
    );
    assert_eq!(refused.status, 400);
    refused.shows("kept value");
    let id = assessments[0]["assessment_id"].as_str().unwrap();
    submit(
        &tracker,
        &format!("{address}/assessments/delete"),
        &[("assessment_id", id)],
    )
    .leads_to();
    page(&tracker, &address).ok().hides("It is.").shows("Berlin");
    let reader = tracker.as_reader();
    page(&reader, &address)
        .ok()
        .shows("Berlin")
        .hides("<form method=\"post\"");
}
