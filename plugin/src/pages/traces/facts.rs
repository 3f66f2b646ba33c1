//! Facts about a trace as several pages say them.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::{Address, encoded};
use mlforge_ui::words::fill;
use mlforge_ui::{Words, number, time};
use serde_json::Value;

use crate::domain::id::ExperimentId;
use crate::domain::name::cut;
use crate::domain::trace::assessment::{Assessment, Content};
use crate::domain::trace::id::TraceId;
use crate::domain::trace::{Trace, TraceState};
use crate::pages::parts;
use crate::request::site::Site;
use crate::store::traces::usage;

pub use crate::store::traces::usage::cost;

/// Nanoseconds of a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// Number of characters of an assessment's value that a mark shows.
const VALUE_CHARS_MAX: usize = 40;
/// Number of characters of an assessment's name that a mark shows.
const NAME_CHARS_MAX: usize = 40;

/// The address of a trace's page.
pub fn address_of(site: &Site, id: &TraceId) -> String {
    site.page(&format!("traces/{}", encoded(id.as_str())))
}

/// The address of a session's page.
pub fn session_address(site: &Site, experiment: ExperimentId, session: &str) -> Address {
    Address::new(super::address_of(site, experiment, "/session")).with("id", session)
}

/// The name of a trace, or its id.
pub fn name_of(trace: &Trace) -> String {
    let name = trace.name().filter(|name| !name.trim().is_empty());
    parts::name(name.unwrap_or(trace.id.as_str()))
}

/// The mark of a trace's state with its word, which only screen readers get if `is_short`.
pub fn state(words: &Words, state: TraceState, is_short: bool) -> Markup {
    let (class, icon, word) = match state {
        TraceState::Ok => ("fin", Icon::Ok, words.traces.ok),
        TraceState::Error => ("fail", Icon::Fail, words.traces.error),
        TraceState::InProgress => ("run", Icon::Run, words.traces.in_progress),
        TraceState::Unspecified => ("mut", Icon::File, words.traces.unspecified),
    };
    html! { span class={ "st " (class) } { (icon.draw()) span.vh[is_short] { (word) } } }
}

/// The duration of a trace. Empty: unknown.
pub fn duration(words: &Words, trace: &Trace) -> String {
    let known = trace.duration_ms.and_then(|ms| u64::try_from(ms).ok());
    known.map_or_else(String::new, |ms| time::latency(words, ms.saturating_mul(NS_PER_MS)))
}

/// The numbers of tokens that a trace used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens that models read. `None`: unknown.
    pub input: Option<i64>,
    /// Tokens that models wrote. `None`: unknown.
    pub output: Option<i64>,
    /// All. `None`: unknown.
    pub total: Option<i64>,
}

/// The tokens of a trace. Their sum is all, if it does not tell that.
pub fn tokens(trace: &Trace) -> Tokens {
    let count = |name| usage::tokens(trace, name);
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    let sum = || Some(input?.saturating_add(output?));
    Tokens {
        input,
        output,
        total: count("total_tokens").or_else(sum),
    }
}

/// A cost for people.
pub fn cost_text(cost: f64) -> String {
    format!("${}", number::metric(cost))
}

/// The value of an assessment as people read it: a text without its quotes.
pub fn value_of(words: &Words, assessment: &Assessment) -> String {
    let json = assessment.content.value();
    match (serde_json::from_str::<Value>(json), &assessment.content) {
        (_, Content::Feedback { error: Some(_), .. }) => words.traces.error.to_owned(),
        (Ok(Value::String(text)), _) => text,
        (Ok(Value::Bool(true)), _) => words.traces.yes.to_owned(),
        (Ok(Value::Bool(false)), _) => words.traces.no.to_owned(),
        (Ok(Value::Number(number)), _) => number.as_f64().map_or(json.to_owned(), number::metric),
        _ => json.to_owned(),
    }
}

/// The marks of the first valid assessments.
pub fn assessments(words: &Words, trace: &Trace, max: usize) -> Markup {
    let valid = || trace.assessments.iter().filter(|one| one.valid);
    let more = valid().count().saturating_sub(max);
    html! {
        @for one in valid().take(max) {
            (parts::tag(&cut(one.name.clone(), NAME_CHARS_MAX), &cut(value_of(words, one), VALUE_CHARS_MAX))) " "
        }
        @if more > 0 { span.mut { (fill(words.traces.and_more, &[&more.to_string()])) } }
    }
}

/// About the number of bytes in HTML of the marks of these assessments.
pub fn assessment_bytes(trace: &Trace, max: usize) -> usize {
    let shown = trace.assessments.iter().filter(|one| one.valid).take(max);
    let bytes = |one: &Assessment| {
        let name = parts::html_bytes(&cut(one.name.clone(), NAME_CHARS_MAX));
        2 * (name + 6 * VALUE_CHARS_MAX) + 60
    };
    shown.map(bytes).sum()
}
