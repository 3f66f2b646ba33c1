//! The logged models of an experiment, the newest first.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::Address;
use mlforge_ui::{Words, number, time};

use super::experiment::head::{Head, Tab};
use super::{parts, registry};
use crate::domain::id::ExperimentId;
use crate::domain::logged_model::{KnownLoggedModel, LoggedStatus};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::Pages;
use crate::search::logged_models::{LoggedModelOrder, LoggedModelSearch};
use crate::store::logged_models::read;
use crate::store::logged_models::search::{self, LoggedModelQuery};

/// Number of models on a page.
const PER_PAGE: usize = 50;
/// Number of metrics that a row shows.
const METRICS_MAX: usize = 3;

/// Lists the logged models of an experiment.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    let head = Head::read(id).await?;
    let token = call.params.text("page_token")?.unwrap_or_default();
    let order = LoggedModelOrder::parse(&[], &[])?;
    let pages = Pages::of(("logged models page", id.0));
    let query = LoggedModelQuery {
        search: LoggedModelSearch::parse("", Vec::new())?,
        after: pages.after(token, |bytes| order.fits(bytes))?,
        count: PER_PAGE,
        order,
    };
    let found = search::find(&[id], &query).await?;
    let (mut models, mut rest) = (Vec::new(), found.items.as_slice());
    while !rest.is_empty() {
        let some = read::read_known(rest).await?;
        rest = rest.get(some.len()..).unwrap_or_default();
        models.extend(some.into_iter().flatten());
    }
    let of_experiment = site.page(&format!("experiments/{id}"));
    let here = Address::new(format!("{of_experiment}/logged-models"));
    let next = found.cursor_after(found.items.len());
    let next = next.map(|cursor| here.clone().with("page_token", pages.token(&cursor)).to_string());
    let first = (!token.is_empty()).then(|| here.to_string());
    Ok(head.page(&call, Tab::LoggedModels).answer(&html! {
        (head.draw(&call, Tab::LoggedModels))
        @if models.is_empty() { (nothing(site, id)) } @else { (table(site, &models)) }
        (parts::pager(words, first.as_deref(), next.as_deref()))
    }))
}

fn nothing(site: &Site, id: ExperimentId) -> Markup {
    html! {
        p.mut { (site.words().logged_models.none) }
        pre.code tabindex="0" {
            code.copy {
                "import mlflow\n\n"
                "mlflow.set_experiment(experiment_id=\"" (id) "\")\n"
                "mlflow.sklearn.log_model(model, name=\"model\")"
            }
        }
        (registry::lines_before(site))
    }
}

fn table(site: &Site, models: &[KnownLoggedModel]) -> Markup {
    let (words, now_ms) = (site.words(), now_ms());
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.logged_models.table) {
            table.idx {
                caption.vh { (words.logged_models.title) }
                thead {
                    tr {
                        th scope="col" { (words.common.name) }
                        th scope="col" { (words.common.status) }
                        th.opt scope="col" { (words.registry.metrics) }
                        th.opt scope="col" { (words.logged_models.kind) }
                        th.opt scope="col" { (words.registry.run) }
                        th scope="col" { (words.common.created) }
                    }
                }
                tbody { @for known in models { (row(site, known, now_ms)) } }
            }
        }
    }
}

fn row(site: &Site, known: &KnownLoggedModel, now_ms: i64) -> Markup {
    let (words, model) = (site.words(), &known.model);
    html! {
        tr {
            th scope="row" { a href=(site.page(&format!("logged-models/{}", model.id))) { bdi { (parts::name(&model.name)) } } }
            td { (status(words, model.status)) }
            td.opt {
                @for point in known.newest.iter().take(METRICS_MAX) {
                    span.tag title=(number::full(point.point.value)) {
                        bdi { (point.key) } " " (number::metric(point.point.value))
                    }
                    " "
                }
            }
            td.mut.opt { bdi { (parts::name(&model.kind)) } }
            td.opt { (run_link(site, &model.source_run)) }
            td { (time::ago(words, model.creation_time_ms, now_ms)) }
        }
    }
}

/// A link to the run that made a model, if it is one of this server.
pub(super) fn run_link(site: &Site, run: &str) -> Markup {
    /// Number of digits of a run's id that are shown.
    const DIGITS: usize = 8;
    let is_run = crate::domain::id::RunId::parse(run).is_ok();
    html! {
        @if is_run {
            a.mono href=(site.page(&format!("candidates/{run}"))) title=(run) { (run.get(..DIGITS).unwrap_or(run)) }
        } @else {
            bdi.mut { (run) }
        }
    }
}

/// The mark of a model's upload, and its word.
pub(super) fn status(words: &Words, status: LoggedStatus) -> Markup {
    let (class, icon, word) = match status {
        LoggedStatus::Pending => ("run", Icon::Run, words.logged_models.pending),
        LoggedStatus::Ready => ("fin", Icon::Ok, words.logged_models.ready),
        LoggedStatus::Failed => ("fail", Icon::Fail, words.logged_models.failed),
        LoggedStatus::Unspecified => ("mut", Icon::File, words.logged_models.unknown),
    };
    html! { span class={ "st " (class) } { (icon.draw()) (word) } }
}
