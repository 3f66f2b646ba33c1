//! The parameters and the tags of a run, in full.

use maud::{Markup, html};
use mlforge_ui::Words;

use super::head::{RunTab, head};
use super::metrics::{find, fits};
use super::tags::{TagForm, remove_button};
use super::view::{RunRead, View};
use crate::error::Result;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::response::Answer;

/// Number of pairs on a page, and of their bytes.
const PER_PAGE: usize = 200;
const BYTES_MAX: usize = 100_000;
/// Number of bytes of a button, besides the key that it names twice.
const BUTTON_BYTES: usize = 400;

/// Shows the parameters.
pub async fn params(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let pairs = view
        .full
        .params
        .iter()
        .map(|(key, value)| (key.as_ref(), value.as_ref()));
    let list = PairList::of(&view, "/params", pairs)?;
    let words = view.words;
    Ok(view.page(words.runs.params).answer(&html! {
        (head(&view, RunTab::Params))
        div.bar { (find(&view, &view.address("/params").to_string(), list.query, words.runs.find_param)) }
        @if list.pairs.is_empty() {
            p.mut { (if list.query.is_empty() { words.runs.no_params } else { words.runs.nothing_matches }) }
            @if list.query.is_empty() {
                pre.code tabindex="0" { code.copy { "mlflow.log_param(\"lr\", 3e-4)" } }
            }
        } @else {
            (list.table(words.runs.params, |_| html! {}))
            (list.pager(words))
        }
    }))
}

/// Shows the tags that users set, and the forms that change them.
pub async fn tags(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    tags_page(&view, 200, &TagForm::default())
}

/// The page of tags, with a form that was refused.
pub fn tags_page(view: &View<'_>, status: u16, form: &TagForm<'_>) -> Result<Answer> {
    let list = PairList::of(view, "/tags", view.own_tags())?;
    let words = view.words;
    let button = |key: &str| html! { @if view.may_change() { td { (remove_button(view, key)) } } };
    let main = html! {
        (head(view, RunTab::None))
        @if view.may_change() { (form.draw(view)) }
        section {
            div.bar {
                h2 { (words.runs.tags) }
                (find(view, &view.address("/tags").to_string(), list.query, words.runs.find_tag))
            }
            @if list.pairs.is_empty() {
                p.mut { (if list.query.is_empty() { words.runs.no_tags } else { words.runs.nothing_matches }) }
            } @else {
                (list.table(words.runs.tags, button))
                (list.pager(words))
            }
        }
    };
    Ok(view.page(words.runs.tags).answer_with(status, &main))
}

/// A page of pairs whose keys contain the text in the address.
struct PairList<'a> {
    query: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
    first: Option<String>,
    next: Option<String>,
}

impl<'a> PairList<'a> {
    fn of(view: &View<'a>, below: &str, all: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let params = &view.call.params;
        let query = params.text("q")?.unwrap_or_default().trim();
        let from = usize::try_from(params.integer("from")?.unwrap_or(0)).unwrap_or(0);
        let wanted = query.to_lowercase();
        let mut rest = all.filter(|(key, _)| fits(key, &wanted)).skip(from).peekable();
        let (mut pairs, mut bytes) = (Vec::new(), 0);
        while let Some((key, value)) = rest.next_if(|(key, value)| {
            let button = BUTTON_BYTES + 2 * parts::html_bytes(key);
            bytes += parts::row_bytes(key, value) + if view.may_change() { button } else { 0 };
            pairs.is_empty() || pairs.len() < PER_PAGE && bytes <= BYTES_MAX
        }) {
            pairs.push((key, value));
        }
        let address = view.address(below).with_filled("q", query);
        let next = rest
            .next()
            .map(|_| address.clone().with("from", (from + pairs.len()).to_string()));
        Ok(PairList {
            query,
            pairs,
            first: (from > 0).then(|| address.to_string()),
            next: next.map(|next| next.to_string()),
        })
    }

    fn table(&self, caption: &str, end: impl Fn(&str) -> Markup) -> Markup {
        html! {
            table.kv {
                caption.vh { (caption) }
                tbody {
                    @for (key, value) in &self.pairs {
                        tr { th scope="row" { bdi { (key) } } td { (parts::value(value)) } (end(key)) }
                    }
                }
            }
        }
    }

    fn pager(&self, words: &Words) -> Markup {
        parts::pager(words, self.first.as_deref(), self.next.as_deref())
    }
}
