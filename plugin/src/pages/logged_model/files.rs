//! The files of a logged model: the page of all, its first, one as it is, or a directory as an archive.

use maud::{Markup, html};

use super::super::files::{self, Files, send};
use super::super::parts;
use super::{load, page};
use crate::domain::artifact::ArtifactPath;
use crate::domain::logged_model::{LoggedModel, LoggedModelId};
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::artifacts;

/// Shows a directory, or a file beside its directory.
pub async fn browse(call: Call<'_>) -> Result<Answer> {
    let model = load(&call).await?.model;
    let words = call.site.words();
    let root = artifacts::of_uri(&model.artifact_uri)?;
    let browser = files::browser(&of(&call, model.id, root), &call.params).await?;
    let page = page(&call, &model).step(&model.name, address(&call, model.id));
    Ok(page.answer(&html! {
        div.head { div { h1 { bdi { (parts::name(&model.name)) } } p.mut { (words.runs.artifacts) } } }
        @match browser {
            Some(browser) => (browser),
            None => p.mut { (words.registry.no_files) },
        }
    }))
}

fn address(call: &Call<'_>, id: LoggedModelId) -> String {
    call.site.page(&format!("logged-models/{id}"))
}

/// The files of a logged model, which lie below a root. Its URI names only the whole of them.
fn of<'a>(call: &Call<'a>, id: LoggedModelId, root: ArtifactPath) -> Files<'a> {
    Files {
        site: call.site,
        root,
        owner: address(call, id),
        uri: format!("models:/{id}"),
        has_uris_below: false,
        promote: None,
    }
}

/// The section about the files on the model's page. A model whose files are kept elsewhere has no root.
pub(super) async fn summary(call: &Call<'_>, model: &LoggedModel, root: Result<ArtifactPath>) -> Result<Markup> {
    files::summary_or_place(
        call.site,
        root.map(|root| of(call, model.id, root)),
        &model.artifact_uri,
    )
    .await
}

/// Sends a file of a logged model.
pub async fn raw(call: Call<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_logged_model(id(&call)?).await?;
    send::raw(&call, &root).await
}

/// Sends a directory of a logged model.
pub async fn archive(call: Call<'_>) -> Result<Answer> {
    let id = id(&call)?;
    let (_, root) = artifacts::root_of_logged_model(id).await?;
    send::directory(&call, &root, &id.to_string()).await
}

fn id(call: &Call<'_>) -> Result<LoggedModelId> {
    LoggedModelId::parse(call.params.required_text("model_id")?)
}
