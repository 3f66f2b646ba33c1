//! The lists of models and of prompts, and the form that creates a model.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::words::fill;
use mlforge_ui::{number, time};

use self::asked::{Asked, Sort};
use self::rows::Row;
use super::{Page, Section, parts, registry};
use crate::domain::model::FullModel;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::cursor::Pages;
use crate::search::models::{ModelOrder, ModelSearch};
use crate::search::prompts::Kind;
use crate::store::registry::model_search::{self, ModelQuery};
use crate::store::registry::{model_list, models};

mod asked;
mod create;
mod rows;

pub use create::{create, new};

/// Number of models on a page.
const PER_PAGE: usize = 30;
/// Number of aliases that a row shows.
const ALIASES_MAX: usize = 3;

/// Lists models.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    show(&call, &Asked::of(&call.params, Kind::Models)?).await
}

/// Lists prompts.
pub async fn prompts(call: Call<'_>) -> Result<Answer> {
    show(&call, &Asked::of(&call.params, Kind::Prompts)?).await
}

/// The models of a page, and the token of the next one.
async fn find(asked: &Asked<'_>) -> Result<(Vec<FullModel>, Option<String>)> {
    let takes = |full: &FullModel| asked.takes(full);
    match asked.sort {
        Sort::Name => {
            let page = model_list::by_name(asked.token, PER_PAGE, takes).await?;
            Ok((page.models, page.next))
        }
        Sort::Created => {
            let before = match asked.token {
                "" => None,
                token => Some(token.parse().map_err(|_| no_page(token))?),
            };
            let page = model_list::newest(before, PER_PAGE, takes).await?;
            Ok((page.models, page.next.map(|next| next.to_string())))
        }
        Sort::Updated => by_update(asked).await,
    }
}

fn no_page(token: &str) -> Error {
    Error::Invalid(format!("The list has no page '{token}'."))
}

/// The models that were updated last. Their order is stored nowhere, so this looks at every model.
async fn by_update(asked: &Asked<'_>) -> Result<(Vec<FullModel>, Option<String>)> {
    let filter = asked.filter();
    let order = ModelOrder::parse(&["timestamp DESC"])?;
    let pages = Pages::of(("models page", &filter));
    let query = ModelQuery {
        search: ModelSearch::parse(&filter)?,
        after: pages.after(asked.token, |bytes| order.read_key(bytes).is_some())?,
        count: PER_PAGE,
        order,
    };
    let found = model_search::find(&query).await?;
    let (mut all, mut rest) = (Vec::new(), found.items.as_slice());
    while !rest.is_empty() {
        let some = models::read_parts(rest).await?;
        rest = rest.get(some.len()..).unwrap_or_default();
        all.extend(some.into_iter().flatten());
    }
    let next = found.cursor_after(found.items.len());
    Ok((all, next.map(|cursor| pages.token(&cursor))))
}

async fn show(call: &Call<'_>, asked: &Asked<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let (title, section) = match asked.kind {
        Kind::Models => (words.common.models, Section::Models),
        Kind::Prompts => (words.common.prompts, Section::Prompts),
    };
    let (found, next) = find(asked).await?;
    let rows = rows::read(&found).await?;
    let here = asked.address(site, asked.sort);
    let next = next.map(|token| here.clone().with("page_token", token).to_string());
    let first = (!asked.token.is_empty()).then(|| here.to_string());
    let is_first_look = asked.text.is_empty() && asked.token.is_empty() && next.is_none();
    Ok(Page::new(call, section, title).answer(&html! {
        div.head {
            div { h1 { (title) } }
            @if asked.kind == Kind::Models {
                div.acts {
                    a.btn href=(site.page("models/new")) { (words.registry.how_to_register) }
                    @if call.may_write { a.btn.pri href=(site.page("models/new")) { (words.registry.new_model) } }
                }
            }
        }
        (bar(site, asked))
        @if rows.is_empty() {
            (nothing(site, asked))
        } @else {
            (table(site, asked, &rows))
        }
        @if is_first_look && rows.len() <= 1 { (snippet(site, asked.kind)) }
        (parts::pager(words, first.as_deref(), next.as_deref()))
    }))
}

fn bar(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = site.words();
    let label = match asked.kind {
        Kind::Models => words.registry.search_models,
        Kind::Prompts => words.registry.search_prompts,
    };
    html! {
        div.bar {
            form.find.short role="search" action=(site.page(asked.path())) {
                label.vh for="q" { (label) }
                input #q name="q" value=(asked.text) placeholder=(words.registry.search_hint);
                @if asked.sort != Sort::Name { input type="hidden" name="sort" value=(asked.sort.word()); }
                button.btn { (words.common.search) }
            }
        }
    }
}

fn nothing(site: &Site, asked: &Asked<'_>) -> Markup {
    let words = &site.words().registry;
    let (none, no_match) = match asked.kind {
        Kind::Models => (words.no_model, words.no_model_matches),
        Kind::Prompts => (words.no_prompt, words.no_prompt_matches),
    };
    html! {
        p.mut {
            @if asked.text.is_empty() {
                (none)
            } @else {
                (no_match) " " a href=(site.page(asked.path())) { (words.show_all) }
            }
        }
    }
}

fn table(site: &Site, asked: &Asked<'_>, rows: &[Row<'_>]) -> Markup {
    let words = site.words();
    let (title, label) = match asked.kind {
        Kind::Models => (words.common.models, words.registry.models_table),
        Kind::Prompts => (words.common.prompts, words.registry.prompts_table),
    };
    let now_ms = now_ms();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table.idx {
                caption.vh { (title) }
                thead {
                    tr {
                        (head(site, asked, Sort::Name, ""))
                        th scope="col" { (words.registry.latest) }
                        th.opt scope="col" { (words.registry.aliases) }
                        th.num.opt scope="col" { (words.registry.versions) }
                        (head(site, asked, Sort::Updated, "opt"))
                        (head(site, asked, Sort::Created, "opt"))
                        th.opt scope="col" { (words.common.by) }
                    }
                }
                tbody { @for row in rows { (draw(site, asked, row, now_ms)) } }
            }
        }
    }
}

/// The head of a column, which sorts by it.
fn head(site: &Site, asked: &Asked<'_>, sort: Sort, class: &str) -> Markup {
    let common = &site.words().common;
    let (text, direction, icon) = match sort {
        Sort::Name => (common.name, "ascending", Icon::Ascending),
        Sort::Updated => (common.updated, "descending", Icon::Descending),
        Sort::Created => (common.created, "descending", Icon::Descending),
    };
    let is_current = asked.sort == sort;
    html! {
        th scope="col" class=(class) aria-sort=[is_current.then_some(direction)] {
            a href=(asked.address(site, sort)) { (text) @if is_current { (icon.draw()) } }
        }
    }
}

fn draw(site: &Site, asked: &Asked<'_>, row: &Row<'_>, now_ms: i64) -> Markup {
    let (words, model) = (site.words(), &row.full.model);
    let version = |number| match asked.kind {
        Kind::Models => registry::version_page(site, model.id, number, ""),
        Kind::Prompts => site.page(&format!("prompts/{}?version={number}", model.id)),
    };
    let aliases = row.full.aliases.iter();
    let aliases: Vec<(&str, String)> = aliases
        .map(|(alias, number)| (alias.as_str(), version(*number)))
        .collect();
    html! {
        tr {
            th scope="row" {
                a href=(site.page(&format!("{}/{}", asked.path(), model.id))) { bdi { (model.name) } }
                @if let Some(line) = registry::first_line(&model.description) { bdi.mut.small { (line) } }
            }
            td {
                @match &row.latest {
                    Some((semver, number)) => a href=(version(*number)) {
                        @if asked.kind == Kind::Prompts { (number) } @else { (semver) }
                    },
                    None => span.mut { (words.common.none) },
                }
            }
            td.opt { (registry::alias_marks(site, &aliases, ALIASES_MAX)) }
            td.num.opt { (counted(site, row.versions, rows::COUNTED_MAX)) }
            td.opt { (time::ago(words, model.last_update_time_ms, now_ms)) }
            td.mut.opt { (time::ago(words, model.creation_time_ms, now_ms)) }
            td.mut.opt { bdi { (registry::author(model.author.as_ref()).unwrap_or("–")) } }
        }
    }
}

/// A number that was counted up to a limit.
pub fn counted(site: &Site, count: usize, max: usize) -> String {
    let shown = |count: usize| number::count(u64::try_from(count).unwrap_or(u64::MAX));
    if count > max {
        fill(site.words().registry.more_than, &[&shown(max)])
    } else {
        shown(count)
    }
}

/// The lines that register a first model or prompt.
fn snippet(site: &Site, kind: Kind) -> Markup {
    let words = &site.words().registry;
    html! {
        section {
            h2 { @match kind { Kind::Models => (words.register_text), Kind::Prompts => (words.prompt_text) } }
            pre.code tabindex="0" {
                code.copy {
                    @match kind {
                        Kind::Models => {
                            "import mlflow\n\n"
                            "with mlflow.start_run():\n"
                            "    mlflow.sklearn.log_model(model, name=\"model\", registered_model_name=\"first-model\")"
                        },
                        Kind::Prompts => {
                            "import mlflow\n\n"
                            "mlflow.genai.register_prompt(name=\"first-prompt\", template=\"Summarize: {{text}}\")"
                        },
                    }
                }
            }
            (registry::lines_before(site))
        }
    }
}
