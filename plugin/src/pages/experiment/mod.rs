//! The page of an experiment: its runs in a table.
//!
//! The address has the whole state: filter, order, columns, stages and page. Without columns, those count that the reader chose
//! last, which the browser remembers. `asked` reads it, `found` makes the search, and
//! `budget` says how many runs fit. `table` shows these, with what `histories` draws. `export` sends the same runs and columns
//! as a file. `details` has what can be changed of the experiment, `bulk` what can be changed of chosen runs.

use maud::{Markup, html};

use super::{Page, see_other};
use crate::domain::lifecycle::View;
use crate::domain::run::Status;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::search::mistake::FilterMistake;
use crate::search::runs::RunFilter;

mod asked;
mod bar;
mod budget;
pub mod bulk;
mod cell;
pub mod changes;
mod column;
pub mod details;
pub mod export;
mod found;
pub mod head;
mod histories;
mod keys;
pub mod log;
mod nesting;
mod table;

use asked::Asked;
use head::{Head, Tab};
use histories::Histories;

/// Seconds after which a page with a run that is running is fetched again.
const REFRESH_S: u32 = 15;

/// Shows the runs of an experiment.
pub async fn show(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let (choice, yes) = asked::CHOICE;
    if call.params.text(choice)? == Some(yes) {
        let chosen = see_other(asked.address(call.site, "").to_string());
        return Ok(chosen.remembering(asked.remembered()));
    }
    let asked = asked.or_remembered(&call.site.remembered);
    let head = Head::read(asked.experiment).await?;
    let view = asked.view_of(head.experiment.lifecycle.stage);
    let page = head.page(&call, Tab::Runs);
    let filter = match RunFilter::read(asked.filter) {
        Ok(filter) => filter,
        Err(mistake) => return Ok(mistaken(&call, &page, &head, &asked, view, &mistake)),
    };
    let found = found::find(&asked, filter, view).await?;
    let shown = found.shown(&asked)?;
    let histories = Histories::read(&asked, &shown).await?;
    let is_running = |status| matches!(status, Status::Running | Status::Scheduled);
    let page = if shown.runs.iter().any(|run| is_running(run.run.status)) {
        page.refreshed(REFRESH_S)
    } else {
        page
    };
    Ok(page.answer(&html! {
        (head.draw(&call, Tab::Runs))
        (runs(&call, &head, &asked, &histories, view))
    }))
}

/// The bar and the table, or what to do where no run is.
fn runs(call: &Call<'_>, head: &Head, asked: &Asked<'_>, histories: &Histories<'_>, view: View) -> Markup {
    let (site, own) = (call.site, &call.site.words().experiment_page);
    let shown = histories.shown;
    let is_first_look = !asked.is_narrowed() && asked.token.is_empty();
    html! {
        (bar::bar(site, asked, view, Some(shown)))
        @if !shown.runs.is_empty() {
            (histories.strip(site.words()))
            (table::form(call, asked, histories, view))
        } @else if is_first_look && view != View::DeletedOnly {
            h2 { (own.log_first_run) }
            (log::steps(site, &head.experiment))
        } @else {
            p.mut {
                (if asked.is_narrowed() { own.nothing_matches } else { own.no_runs }) " "
                a href=(head.address(site, "")) { (own.show_all) }
            }
        }
    }
}

/// The page about a filter that cannot be read. Nothing is searched.
fn mistaken(
    call: &Call<'_>,
    page: &Page<'_>,
    head: &Head,
    asked: &Asked<'_>,
    view: View,
    mistake: &FilterMistake,
) -> Answer {
    let main = html! {
        (head.draw(call, Tab::Runs))
        (bar::bar(call.site, asked, view, None))
        (bar::mistake(call.site, asked, mistake))
    };
    page.answer_with(400, &main)
}
