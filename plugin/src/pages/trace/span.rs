//! One span in detail: its messages or its inputs and outputs, its events, attributes and links.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::words::fill;
use mlforge_ui::{Words, number, time};

use super::View;
use crate::convert::to_u64;
use crate::domain::name::cut;
use crate::domain::trace::chat::{self, Message};
use crate::domain::trace::id::{TraceId, hex};
use crate::domain::trace::span::{
    INPUTS_ATTRIBUTE, OUTPUTS_ATTRIBUTE, REQUEST_ID_ATTRIBUTE, Span, SpanEvent, SpanStatus, TYPE_ATTRIBUTE,
};
use crate::domain::trace::value::Value;
use crate::error::Result;
use crate::pages::parts;
use crate::pages::traces::facts;
use crate::request::call::Call;

/// The attribute in which some clients put the messages of a chat.
const CHAT_ATTRIBUTE: &str = "mlflow.chat.messages";
/// Bytes in HTML of the inputs, or of the outputs; of all messages; of all attributes; and of all events.
const VALUE_BYTES_MAX: usize = 9_000;
const MESSAGES_BYTES_MAX: usize = 16_000;
const ATTRIBUTES_BYTES_MAX: usize = 9_000;
const EVENTS_BYTES_MAX: usize = 9_000;
/// Bytes in HTML of a part that is shown alone.
const PART_BYTES_MAX: usize = 110_000;
/// Largest number of messages, and of links, that are shown.
const MESSAGES_MAX: usize = 40;
const LINKS_MAX: usize = 10;
/// Bytes in HTML of a message, or of an event, without its texts.
const MESSAGE_BYTES: usize = 120;
/// Bytes in HTML of the least that is shown of a message.
const MESSAGE_BYTES_MIN: usize = 300;
/// Characters of a role.
const ROLE_CHARS_MAX: usize = 20;

/// A part of a span that can be shown alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Inputs,
    Outputs,
    Attributes,
    Events,
}

impl Part {
    const ALL: [(Part, &'static str); 4] = [
        (Part::Inputs, "inputs"),
        (Part::Outputs, "outputs"),
        (Part::Attributes, "attributes"),
        (Part::Events, "events"),
    ];

    /// Reads the address. `None`: the whole page is asked for.
    pub(super) fn of(call: &Call<'_>) -> Result<Option<Self>> {
        let asked = call.params.text("part")?.unwrap_or_default();
        Ok(Self::ALL.iter().find(|(_, word)| *word == asked).map(|(part, _)| *part))
    }

    fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(part, _)| *part == self)
            .map_or("", |(_, word)| word)
    }

    fn title(self, words: &Words) -> &'static str {
        match self {
            Part::Inputs => words.traces.input,
            Part::Outputs => words.traces.output,
            Part::Attributes => words.traces.attributes,
            Part::Events => words.traces.events,
        }
    }

    /// The text of the part, about as many bytes as are asked for.
    fn text(self, span: &Span, bytes_max: usize) -> String {
        let attribute = |key| span.attribute(key).map(|value| value.pretty(bytes_max));
        match self {
            Part::Inputs => attribute(INPUTS_ATTRIBUTE).unwrap_or_default(),
            Part::Outputs => attribute(OUTPUTS_ATTRIBUTE).unwrap_or_default(),
            Part::Attributes => Value::Map(span.attributes.clone()).pretty(bytes_max),
            Part::Events => {
                let event =
                    |event: &SpanEvent| Value::Map(vec![(event.name.clone(), Value::Map(event.attributes.clone()))]);
                Value::List(span.events.iter().map(event).collect()).pretty(bytes_max)
            }
        }
    }
}

/// The class of a span's bar: by the kind of its work, and one of its own for errors.
pub(super) fn kind_class(span: &Span) -> &'static str {
    match (span.status, span.kind_of_work()) {
        (SpanStatus::Error, _) => "t6",
        (_, "LLM" | "CHAT_MODEL" | "EMBEDDING" | "RERANKER") => "t2",
        (_, "TOOL" | "RETRIEVER" | "PARSER" | "MEMORY") => "t3",
        _ => "t1",
    }
}

/// The mark of a span's status, with its word for screen readers.
pub(super) fn status(words: &Words, status: SpanStatus) -> Markup {
    let (class, icon, word) = match status {
        SpanStatus::Error => ("fail", Icon::Fail, words.traces.error),
        SpanStatus::Ok => ("fin", Icon::Ok, words.traces.ok),
        SpanStatus::Unset => ("mut", Icon::Commit, words.traces.unspecified),
    };
    html! { span class={ "st " (class) } { (icon.draw()) span.vh { (word) } } }
}

/// The duration of a span. Empty: it has no end.
pub(super) fn took(words: &Words, span: &Span) -> String {
    match span.end_ns {
        0 => String::new(),
        end_ns => time::latency(words, end_ns.saturating_sub(span.start_ns)),
    }
}

/// The section about a span.
pub(super) fn draw(view: &View<'_>, span: &Span) -> Markup {
    let words = view.call.site.words();
    let (inputs, outputs) = (span.attribute(INPUTS_ATTRIBUTE), span.attribute(OUTPUTS_ATTRIBUTE));
    let messages = chat::messages(span.attribute(CHAT_ATTRIBUTE).or(inputs), outputs);
    html! {
        section aria-labelledby="chosen" {
            div.bar {
                (status(words, span.status))
                h2 #chosen { bdi { (parts::name(&span.name)) } }
                span.mut { bdi { (parts::name(span.kind_of_work())) } " · " (took(words, span)) }
            }
            @if !span.message.is_empty() {
                div.note { p { bdi { (parts::clipped(&span.message, VALUE_BYTES_MAX / 2)) } } }
            }
            @if !messages.is_empty() { (conversation(words, &messages)) }
            @if messages.is_empty() {
                @if inputs.is_some() { (block(view, span, Part::Inputs)) }
                @if outputs.is_some() { (block(view, span, Part::Outputs)) }
                @if inputs.is_none() && outputs.is_none() { p.mut { (words.traces.no_values) } }
            } @else {
                p.row {
                    a.small href=(alone(view, span, Part::Inputs)) { (words.traces.raw_input) }
                    a.small href=(alone(view, span, Part::Outputs)) { (words.traces.raw_output) }
                }
            }
        }
        (events(view, span))
        (attributes(view, span))
        (links(view, span))
    }
}

fn alone(view: &View<'_>, span: &Span, part: Part) -> String {
    view.address()
        .with("span", hex(&span.id))
        .with("part", part.word())
        .to_string()
}

/// The inputs or the outputs.
fn block(view: &View<'_>, span: &Span, part: Part) -> Markup {
    let words = view.call.site.words();
    let text = part.text(span, VALUE_BYTES_MAX);
    let shown = parts::clipped(&text, VALUE_BYTES_MAX);
    html! {
        h3 { (part.title(words)) }
        pre.code tabindex="0" { code { bdi { (shown) @if shown.len() < text.len() { "…" } } } }
        @if shown.len() < text.len() { p { a.small href=(alone(view, span, part)) { (words.traces.show_more) } } }
    }
}

/// A part of a span alone, as much of it as a page may have.
pub(super) fn part_alone(view: &View<'_>, span: &Span, part: Part) -> Markup {
    let words = view.call.site.words();
    let text = part.text(span, PART_BYTES_MAX);
    let shown = parts::clipped(&text, PART_BYTES_MAX);
    html! {
        section aria-labelledby="part" {
            div.bar {
                h2 #part { bdi { (parts::name(&span.name)) } " · " (part.title(words)) }
                a href={ (view.address().with("span", hex(&span.id))) "#span" } { (words.traces.back_to_trace) }
            }
            @if shown.len() < text.len() { p.mut { (words.traces.rest_in_json) } }
            pre.code tabindex="0" { code.copy { bdi { (shown) @if shown.len() < text.len() { "…" } } } }
        }
    }
}

/// The messages of a chat. The last ones matter most, so the first ones are left out if there are many.
fn conversation(words: &Words, messages: &[Message]) -> Markup {
    let left_out = messages.len().saturating_sub(MESSAGES_MAX);
    let last = messages.get(left_out..).unwrap_or_default();
    let share = MESSAGES_BYTES_MAX / last.len().max(1);
    let bytes_max = share.saturating_sub(MESSAGE_BYTES).max(MESSAGE_BYTES_MIN);
    html! {
        @if left_out > 0 { p.mut { (fill(words.traces.earlier_messages, &[&number::count(to_u64(left_out))])) } }
        dl {
            @for message in last {
                dt { bdi { (role(words, &message.role)) } }
                dd { (self::message(words, message, bytes_max)) }
            }
        }
    }
}

fn role(words: &Words, role: &str) -> String {
    match role {
        "user" => words.traces.user.to_owned(),
        "assistant" | "model" => words.traces.assistant.to_owned(),
        "system" | "developer" => words.traces.system.to_owned(),
        "tool" | "function" => words.traces.tool.to_owned(),
        other => cut(other.to_owned(), ROLE_CHARS_MAX),
    }
}

fn message(words: &Words, message: &Message, bytes_max: usize) -> Markup {
    let shown = parts::clipped(&message.text, bytes_max);
    let rest = bytes_max.saturating_sub(parts::html_bytes(shown));
    let of_call = rest / message.calls.len().max(1);
    let calls = parts::fitting(&message.calls, rest, |_| MESSAGE_BYTES + 40);
    html! {
        @if !message.text.is_empty() {
            pre.code tabindex="0" { bdi { (shown) @if shown.len() < message.text.len() { "…" } } }
        }
        @for call in message.calls.iter().take(calls) {
            p.mut { (words.traces.calls) " " code { bdi { (parts::clipped(&call.name, of_call.min(300))) } } }
            pre.code tabindex="0" { bdi { (parts::clipped(&call.arguments, of_call)) } }
        }
    }
}

fn events(view: &View<'_>, span: &Span) -> Markup {
    let words = view.call.site.words();
    let share = EVENTS_BYTES_MAX / span.events.len().clamp(1, 5);
    let shown = parts::fitting(&span.events, EVENTS_BYTES_MAX, |event| {
        MESSAGE_BYTES + parts::html_bytes(&parts::name(&event.name)) + share.min(2 * event_text(event, share).len())
    });
    html! {
        @if !span.events.is_empty() {
            section aria-labelledby="events" {
                div.bar {
                    h2 #events { (words.traces.events) }
                    @if shown < span.events.len() { a.small href=(alone(view, span, Part::Events)) { (words.traces.show_more) } }
                }
                @for event in span.events.iter().take(shown) {
                    p {
                        strong { bdi { (parts::name(&event.name)) } } " "
                        span.mut { (time::latency(words, event.time_ns.saturating_sub(span.start_ns))) }
                    }
                    @if !event.attributes.is_empty() {
                        pre.code tabindex="0" { bdi { (parts::clipped(&event_text(event, share), share)) } }
                    }
                }
            }
        }
    }
}

/// The attributes of an event, a line for each. A stack trace has its own lines.
fn event_text(event: &SpanEvent, bytes_max: usize) -> String {
    let line = |(key, value): &(String, Value)| format!("{key}: {}\n", value.pretty(bytes_max));
    event.attributes.iter().map(line).collect()
}

/// The attributes that are not shown elsewhere.
fn attributes(view: &View<'_>, span: &Span) -> Markup {
    let words = view.call.site.words();
    let others = [
        INPUTS_ATTRIBUTE,
        OUTPUTS_ATTRIBUTE,
        REQUEST_ID_ATTRIBUTE,
        TYPE_ATTRIBUTE,
        CHAT_ATTRIBUTE,
    ];
    let own = span
        .attributes
        .iter()
        .filter(|(key, _)| !others.contains(&key.as_str()));
    let own: Vec<(&str, String)> = own
        .map(|(key, value)| {
            let text = value
                .as_text()
                .map_or_else(|| value.pretty(ATTRIBUTES_BYTES_MAX), str::to_owned);
            (key.as_str(), parts::clipped(&text, ATTRIBUTES_BYTES_MAX / 3).to_owned())
        })
        .collect();
    let shown = parts::fitting(&own, ATTRIBUTES_BYTES_MAX, |(key, value)| parts::row_bytes(key, value));
    html! {
        @if !own.is_empty() {
            section aria-labelledby="attributes" {
                div.bar {
                    h2 #attributes { (words.traces.attributes) }
                    a.small href=(alone(view, span, Part::Attributes)) { (words.traces.show_all) }
                }
                (parts::key_values(own.iter().take(shown).map(|(key, value)| (clipped_key(key), parts::value(value)))))
            }
        }
    }
}

fn clipped_key(key: &str) -> &str {
    parts::clipped(key, 1_000)
}

/// The links to spans of other traces.
fn links(view: &View<'_>, span: &Span) -> Markup {
    let (site, words) = (view.call.site, view.call.site.words());
    let others = span.links.iter().take(LINKS_MAX).filter_map(|link| {
        let trace: [u8; 16] = link.trace.as_slice().try_into().ok()?;
        Some((TraceId::of_telemetry(trace), hex(&link.span)))
    });
    html! {
        @if !span.links.is_empty() {
            section aria-labelledby="links" {
                div.bar { h2 #links { (words.traces.linked_spans) } }
                ul {
                    @for (trace, span) in others {
                        li { a.mono href=(facts::address_of(site, &trace)) { (trace) } " " code.mut { (parts::clipped(&span, 32)) } }
                    }
                }
            }
        }
    }
}
