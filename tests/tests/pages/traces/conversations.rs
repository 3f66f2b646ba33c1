//! Sessions, and the conversation of one.

use super::*;

fn say(tracker: &Tracker, number: u32, session: &str) {
    let info = json!({
        "request_preview": format!("question {number}"), "response_preview": format!("answer {number}"),
        "trace_metadata": {"mlflow.trace.session": session, "mlflow.trace.user": "ada"},
    });
    start(tracker, number, info);
}

#[test]
fn sessions_are_listed_once_each_with_the_most_recent_first() {
    let tracker = Tracker::fresh();
    page(&tracker, "experiments/0/sessions")
        .ok()
        .shows("mlflow.trace.session");
    // 110 sessions take turns, so all of them are older and newer than each other.
    for number in 0..220 {
        say(&tracker, number, &format!("s{:03}", number % 110));
    }
    start(&tracker, 300, json!({}));
    let mut shown = page(&tracker, "experiments/0/sessions")
        .ok()
        .shows("ada")
        .shows("question 219");
    assert!(shown.html.find("<bdi>s109</bdi>") < shown.html.find("<bdi>s108</bdi>"));
    let mut seen = Vec::new();
    loop {
        let listed = (0..110).map(|number| format!("s{number:03}"));
        seen.extend(listed.filter(|session| shown.html.contains(&format!("<bdi>{session}</bdi>"))));
        let Some(next) = models::next(&shown) else { break };
        shown = page(&tracker, &next).ok();
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..110).map(|number| format!("s{number:03}")).collect::<Vec<_>>());
}

#[test]
fn a_conversation_reads_from_the_top_and_has_its_newest_traces() {
    let tracker = Tracker::fresh();
    let session = "a 'quoted' \"session\"/1";
    for number in 0..25 {
        say(&tracker, number, session);
    }
    say(&tracker, 40, "another");
    let address = format!("experiments/0/session?id={}", mlforge_ui::link::encoded(session));
    let shown = page(&tracker, &address).ok().hides("question 40").hides("question 4<");
    assert!(shown.html.find("question 23").unwrap() < shown.html.find("answer 24").unwrap());
    let (before, _) = shown.html.split_once(">Earlier").expect("a link");
    assert!(before.contains("page_token="));
    page(&tracker, "experiments/0/session?id=none")
        .ok()
        .shows("No trace matches.");
}
