//! The form that makes a run a version of a model.

use std::collections::BTreeMap;

use maud::{Markup, html};
use mlforge_ui::link::encoded;

use super::head::{RunTab, head};
use super::view::{RunRead, View, run_id};
use crate::domain::id::RunId;
use crate::domain::limits::DESCRIPTION_CHARS_MAX;
use crate::domain::model::validate_new_model_name;
use crate::domain::name::validate_length;
use crate::domain::semver::SemVer;
use crate::domain::source::{Source, not_of_run};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::forge;
use crate::host::random::random_id;
use crate::pages::{form_token, see_other};
use crate::request::call::Call;
use crate::request::json_list::with_version;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::search::models::{ModelOrder, ModelSearch};
use crate::store::registry::create_version::NewVersion;
use crate::store::registry::model_search::ModelQuery;
use crate::store::registry::source::Owner;
use crate::store::registry::{create_version, model_name, model_search, models};
use crate::store::{artifacts, runs};

/// Number of models that the form suggests.
const SUGGESTED_MAX: usize = 50;
/// Number of logged models that the form offers.
const LOGGED_MAX: usize = 20;

/// The version that the form asks for.
#[derive(Clone, Copy, Default)]
struct Asked<'a> {
    model: &'a str,
    semver: &'a str,
    source: &'a str,
    description: &'a str,
}

impl<'a> Asked<'a> {
    fn of(params: &Params<'a>) -> Result<Self> {
        let text = |name| Ok::<&str, Error>(params.text(name)?.unwrap_or_default().trim());
        Ok(Asked {
            model: text("model")?,
            semver: text("version")?,
            source: text("source")?,
            description: text("description")?,
        })
    }
}

/// Shows the form. `path` in the address chooses a directory of the run.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let path = call.params.text("path")?.unwrap_or_default().trim_matches('/');
    let source = match path {
        "" => String::new(),
        path => format!("runs:/{}/{path}", run_id(&call)?),
    };
    let asked = Asked {
        source: &source,
        ..Asked::of(&call.params)?
    };
    form(&call, asked, None).await
}

/// Makes the run a version, and shows it. A model of a new name is created first.
pub async fn create(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    match make(&call, asked).await {
        Ok(path) => Ok(see_other(call.site.page(&path))),
        Err(Error::Invalid(message) | Error::AlreadyExists(message)) => form(&call, asked, Some(&message)).await,
        Err(error) => Err(error),
    }
}

/// Creates the version. Returns the path of its page.
async fn make(call: &Call<'_>, asked: Asked<'_>) -> Result<String> {
    let run = run_id(call)?;
    let semver = match asked.semver {
        "" => None,
        text => Some(SemVer::parse(text)?),
    };
    validate_length("description", asked.description, DESCRIPTION_CHARS_MAX)?;
    let parsed = Source::parse(asked.source, false, call.source_schemes)?;
    ensure_possible(run, asked.source, &parsed).await?;
    let now_ms = now_ms();
    let author = call.actor.author();
    if model_name::find(asked.model).await?.is_none() {
        validate_new_model_name("model", asked.model)?;
        models::create(asked.model, "", &[], author.as_ref(), now_ms).await?;
    }
    let new = NewVersion {
        semver,
        source: asked.source,
        parsed: &parsed,
        owner: Owner {
            run: Some(run),
            model: None,
        },
        description: asked.description.to_owned(),
        run_link: String::new(),
        tags: BTreeMap::new(),
        user: call.actor.login.clone(),
        author,
        // The run is there already.
        sets_commit_status: false,
        job: forge::caller_job(),
        run_id: RunId::made_at(now_ms, random_id()),
        number: None,
    };
    let noted = |versions: Option<&str>, number: u64| with_version(versions, asked.model, number);
    let version = create_version::create(asked.model, &new, now_ms, noted).await?.version;
    Ok(format!("models/{}/versions/{}", version.model, version.number))
}

/// Refuses what the version would be refused for, before its model is created. The form offers files of the run and the logged
/// models that it made, and nothing else.
async fn ensure_possible(run: RunId, source: &str, parsed: &Source) -> Result<()> {
    runs::load(run).await?.ensure_active()?;
    match parsed {
        Source::Own => Ok(()),
        Source::Run(place) if place.run == run => Ok(()),
        Source::Run(_) => Err(not_of_run(source)),
        Source::Logged(id) => match artifacts::root_of_logged_model(*id).await {
            Err(Error::NotFound(message)) => Err(Error::Invalid(message)),
            found => found.map(drop),
        },
        _ => Err(Error::Invalid(format!(
            "Invalid source '{source}': a version of this run has its files, or a logged model."
        ))),
    }
}

/// The names of some models, the first by name.
async fn suggested() -> Result<Vec<String>> {
    let query = ModelQuery {
        search: ModelSearch::parse("")?,
        order: ModelOrder::parse(&[])?,
        after: None,
        count: SUGGESTED_MAX,
    };
    let found = model_search::find(&query).await?;
    let read = models::read_parts(&found.items).await?;
    Ok(read.into_iter().flatten().map(|full| full.model.name).collect())
}

async fn form(call: &Call<'_>, asked: Asked<'_>, mistake: Option<&str>) -> Result<Answer> {
    let read = RunRead::of(call).await?;
    let full = read.run()?;
    let view = View::new(call, &read, &full);
    let names = if view.may_change() {
        suggested().await?
    } else {
        Vec::new()
    };
    let words = &view.words.runs;
    let main = html! {
        (head(&view, RunTab::None))
        h2 { (words.make_version) }
        @if view.may_change() {
            form method="post" action=(view.address("/promote")) {
                (form_token(call.site))
                @if let Some(mistake) = mistake { p.err #mistake role="alert" { bdi { (mistake) } } }
                div.field {
                    label for="model" { (words.model) }
                    input.wide #model name="model" value=(asked.model) list="models" required autocomplete="off"
                        aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                    datalist #models { @for name in &names { option value=(name) {} } }
                    p.small.mut { (words.model_hint) }
                }
                div.field {
                    label for="version" { (words.version) }
                    input #version name="version" value=(asked.semver) placeholder="1.0.0" autocomplete="off";
                    p.small.mut { (words.version_hint) }
                }
                (sources(&view, asked.source))
                div.field {
                    label for="description" { (view.words.common.description) }
                    textarea.full #description name="description" rows="8" maxlength="100000" {
                        "\n" (asked.description)
                    }
                    p.small.mut { (words.markdown_hint) }
                }
                p.row {
                    button.btn.pri { (words.make_version) }
                    a.btn href=(view.address("")) { (view.words.common.cancel) }
                }
            }
        }
    };
    let status = if mistake.is_some() { 400 } else { 200 };
    Ok(view.page(words.make_version).answer_with(status, &main))
}

/// The choice of the version's files.
fn sources(view: &View<'_>, chosen: &str) -> Markup {
    let words = &view.words.runs;
    let mut sources = vec![(String::new(), words.all_files.to_owned())];
    if chosen.starts_with("runs:/") {
        let path = chosen.splitn(3, '/').nth(2).unwrap_or_default();
        sources.push((chosen.to_owned(), path.to_owned()));
    }
    let made = view.full.model_outputs.iter().take(LOGGED_MAX);
    sources.extend(made.map(|output| (format!("models:/{}", encoded(&output.model)), output.model.clone())));
    html! {
        div.field {
            label for="source" { (words.files) }
            select #source name="source" {
                @for (source, text) in &sources {
                    option value=(source) selected[source == chosen] { (text) }
                }
            }
        }
    }
}
