//! The list of experiments, and the form that creates one.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::Address;
use mlforge_ui::{Words, time};

use super::{Page, Section, form_token, parts, see_other};
use crate::domain::experiment::{Experiment, FullExperiment};
use crate::domain::lifecycle::View;
use crate::domain::name::validate_experiment_name;
use crate::domain::run::Run;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::Pages;
use crate::search::experiments::{ExperimentFilter, ExperimentOrder};
use crate::store::experiments;
use crate::store::experiments::search;
use crate::store::query::SearchQuery;
use crate::store::runs::newest::newest_of_each;
use crate::store::top_k;

/// Number of experiments on a page.
const PER_PAGE: usize = 50;
/// The tag with an experiment's note.
const NOTE: &str = "mlflow.note.content";
/// Maximum number of characters of a note in the list.
const NOTE_CHARS_MAX: usize = 160;

/// The view of the list that the address asks for.
struct Asked<'a> {
    /// The text that names contain.
    text: &'a str,
    view: View,
    sort: Sort,
    token: &'a str,
}

/// The column by which the list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sort {
    Name,
    Created,
    Updated,
}

impl Sort {
    const ALL: [Sort; 3] = [Sort::Name, Sort::Updated, Sort::Created];

    fn word(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::Created => "created",
            Sort::Updated => "updated",
        }
    }

    fn order_by(self) -> &'static [&'static str] {
        match self {
            Sort::Name => &["name ASC"],
            // The order of the listing, in which a page costs the same anywhere.
            Sort::Created => &[],
            Sort::Updated => &["last_update_time DESC"],
        }
    }
}

impl<'a> Asked<'a> {
    fn of(params: &Params<'a>) -> Result<Self> {
        let text = |name| Ok(params.text(name)?.unwrap_or_default());
        let sort = text("sort")?;
        Ok(Asked {
            text: text("q")?.trim(),
            view: if text("show")? == "deleted" {
                View::DeletedOnly
            } else {
                View::ActiveOnly
            },
            sort: Sort::ALL
                .into_iter()
                .find(|known| known.word() == sort)
                .unwrap_or(Sort::Created),
            token: text("page_token")?,
        })
    }

    /// The condition in the language of searches. A quote in the text would end it, so any character stands for it.
    fn filter(&self) -> String {
        match self.text {
            "" => String::new(),
            text => format!("name ILIKE '%{}%'", text.replace('\'', "_")),
        }
    }

    fn is_deleted(&self) -> bool {
        self.view == View::DeletedOnly
    }

    /// The address of the first page of this list.
    fn address(&self, site: &Site) -> Address {
        let address = Address::new(site.page("experiments")).with_filled("q", self.text);
        let address = address.with_filled("show", if self.is_deleted() { "deleted" } else { "" });
        match self.sort {
            Sort::Created => address,
            sort => address.with("sort", sort.word()),
        }
    }
}

/// Lists experiments, the newest first.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let filter = asked.filter();
    let order = ExperimentOrder::parse(asked.sort.order_by())?;
    let pages = Pages::of(("experiments page", &filter, asked.sort, asked.view));
    let query = SearchQuery {
        filter: ExperimentFilter::parse(&filter)?,
        view: asked.view,
        after: pages.after(asked.token, |bytes| search::fits(&order, bytes))?,
        count: PER_PAGE,
        order,
    };
    let found = search::find(&query).await?;
    let experiments: Vec<&Experiment> = found.items.iter().map(|full| &full.experiment).collect();
    let newest = newest_of_each(&experiments).await?;
    let (site, words) = (call.site, call.site.words());
    let page = Page::new(&call, Section::Experiments, words.common.experiments);
    let is_first_look = asked.text.is_empty() && !asked.is_deleted();
    let next = found.cursor_after(PER_PAGE).map(|cursor| pages.token(&cursor));
    let next = next.map(|token| asked.address(site).with("page_token", token).to_string());
    let first = (!asked.token.is_empty()).then(|| asked.address(site).to_string());
    Ok(page.answer(&html! {
        div.head {
            div { h1 { (words.common.experiments) } }
            div.acts {
                a.btn href=(site.page("experiments/new")) { (words.experiments.how_to_log) }
                @if call.may_write {
                    a.btn.pri href=(site.page("experiments/new")) { (words.experiments.new_experiment) }
                }
            }
        }
        (bar(site, &asked))
        @if found.items.is_empty() {
            (nothing(site, &asked))
        } @else {
            (table(site, &asked, &found, &newest))
        }
        @if is_first_look && found.items.len() <= 1 { (snippet(site)) }
        (parts::pager(words, first.as_deref(), next.as_deref()))
    }))
}

/// The search field, and the choice of stages.
fn bar(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = site.words();
    let stage = |text: &str, is_deleted: bool| {
        let address = Address::new(site.page("experiments")).with_filled("q", asked.text);
        let address = address.with_filled("show", if is_deleted { "deleted" } else { "" });
        html! { a href=(address) aria-current=[(asked.is_deleted() == is_deleted).then_some("true")] { (text) } }
    };
    html! {
        div.bar {
            form.find.short role="search" action=(site.page("experiments")) {
                label.vh for="q" { (words.experiments.search_label) }
                input #q name="q" value=(asked.text) placeholder=(words.experiments.search_hint);
                @if asked.is_deleted() { input type="hidden" name="show" value="deleted"; }
                button.btn { (words.common.search) }
            }
            nav.seg.end aria-label=(words.common.show) {
                (stage(words.common.active, false))
                (stage(words.common.deleted, true))
            }
        }
    }
}

fn nothing(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = site.words();
    html! {
        p.mut {
            @if asked.text.is_empty() {
                (words.experiments.none_deleted)
            } @else {
                (words.experiments.nothing_matches) " "
                a href=(site.page("experiments")) { (words.experiments.show_all) }
            }
        }
    }
}

fn table(site: &Site, asked: &Asked<'_>, found: &top_k::Page<FullExperiment>, newest: &[Option<Run>]) -> Markup {
    let words = site.words();
    let now_ms = now_ms();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.experiments.table) {
            table.idx {
                caption.vh { (words.common.experiments) }
                thead {
                    tr {
                        (head(site, asked, Sort::Name, words))
                        th scope="col" { (words.experiments.last_run) }
                        (head(site, asked, Sort::Updated, words))
                        (head(site, asked, Sort::Created, words))
                    }
                }
                tbody {
                    @for (full, newest) in found.items.iter().zip(newest) { (row(site, full, newest.as_ref(), now_ms)) }
                }
            }
        }
    }
}

/// The head of a column, which sorts by it.
fn head(site: &Site, asked: &Asked<'_>, sort: Sort, words: &Words) -> Markup {
    let (text, direction, icon) = match sort {
        Sort::Name => (words.common.name, "ascending", Icon::Ascending),
        Sort::Updated => (words.experiments.last_update, "descending", Icon::Descending),
        Sort::Created => (words.common.created, "descending", Icon::Descending),
    };
    let is_current = asked.sort == sort;
    let address = asked.address(site).without("sort");
    let address = if sort == Sort::Created {
        address
    } else {
        address.with("sort", sort.word())
    };
    html! {
        th.opt[sort != Sort::Name] scope="col" aria-sort=[is_current.then_some(direction)] {
            a href=(address) { (text) @if is_current { (icon.draw()) } }
        }
    }
}

fn row(site: &Site, full: &FullExperiment, newest: Option<&Run>, now_ms: i64) -> Markup {
    let (words, experiment) = (site.words(), &full.experiment);
    let note = full.tags.iter().find(|(key, _)| key == NOTE).map(|(_, note)| note);
    let note = note.and_then(|note| note.lines().find(|line| !line.trim().is_empty()));
    html! {
        tr {
            th scope="row" {
                a href=(site.page(&format!("experiments/{}", experiment.id))) { bdi { (parts::name(&experiment.name)) } }
                @if let Some(note) = note {
                    bdi.mut.small { (note.chars().take(NOTE_CHARS_MAX).collect::<String>()) }
                }
            }
            td { (last_run(site, newest, now_ms)) }
            td.opt { (time::ago(words, experiment.last_update_time_ms, now_ms)) }
            td.mut.opt { (time::ago(words, experiment.creation_time_ms, now_ms)) }
        }
    }
}

/// The status of the newest run, and when it started.
fn last_run(site: &Site, newest: Option<&Run>, now_ms: i64) -> Markup {
    let words = site.words();
    html! {
        @if let Some(run) = newest {
            a.st href=(site.page(&format!("candidates/{}", run.id))) {
                (parts::status_mark(words, run.status)) (time::ago(words, run.start_time_ms, now_ms))
            }
        } @else {
            span.mut { (words.experiments.no_run) }
        }
    }
}

/// The two lines that lead an unchanged script here.
fn snippet(site: &Site) -> Markup {
    let words = &site.words().experiments;
    html! {
        section {
            h2 { (words.two_lines) }
            pre.code tabindex="0" {
                code.copy {
                    "export MLFLOW_TRACKING_URI=" (site.tracking_uri()) "\n"
                    "export MLFLOW_TRACKING_TOKEN=…"
                }
            }
            p.mut { (words.token_hint) }
        }
    }
}

/// Shows the form for a new experiment, and how to log into it.
pub async fn new(call: Call<'_>) -> Result<Answer> {
    Ok(creation(&call, "", None))
}

/// Creates an experiment, and shows it.
pub async fn create(call: Call<'_>) -> Result<Answer> {
    let name = call.params.text("name")?.unwrap_or_default().trim();
    let created = match validate_experiment_name("name", name) {
        Ok(()) => experiments::create(name, None, &[], None, now_ms()).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(id) => Ok(see_other(call.site.page(&format!("experiments/{id}")))),
        Err(Error::Invalid(message) | Error::AlreadyExists(message)) => Ok(creation(&call, name, Some(&message))),
        Err(error) => Err(error),
    }
}

/// The form, with the mistake of a name that was refused.
fn creation(call: &Call<'_>, name: &str, mistake: Option<&str>) -> Answer {
    let (site, words) = (call.site, call.site.words());
    let page = Page::new(call, Section::Experiments, words.experiments.new_experiment);
    let main = html! {
        div.head { div { h1 { (words.experiments.new_experiment) } p.mut { (words.experiments.create_text) } } }
        @if call.may_write {
            form method="post" action=(site.page("experiments")) {
                (form_token(site))
                div.field {
                    label for="name" { (words.common.name) }
                    input.wide #name name="name" value=(name) required maxlength="500" autocomplete="off"
                        aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                    @if let Some(mistake) = mistake { p.err.small #mistake role="alert" { bdi { (mistake) } } }
                }
                button.btn.pri { (words.common.create) }
            }
        }
        (snippet(site))
    };
    page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main)
}
