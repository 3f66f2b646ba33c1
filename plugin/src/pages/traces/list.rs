//! The table of an experiment's traces, with its filter and order.

use maud::{Markup, html};

use super::asked::Asked;
use super::{View, bar, table};
use crate::domain::trace::TraceState;
use crate::error::{Error, Result};
use crate::pages::experiment::head::{Head, Tab};
use crate::pages::{parts, registry};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::{Cursor, Pages};
use crate::search::traces::{TraceOrder, TraceSearch};
use crate::store::traces::search::{TracePage, TraceQuery, find};

/// Number of traces on a page.
const PER_PAGE: usize = 50;
/// Number of bytes in HTML of the rows of a page. Longer texts make fewer rows.
const ROWS_BYTES_MAX: usize = 90_000;
/// Seconds after which a page with a trace that goes on is fetched again.
const REFRESH_S: u32 = 15;

/// The traces of a page.
struct Shown {
    page: TracePage,
    /// The token of the next page. `None`: this is the last.
    next: Option<String>,
}

/// Shows the traces of an experiment.
pub async fn show(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let site = call.site;
    let head = Head::read(asked.experiment).await?;
    let page = head.page(&call, Tab::Traces);
    let search = match TraceSearch::read(asked.filter) {
        Ok(search) => search,
        Err(mistake) => return Ok(bar::mistaken(&call, &head, &asked, View::Traces, &mistake)),
    };
    let shown = match find_page(&asked, search).await {
        Err(Error::TooLarge(reason)) => {
            let main = html! { (head.draw(&call, Tab::Traces)) (bar::draw(site, &asked, View::Traces, false)) (too_many(site, &asked, &reason)) };
            return Ok(page.answer_with(413, &main));
        }
        shown => shown?,
    };
    let goes_on = shown
        .page
        .traces
        .iter()
        .any(|trace| trace.state == TraceState::InProgress);
    let page = if goes_on { page.refreshed(REFRESH_S) } else { page };
    Ok(page.answer(&html! {
        (head.draw(&call, Tab::Traces))
        (bar::draw(site, &asked, View::Traces, false))
        (main_part(&call, &asked, &shown))
    }))
}

/// Searches the page of traces, as many as fit.
async fn find_page(asked: &Asked<'_>, search: TraceSearch) -> Result<Shown> {
    let item = asked.order_item();
    let order = TraceOrder::parse(&item.iter().map(String::as_str).collect::<Vec<_>>())?;
    let pages = Pages::of(("traces page", asked.experiment.0, asked.filter, &item));
    let query = TraceQuery {
        search,
        after: pages.after(asked.token, |bytes| order.fits(bytes))?,
        count: PER_PAGE,
        order,
    };
    let mut page = find(&[asked.experiment], &query).await?;
    let fitting = parts::fitting(&page.traces, ROWS_BYTES_MAX, |trace| table::row_bytes(trace));
    if fitting < page.traces.len() {
        page.traces.truncate(fitting);
        let last = page.traces.last();
        page.next = last.map(|trace| Cursor::new(query.order.key(trace).bytes().to_vec()));
    }
    let next = page.next.as_ref().map(|cursor| pages.token(cursor));
    Ok(Shown { page, next })
}

/// The note about an order that would look at too many traces.
fn too_many(site: &Site, asked: &Asked<'_>, reason: &str) -> Markup {
    html! {
        div.note role="alert" {
            p { (reason) }
            p { a href=(asked.address(site, "/traces").without("sort").without("desc")) { (site.words().traces.newest_first) } }
        }
    }
}

fn main_part(call: &Call<'_>, asked: &Asked<'_>, shown: &Shown) -> Markup {
    let (site, words) = (call.site, call.site.words());
    let address = || asked.address(site, "/traces");
    let first = (!asked.token.is_empty()).then(|| address().to_string());
    let next = shown
        .next
        .as_ref()
        .map(|token| address().with("page_token", token).to_string());
    let pager = parts::pager(words, first.as_deref(), next.as_deref());
    html! {
        @if !shown.page.traces.is_empty() {
            (table::form(call, asked, &shown.page.traces, &pager))
        } @else if asked.filter.is_empty() && asked.token.is_empty() {
            (nothing(site, asked))
        } @else {
            // A search for rare traces ends its page early, and goes on in the next one.
            p.mut {
                (if shown.next.is_some() { words.traces.nothing_yet } else { words.traces.nothing_matches }) " "
                a href=(super::address_of(site, asked.experiment, "/traces")) { (words.experiment_page.show_all) }
            }
            (pager)
        }
    }
}

fn nothing(site: &Site, asked: &Asked<'_>) -> Markup {
    html! {
        p.mut { (site.words().traces.none) }
        pre.code tabindex="0" {
            code.copy {
                "import mlflow\n\n"
                "mlflow.set_experiment(experiment_id=\"" (asked.experiment) "\")\n\n"
                "@mlflow.trace\n"
                "def answer(question):\n"
                "    return \"42\"\n\n"
                "answer(\"What is the answer?\")"
            }
        }
        (registry::lines_before(site))
    }
}
