//! The trash: experiments and runs that were deleted and can still be restored.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::Address;
use mlforge_ui::time;
use mlforge_ui::words::fill;

use super::{Page, Section, form_token, parts};
use crate::domain::experiment::{Experiment, FullExperiment};
use crate::domain::id::RunId;
use crate::domain::lifecycle::{Stage, View};
use crate::domain::name::cut;
use crate::domain::run::Run;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::Pages;
use crate::search::experiments::{ExperimentFilter, ExperimentOrder};
use crate::store::experiments::search;
use crate::store::query::SearchQuery;
use crate::store::runs::{deleted, read};
use crate::store::top_k;

/// Number of experiments on a page, and of runs.
const PER_PAGE: usize = 50;
/// Maximum number of characters of a name in the list.
const NAME_CHARS_MAX: usize = 100;

/// A page of deleted runs.
struct DeletedRuns {
    /// The runs, each with the time of its deletion in milliseconds since the Unix epoch.
    runs: Vec<(Run, i64)>,
    /// The run after which the next page begins. `None`: this is the last one.
    next: Option<RunId>,
}

/// Shows what was deleted. Both lists have pages of their own.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let own = &words.experiment_page;
    let (token, after) = (text(&call, "page_token")?, text(&call, "after")?);
    let pages = Pages::of("trash page");
    let experiments = experiments(pages, token).await?;
    let runs = runs(after).await?;
    let here = || Address::new(site.page("trash"));
    let next_experiments = experiments.cursor_after(PER_PAGE).map(|cursor| pages.token(&cursor));
    let next_experiments = next_experiments.map(|token| here().with_filled("after", after).with("page_token", token));
    let next_runs = runs
        .next
        .map(|run| here().with_filled("page_token", token).with("after", run.to_string()));
    let first = |is_later: bool, other: &str, value: &str| is_later.then(|| here().with_filled(other, value));
    let page = Page::new(&call, Section::Trash, words.common.trash);
    Ok(page.answer(&html! {
        div.head { div { h1 { (words.common.trash) } p.mut { (own.trash_text) } } }
        section {
            h2 { (words.common.experiments) }
            (experiments_table(&call, &experiments))
            (pager(words, first(!token.is_empty(), "after", after), next_experiments))
        }
        section {
            h2 { (own.runs) }
            (runs_table(&call, &runs))
            (pager(words, first(!after.is_empty(), "page_token", token), next_runs))
        }
    }))
}

fn text<'a>(call: &Call<'a>, name: &str) -> Result<&'a str> {
    Ok(call.params.text(name)?.unwrap_or_default())
}

fn pager(words: &Words, first: Option<Address>, next: Option<Address>) -> Markup {
    let text = |address: Option<Address>| address.map(|address| address.to_string());
    parts::pager(words, text(first).as_deref(), text(next).as_deref())
}

/// Some deleted experiments, those that were created last first.
async fn experiments(pages: Pages, token: &str) -> Result<top_k::Page<FullExperiment>> {
    let order = ExperimentOrder::parse(&[])?;
    let query = SearchQuery {
        filter: ExperimentFilter::parse("")?,
        view: View::DeletedOnly,
        after: pages.after(token, |bytes| search::fits(&order, bytes))?,
        count: PER_PAGE,
        order,
    };
    search::find(&query).await
}

/// Some runs that were deleted by themselves, those that were created first first. A page of large runs has fewer of them.
async fn runs(after: &str) -> Result<DeletedRuns> {
    let after = if after.is_empty() {
        None
    } else {
        Some(RunId::parse(after)?)
    };
    let listed = deleted::list(after, PER_PAGE).await?;
    let ids: Vec<RunId> = listed.runs.iter().map(|(id, _)| *id).collect();
    let read = read::read_some(&ids).await?;
    let has_more = listed.has_more || read.looked_at < ids.len();
    let last = read.looked_at.checked_sub(1).and_then(|last| ids.get(last));
    let mut runs = Vec::new();
    for run in read.iter() {
        let run = run?;
        let time_ms = listed
            .runs
            .iter()
            .find(|(id, _)| *id == run.run.id)
            .map(|(_, time_ms)| *time_ms);
        // A run whose experiment was restored since is active again.
        if let Some(time_ms) = time_ms.filter(|_| run.stage == Stage::Deleted) {
            runs.push((run.run.into_owned(), time_ms));
        }
    }
    Ok(DeletedRuns {
        runs,
        next: last.filter(|_| has_more).copied(),
    })
}

fn experiments_table(call: &Call<'_>, found: &top_k::Page<FullExperiment>) -> Markup {
    let words = call.site.words();
    let row = |experiment: &Experiment| {
        let path = format!("experiments/{}", experiment.id);
        row(
            call,
            &path,
            &experiment.name,
            None,
            experiment.last_update_time_ms,
            &restore(call, &path, None),
        )
    };
    let rows: Vec<Markup> = found.items.iter().map(|full| row(&full.experiment)).collect();
    table(words, words.common.experiments, false, &rows)
}

fn runs_table(call: &Call<'_>, deleted: &DeletedRuns) -> Markup {
    let words = call.site.words();
    let row = |(run, time_ms): &(Run, i64)| {
        let path = format!("candidates/{}", run.id);
        let restore = restore(call, &format!("experiments/{}/runs", run.experiment), Some(run.id));
        row(call, &path, &run.name, Some(run), *time_ms, &restore)
    };
    let rows: Vec<Markup> = deleted.runs.iter().map(row).collect();
    table(words, words.experiment_page.runs, true, &rows)
}

fn table(words: &Words, title: &str, of_runs: bool, rows: &[Markup]) -> Markup {
    let own = &words.experiment_page;
    html! {
        @if rows.is_empty() {
            p.mut { (words.common.none) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table.idx {
                    caption.vh { (title) }
                    thead {
                        tr {
                            th scope="col" { (words.common.name) }
                            @if of_runs { th scope="col" { (own.of_experiment) } }
                            th scope="col" { (words.common.deleted) }
                            th scope="col" { span.vh { (words.common.restore) } }
                        }
                    }
                    tbody { @for row in rows { (row) } }
                }
            }
        }
    }
}

/// A row: the name with its link, the experiment of a run, the time of the deletion, and the button that restores.
fn row(call: &Call<'_>, path: &str, name: &str, run: Option<&Run>, deleted_ms: i64, restore: &Markup) -> Markup {
    let (site, words) = (call.site, call.site.words());
    html! {
        tr {
            th scope="row" { a href=(site.page(path)) { bdi { (cut(name.to_owned(), NAME_CHARS_MAX)) } } }
            @if let Some(run) = run { td { (experiment_link(site, run)) } }
            td.mut { (time::ago(words, deleted_ms, now_ms())) }
            td { (restore) }
        }
    }
}

fn experiment_link(site: &Site, run: &Run) -> Markup {
    let id = run.experiment.to_string();
    html! {
        a href=(site.page(&format!("experiments/{id}"))) { (fill(site.words().experiment_page.experiment, &[&id])) }
    }
}

/// The button that restores what has this path, or a run of it.
fn restore(call: &Call<'_>, path: &str, run: Option<RunId>) -> Markup {
    let site = call.site;
    html! {
        @if call.may_write {
            form method="post" action=(site.page(&format!("{path}/restore"))) {
                (form_token(site))
                @if let Some(run) = run { input type="hidden" name="run" value=(run); }
                button.btn { (site.words().common.restore) }
            }
        }
    }
}
