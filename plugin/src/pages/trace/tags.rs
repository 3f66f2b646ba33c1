//! The tags of a trace, and the forms that set and delete one.

use maud::{Markup, html};
use mlforge_ui::words::fill;

use super::{Refused, View, answer, trace_id};
use crate::domain::name::missing;
use crate::domain::trace::update::validate_tag_key;
use crate::error::{Error, Result};
use crate::pages::experiment::details::tag_fields;
use crate::pages::traces::facts;
use crate::pages::{form_token, forms, parts, see_other};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::traces;

/// Bytes in HTML of the tags, and of a button besides the key that it names twice.
const TAGS_BYTES_MAX: usize = 10_000;
const BUTTON_BYTES: usize = 450;

/// Draws the tags, and for writers the forms.
pub(super) fn draw(view: &View<'_>, refused: Option<&Refused<'_>>) -> Markup {
    let (call, trace) = (view.call, view.trace);
    let words = call.site.words();
    let (key, value, mistake) = match refused {
        Some(Refused::Tag(key, value, mistake)) => (*key, *value, Some(*mistake)),
        _ => ("", "", None),
    };
    let shown = parts::fitting(&trace.tags, TAGS_BYTES_MAX, |(key, value)| {
        let button = BUTTON_BYTES + view.below("").len() + 2 * parts::html_bytes(key);
        parts::row_bytes(key, value) + if call.may_write { button } else { 0 }
    });
    let rest = trace.tags.len() - shown;
    html! {
        section aria-labelledby="tags" {
            div.bar { h2 #tags { (words.registry.tags) } }
            @if trace.tags.is_empty() {
                p.mut { (words.common.none) }
            } @else {
                table.kv.plain {
                    caption.vh { (words.registry.tags) }
                    tbody { @for (key, value) in trace.tags.iter().take(shown) { (row(view, key, value)) } }
                }
            }
            @if rest > 0 { p.mut.small { (fill(words.traces.and_more, &[&rest.to_string()])) } }
            @if call.may_write {
                details open[mistake.is_some()] {
                    summary.small { (words.experiment_page.set_tag) }
                    form method="post" action=(view.below("/tags")) {
                        (form_token(call.site))
                        (tag_fields(call, key, value, mistake))
                        button.btn { (words.experiment_page.set_tag) }
                    }
                }
            }
        }
    }
}

fn row(view: &View<'_>, key: &str, value: &str) -> Markup {
    let (site, words) = (view.call.site, view.call.site.words());
    html! {
        tr {
            th scope="row" { bdi { (key) } }
            td { (parts::value(value)) }
            @if view.call.may_write {
                td.num {
                    (forms::button(site, &view.below("/tags/delete"), &[("key", key)], words.common.delete,
                        &fill(words.experiment_page.delete_tag, &[key])))
                }
            }
        }
    }
}

/// Sets a tag, and shows the trace.
pub async fn set(call: Call<'_>) -> Result<Answer> {
    let id = trace_id(&call)?;
    let text = |name| call.params.text(name).map(Option::unwrap_or_default);
    let (key, value) = (text("key")?.trim(), text("value")?);
    let valid = if key.is_empty() {
        Err(missing("key"))
    } else {
        validate_tag_key(key)
    };
    match valid {
        Ok(()) => {
            traces::set_tag(&id, key, value).await?;
            Ok(see_other(facts::address_of(call.site, &id)))
        }
        Err(Error::Invalid(mistake)) => answer(&call, Some(&Refused::Tag(key, value, &mistake))).await,
        Err(error) => Err(error),
    }
}

/// Deletes a tag, and shows the trace.
pub async fn delete(call: Call<'_>) -> Result<Answer> {
    let id = trace_id(&call)?;
    traces::delete_tag(&id, call.params.required_text("key")?).await?;
    Ok(see_other(facts::address_of(call.site, &id)))
}
