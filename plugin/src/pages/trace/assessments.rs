//! The assessments of a trace, and the forms that add and delete one.

use maud::{Markup, html};
use mlforge_ui::time;
use mlforge_ui::words::fill;

use super::{Refused, View, answer, trace_id};
use crate::domain::name::missing;
use crate::domain::trace::assessment::{Assessment, Content, SourceType, new_id};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::random::random_id;
use crate::pages::forms::{self, TextField};
use crate::pages::traces::facts;
use crate::pages::{form_token, parts, see_other};
use crate::request::call::Call;
use crate::request::json_value::doubled;
use crate::request::response::Answer;
use crate::store::traces;

/// Bytes in HTML of all assessments, and of one without its texts.
const BYTES_MAX: usize = 14_000;
const ROW_BYTES: usize = 900;
/// Bytes in HTML of a value, and of a rationale.
const TEXT_BYTES_MAX: usize = 1_500;
/// Largest number of characters of a name, a value and a rationale in the form.
const NAME_CHARS_MAX: usize = 250;
const VALUE_CHARS_MAX: usize = 1_000;
const RATIONALE_CHARS_MAX: usize = 4_000;

/// An assessment as the form sends it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::pages) struct Sent<'a> {
    name: &'a str,
    value: &'a str,
    rationale: &'a str,
    is_expectation: bool,
}

/// Draws the assessments, and for writers the form.
pub(super) fn draw(view: &View<'_>, refused: Option<&Refused<'_>>) -> Markup {
    let words = view.call.site.words();
    let all = &view.trace.assessments;
    let shown = parts::fitting(all, BYTES_MAX, |one| {
        let source = 2 * parts::html_bytes(&parts::name(&one.source));
        let texts = [one.content.value(), one.rationale.as_deref().unwrap_or_default()];
        let texts = texts.iter().map(|text| parts::html_bytes(text).min(TEXT_BYTES_MAX));
        ROW_BYTES + 3 * parts::html_bytes(&parts::name(&one.name)) + source + texts.sum::<usize>()
    });
    let rest = all.len() - shown;
    html! {
        section aria-labelledby="assessments" {
            div.bar { h2 #assessments { (words.traces.assessments) } }
            @if all.is_empty() {
                p.mut { (words.common.none) }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(words.traces.assessments_table) {
                    table {
                        caption.vh { (words.traces.assessments_table) }
                        thead {
                            tr {
                                th scope="col" { (words.common.name) }
                                th scope="col" { (words.experiment_page.tag_value) }
                                th scope="col" { (words.traces.source) }
                                th.opt scope="col" { (words.traces.rationale) }
                                @if view.call.may_write { th scope="col" { span.vh { (words.common.delete) } } }
                            }
                        }
                        tbody { @for one in all.iter().take(shown) { (row(view, one)) } }
                    }
                }
                @if rest > 0 { p.mut.small { (fill(words.traces.and_more, &[&rest.to_string()])) } }
            }
            @if view.call.may_write { (form(view, refused)) }
        }
    }
}

fn row(view: &View<'_>, one: &Assessment) -> Markup {
    let (site, words) = (view.call.site, view.call.site.words());
    let (name, value) = (parts::name(&one.name), facts::value_of(words, one));
    let source = match one.source_type {
        SourceType::Human => words.traces.by_human,
        SourceType::Judge => words.traces.by_judge,
        SourceType::Code => words.traces.by_code,
        SourceType::Unspecified => "",
    };
    html! {
        tr {
            th scope="row" {
                bdi { (name) } " "
                span.tag { (kind(view, one)) }
                @if !one.valid { " " span.tag { (words.traces.replaced) } }
                @if let Some(span) = &one.span {
                    " "
                    a.small href={ (view.address().with("span", parts::clipped(span, 32))) "#span" } { (words.traces.span) }
                }
            }
            td { bdi { (parts::clipped(&value, TEXT_BYTES_MAX)) } }
            td.mut { (source) " " bdi { (parts::name(&one.source)) } br; (time::ago(words, one.updated_ms, now_ms())) }
            td.opt { @if let Some(text) = &one.rationale { bdi { (parts::clipped(text, TEXT_BYTES_MAX)) } } }
            @if view.call.may_write {
                td.num {
                    (forms::button(site, &view.below("/assessments/delete"), &[("assessment_id", &one.id)], words.common.delete,
                        &format!("{} {name}", words.common.delete)))
                }
            }
        }
    }
}

fn kind(view: &View<'_>, one: &Assessment) -> &'static str {
    let words = &view.call.site.words().traces;
    match one.content {
        Content::Feedback { .. } => words.feedback,
        Content::Expectation { .. } | Content::Serialized { .. } => words.expectation,
        Content::Issue { .. } => words.issue,
    }
}

fn form(view: &View<'_>, refused: Option<&Refused<'_>>) -> Markup {
    let words = view.call.site.words();
    let (sent, mistake) = match refused {
        Some(Refused::Assessment(sent, mistake)) => (**sent, Some(*mistake)),
        _ => (Sent::default(), None),
    };
    let field = |id: &'static str, label, value, chars_max| TextField {
        id,
        name: id,
        label,
        value,
        chars_max,
        ..TextField::default()
    };
    let name = TextField {
        is_required: true,
        mistake,
        ..field("name", words.common.name, sent.name, NAME_CHARS_MAX)
    };
    let answer = TextField {
        hint: words.traces.value_hint,
        ..field("answer", words.experiment_page.tag_value, sent.value, VALUE_CHARS_MAX)
    };
    html! {
        br;
        details open[mistake.is_some()] {
            summary { (words.traces.add_assessment) }
            form method="post" action=(view.below("/assessments")) {
                (form_token(view.call.site))
                div.field {
                    label for="kind" { (words.traces.kind) }
                    select #kind name="kind" {
                        option value="feedback" { (words.traces.feedback) }
                        option value="expectation" selected[sent.is_expectation] { (words.traces.expectation) }
                    }
                }
                (name.draw())
                (answer.draw())
                (field("rationale", words.traces.rationale, sent.rationale, RATIONALE_CHARS_MAX).draw())
                button.btn { (words.traces.add_assessment) }
            }
        }
    }
}

/// Adds an assessment, and shows the trace.
pub async fn add(call: Call<'_>) -> Result<Answer> {
    let id = trace_id(&call)?;
    let text = |name| call.params.text(name).map(Option::unwrap_or_default);
    let sent = Sent {
        name: text("name")?.trim(),
        value: text("answer")?,
        rationale: text("rationale")?,
        is_expectation: text("kind")? == "expectation",
    };
    let new = match assessment(&call, &sent) {
        Err(Error::Invalid(mistake)) => return answer(&call, Some(&Refused::Assessment(&sent, &mistake))).await,
        new => new?,
    };
    match traces::change(&id, sent.name, |trace| trace.add_assessment(new.clone())).await {
        Err(Error::Invalid(mistake)) => answer(&call, Some(&Refused::Assessment(&sent, &mistake))).await,
        added => {
            added?;
            Ok(see_other(facts::address_of(call.site, &id)))
        }
    }
}

/// The assessment that a reader gives.
fn assessment(call: &Call<'_>, sent: &Sent<'_>) -> Result<Assessment> {
    if sent.name.is_empty() {
        return Err(missing("name"));
    }
    if sent.name.chars().count() > NAME_CHARS_MAX {
        return Err(Error::Invalid(format!(
            "The name may have at most {NAME_CHARS_MAX} characters."
        )));
    }
    let value = value_of(sent.value);
    let content = match sent.is_expectation {
        true => Content::Expectation { value },
        false => Content::Feedback { value, error: None },
    };
    let now_ms = now_ms();
    Ok(Assessment {
        id: new_id(random_id()),
        name: sent.name.to_owned(),
        span: None,
        source_type: SourceType::Human,
        source: call.actor.login.clone(),
        created_ms: now_ms,
        updated_ms: now_ms,
        content,
        rationale: Some(sent.rationale.to_owned()).filter(|text| !text.is_empty()),
        metadata: std::collections::BTreeMap::new(),
        overrides: None,
        valid: true,
    })
}

/// The JSON text of a typed value. What is no JSON is a text.
fn value_of(typed: &str) -> String {
    let json = serde_json::from_str(typed).unwrap_or_else(|_| typed.into());
    doubled(json).to_string()
}

/// Deletes an assessment, and shows the trace.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let id = trace_id(&call)?;
    let assessment = call.params.required_text("assessment_id")?;
    traces::change(&id, assessment, |trace| Ok(trace.remove_assessment(assessment))).await?;
    Ok(see_other(facts::address_of(call.site, &id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_value_is_json_or_a_text() {
        for (typed, json) in [
            ("true", "true"),
            ("4", "4.0"),
            ("good", "\"good\""),
            ("", "\"\""),
            ("[1]", "[1.0]"),
        ] {
            assert_eq!(value_of(typed), json);
        }
    }
}
