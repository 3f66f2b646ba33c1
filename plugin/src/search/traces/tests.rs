//! The language on the traces of the contract: the results are those of MLflow's server.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::id::ExperimentId;
use crate::domain::trace::assessment::SourceType;
use crate::domain::trace::span::SpanStatus;
use crate::domain::trace::value::Value;
use crate::domain::trace::{NAME_TAG, SESSION, TraceState};
use crate::error::Error;

const M: i64 = 1_700_000_000_000;

struct Known {
    trace: Trace,
    spans: Vec<Span>,
}

fn known(letter: &str, name: Option<&str>, start: i64, duration: Option<i64>, state: TraceState) -> Known {
    let mut trace = Trace::new(TraceId::stored(letter), ExperimentId(1), "l", M + start);
    trace.duration_ms = duration;
    trace.state = state;
    if let Some(name) = name {
        trace.tags.insert(NAME_TAG.to_owned(), name.to_owned());
        trace.tags.insert("t".to_owned(), name.to_owned());
    }
    Known {
        trace,
        spans: Vec::new(),
    }
}

fn span(name: &str, kind: &str, status: SpanStatus, model: &str, inputs: &str) -> Span {
    let mut span = Span {
        name: name.to_owned(),
        status,
        ..Span::default()
    };
    for (key, value) in [
        ("mlflow.spanType", kind),
        ("model", model),
        ("mlflow.spanInputs", inputs),
    ] {
        span.set_attribute(key, Value::Text(value.to_owned()));
    }
    span
}

fn judged(known: &mut Known, name: &str, content: Content, session: Option<&str>) {
    let metadata = session.map(|session| (SESSION.to_owned(), session.to_owned()));
    known.trace.assessments.push(Assessment {
        id: name.to_owned(),
        name: name.to_owned(),
        span: None,
        source_type: SourceType::Human,
        source: String::new(),
        created_ms: 0,
        updated_ms: 0,
        content,
        rationale: None,
        metadata: metadata.into_iter().collect(),
        overrides: None,
        valid: true,
    });
}

fn feedback(known: &mut Known, name: &str, value: &str, session: Option<&str>) {
    let value = value.to_owned();
    judged(known, name, Content::Feedback { value, error: None }, session);
}

fn expectation(known: &mut Known, value: &str) {
    let value = value.to_owned();
    judged(known, "exp", Content::Expectation { value }, None);
}

fn put(map: &mut BTreeMap<String, String>, pairs: &[(&str, &str)]) {
    map.extend(
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
}

/// The six traces of the contract.
fn world() -> Vec<Known> {
    let mut a = known("A", Some("Foo"), 100, Some(50), TraceState::Ok);
    let mut b = known("B", Some("foobar"), 200, Some(500), TraceState::Error);
    let mut c = known("C", Some("FOO%"), 300, Some(0), TraceState::InProgress);
    let mut d = known("D", Some("f_o"), 300, None, TraceState::Ok);
    let mut e = known("E", None, 50, Some(1_000), TraceState::Ok);
    let mut f = known("F", Some("say \"hi\""), 0, Some(20), TraceState::Unspecified);
    put(&mut a.trace.tags, &[("k.x", "dot")]);
    put(
        &mut a.trace.metadata,
        &[("m", "1"), (SOURCE_RUN, "R1"), (SESSION, "S1")],
    );
    a.trace.client_request_id = Some("cr-1".to_owned());
    a.spans
        .push(span("root", "CHAIN", SpanStatus::Ok, "gpt-4", "where is Berlin? ☃"));
    a.spans.push(span("llm", "LLM", SpanStatus::Error, "claude", ""));
    put(&mut b.trace.metadata, &[("m", "10"), (SESSION, "S1")]);
    b.trace.client_request_id = Some("cr-2".to_owned());
    b.trace.prompts.insert("pp/1".to_owned());
    b.spans
        .push(span("root", "AGENT", SpanStatus::Error, "gpt-4o", "paris"));
    put(&mut c.trace.metadata, &[("m", "2")]);
    c.trace.runs.insert("R1".to_owned());
    put(&mut d.trace.tags, &[("empty", "")]);
    put(&mut d.trace.metadata, &[("m", "it's"), (SOURCE_RUN, "R2")]);
    put(&mut f.trace.tags, &[("sl/ash key", "v")]);
    e.trace.tags.remove("t");
    for (known, value) in [
        (&mut a, "0.9"),
        (&mut b, "\"yes\""),
        (&mut c, "true"),
        (&mut d, "5.0"),
        (&mut f, "{\"a\":1}"),
    ] {
        feedback(known, "q", value, None);
    }
    feedback(&mut d, "sess", "\"good\"", None);
    feedback(&mut a, "sess", "\"good\"", Some("S1"));
    feedback(&mut c, "a b", "\"x\"", None);
    expectation(&mut a, "\"Berlin\"");
    expectation(&mut b, "42.0");
    vec![a, b, c, d, e, f]
}

fn found(filter: &str, order: &[&str]) -> Result<String> {
    let world = world();
    let search = TraceSearch::parse(filter)?;
    let order = TraceOrder::parse(order)?;
    let of_session = |trace: &Trace| -> Vec<Assessment> {
        let session = trace.metadatum(SESSION).map(str::to_owned);
        let all = world.iter().flat_map(|known| &known.trace.assessments);
        all.filter(|one| session.is_some() && one.session() == session.as_deref())
            .cloned()
            .collect()
    };
    let mut matching: Vec<&Known> = world
        .iter()
        .filter(|known| {
            search.own.matches(&known.trace)
                && search.matches_assessments(&known.trace, &of_session(&known.trace))
                && search.matches_spans(&known.spans)
        })
        .collect();
    matching.sort_by_key(|known| order.key(&known.trace));
    Ok(matching.iter().map(|known| known.trace.id.as_str()).collect())
}

#[test]
fn filters_find_what_mlflows_server_finds() {
    for (filter, expected) in [
        ("", "CDBAEF"),
        ("status = 'OK'", "DAE"),
        ("trace.status = 'OK'", "DAE"),
        ("status = 'ok'", ""),
        ("status != 'OK'", "CBF"),
        ("status IN ('OK','ERROR')", "DBAE"),
        ("status NOT IN ('OK')", "CBF"),
        ("status RLIKE '^O'", "DAE"),
        ("name = 'Foo'", "A"),
        ("tags.`mlflow.traceName` = 'Foo'", "A"),
        ("name LIKE 'foo%'", "B"),
        ("name ILIKE 'foo%'", "CBA"),
        ("name LIKE 'f_o'", "D"),
        ("name != 'Foo'", "CDBF"),
        ("name IS NULL", "E"),
        ("name RLIKE '^[fF]oo'", "BA"),
        ("timestamp > 1700000000100", "CDB"),
        ("timestamp_ms != 1700000000300", "BAEF"),
        ("execution_time > 50", "BE"),
        ("execution_time != 50", "CBEF"),
        ("end_time_ms = 1700000000300", "CD"),
        ("end_time_ms > 1700000000300", "BE"),
        ("client_request_id IN ('cr-1','cr-2')", "BA"),
        ("client_request_id != 'cr-1'", "B"),
        ("run_id = 'R1'", "CA"),
        ("run_id != 'R1'", "D"),
        ("metadata.`mlflow.sourceRun` = 'R1'", "CA"),
        ("metadata.mlflow.sourceRun = 'R1'", "CA"),
        ("run_id LIKE '%'", "DA"),
        ("tags.t != 'Foo'", "CDBF"),
        ("tags.t IS NULL", "E"),
        ("tags.t IS NOT NULL", "CDBAF"),
        ("tags.empty = ''", "D"),
        ("tags.k.x = 'dot'", "A"),
        ("tags.`sl/ash key` = 'v'", "F"),
        ("tags.nope != 'x'", ""),
        ("metadata.m != '1'", "CDB"),
        ("request_metadata.m IS NULL", "EF"),
        ("metadata.m = \"it's\"", "D"),
        ("metadata.`mlflow.trace.session` = 'S1'", "BA"),
        ("span.name = 'root'", "BA"),
        ("span.name != 'root'", "A"),
        ("span.name ILIKE 'L%'", "A"),
        ("span.name LIKE 'L%'", ""),
        ("span.status = 'ERROR'", "BA"),
        ("span.name = 'root' AND span.type = 'LLM'", ""),
        ("span.name = 'llm' AND span.type = 'LLM'", "A"),
        ("span.attributes.model LIKE '%gpt-4%'", "BA"),
        ("span.attributes.model LIKE 'gpt-4'", ""),
        ("span.attributes.model = 'gpt-4'", ""),
        ("span.attributes.model RLIKE '^gpt-4$'", "A"),
        ("span.content LIKE '%☃%'", "A"),
        ("span.content ILIKE '%berlin%'", "A"),
        ("trace.text LIKE '%paris%'", "B"),
        ("feedback.q > 0.5", "DA"),
        ("feedback.q >= 5", "D"),
        ("feedback.q < 1", "A"),
        ("feedback.q = 'yes'", "B"),
        ("feedback.q = 'true'", "C"),
        ("feedback.q = '0.9'", "A"),
        ("feedback.q != 'yes'", "CDAF"),
        ("feedback.q LIKE '%e%'", "CB"),
        ("feedback.q IS NULL", "E"),
        ("feedback.q IS NOT NULL", "CDBAF"),
        ("feedback.`a b` = 'x'", "C"),
        ("feedback.sess = 'good'", "DBA"),
        ("expectation.exp = 'Berlin'", "A"),
        ("expectation.exp > 40", "B"),
        ("expectation.exp = '42'", ""),
        ("expectation.exp = '42.0'", "B"),
        ("prompt = 'pp/1'", "B"),
        ("trace.prompt = 'pp/1'", "B"),
        ("status = 'OK' and tags.t = 'Foo'", "A"),
        ("status = 'OK' AND", "DAE"),
    ] {
        assert_eq!(found(filter, &[]).as_deref(), Ok(expected), "{filter}");
    }
}

#[test]
fn orders_are_those_of_mlflows_server() {
    for (order, expected) in [
        (&["timestamp"][..], "FEABCD"),
        (&["execution_time"], "CFABED"),
        (&["execution_time DESC"], "EBAFCD"),
        (&["status"], "BCDAEF"),
        (&["status DESC"], "FDAECB"),
        (&["name"], "CADBFE"),
        (&["name DESC"], "FBDACE"),
        (&["end_time"], "FACDBE"),
        (&["tags.t"], "CADBFE"),
        (&["metadata.m"], "ABCDEF"),
        (&["request_id DESC"], "FEDCBA"),
        (&["status", "execution_time DESC"], "BCEADF"),
        (&["metadata.`mlflow.trace.session`"], "BACDEF"),
    ] {
        assert_eq!(found("", order).as_deref(), Ok(expected), "{order:?}");
    }
}

#[test]
fn mistakes_are_refused() {
    for filter in [
        "attr.status = 'OK'",
        "spans.name = 'x'",
        "trace_metadata.m = '1'",
        "a.b.c = 'x'",
        "trace_id = 'x'",
        "state = 'OK'",
        "STATUS = 'OK'",
        "timestamp > '1'",
        "timestamp > 1.5",
        "timestamp IN ('1')",
        "timestamp LIKE '1'",
        "execution_time IS NULL",
        "status IS NULL",
        "status > 'A'",
        "name IN ('a')",
        "run_id IN ('a')",
        "tags.t IN ('a')",
        "tags.t > '5'",
        "tags.t = 5",
        "name = Foo",
        "feedback.q = 0.9",
        "feedback.q = true",
        "feedback.q > '0.5'",
        "feedback.q IN ('a')",
        "span.kind = 'x'",
        "span.content = 'x'",
        "span.attributes. = 'x'",
        "prompt LIKE 'x/1'",
        "prompt = 'pp'",
        "name RLIKE '('",
        "status = 'OK' OR status = 'ERROR'",
        " ",
    ] {
        assert!(matches!(found(filter, &[]), Err(Error::Invalid(_))), "{filter}");
    }
    for order in [
        "client_request_id",
        "prompt",
        "span.name",
        "feedback.q",
        "request_time",
        "a, b",
        "",
    ] {
        assert!(matches!(found("", &[order]), Err(Error::Invalid(_))), "{order}");
    }
    assert!(matches!(found("", &["name", "name DESC"]), Err(Error::Invalid(_))));
}

proptest! {
    #[test]
    fn a_cursor_of_the_default_order_reads_back(time in any::<i64>(), id in "[a-zé-]{1,9}") {
        let order = TraceOrder::parse(&[]).unwrap();
        prop_assert!(order.is_listing());
        let key = order.listed_key(time, &TraceId::stored(&id));
        prop_assert_eq!(TraceOrder::listing_cursor(key.bytes()), Some((time, TraceId::stored(&id))));
        prop_assert!(order.fits(key.bytes()));
    }

    #[test]
    fn any_filter_is_read_or_refused(filter in "\\PC{0,20}|(span|feedback|tags|trace)\\.[a-z]{0,3} (RLIKE|=|>) '?[(a-z0-9*]{0,4}'?") {
        let _ = TraceSearch::parse(&filter).is_ok();
    }
}
