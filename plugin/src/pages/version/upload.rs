//! The form that uploads files into a version, as many as fit into one request.

use maud::html;
use mlforge_ui::words::fill;

use super::super::forms::{TextField, mistake_of};
use super::super::{form_token, registry, see_other};
use super::{home, load, page};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::limits::ARTIFACT_PATH_BYTES_MAX;
use crate::domain::model::Model;
use crate::domain::name::missing;
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::host::blobs;
use crate::host::streams::stream_of;
use crate::request::call::Call;
use crate::request::multipart::SentFile;
use crate::request::response::Answer;
use crate::store::artifacts;

/// The size of an upload that the host takes unless it is configured otherwise, for the hint.
const HINT: &str = "20 MB";

/// Shows the form.
pub async fn upload_form(call: Call<'_>) -> Result<Answer> {
    registry::must_write(&call)?;
    let (model, full) = load(&call.params).await?;
    artifacts::of_location(&full.version.location).await?;
    form(&call, &model, &full, None)
}

/// Stores the files of a form. All names are checked before the first file is stored.
pub async fn upload(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    match mistake_of(store(&call, &full).await)? {
        Ok(()) => Ok(see_other(format!("{}#files", home(&call, &model, &full)))),
        Err(reason) => form(&call, &model, &full, Some(&reason)),
    }
}

async fn store(call: &Call<'_>, full: &FullVersion) -> Result<()> {
    let root = artifacts::of_location(&full.version.location).await?;
    let directory = call
        .params
        .text("directory")?
        .unwrap_or_default()
        .trim()
        .trim_matches('/');
    let place = |file: &SentFile| -> Result<ArtifactPath> {
        match directory {
            "" => root.below(&file.name, Purpose::Write),
            directory => root.below(&format!("{directory}/{}", file.name), Purpose::Write),
        }
    };
    let places = call.files.iter().map(place).collect::<Result<Vec<_>>>()?;
    let Some(first) = places.first() else {
        return Err(missing("file"));
    };
    // All have the same owner.
    artifacts::owner_of(first).await?;
    for (file, path) in call.files.iter().zip(&places) {
        let staged = blobs::stage(stream_of(file.contents.clone())).await?;
        artifacts::put(path, staged).await?;
    }
    Ok(())
}

fn form(call: &Call<'_>, model: &Model, full: &FullVersion, mistake: Option<&str>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let directory = TextField {
        id: "directory",
        name: "directory",
        label: words.registry.subdirectory,
        value: call.params.text("directory")?.unwrap_or_default(),
        chars_max: ARTIFACT_PATH_BYTES_MAX,
        ..TextField::default()
    };
    let action = registry::version_page(site, model.id, full.version.number, "/upload");
    let title = words.registry.upload_files;
    let main = html! {
        div.head { div { h1 { (title) } p.mut { bdi { (model.name) } " " (full.version.semver) } } }
        form method="post" action=(action) enctype="multipart/form-data" {
            (form_token(site))
            (directory.draw())
            div.field {
                label for="file" { (words.registry.files) }
                input.wide #file type="file" name="file" multiple required aria-describedby="file-hint"
                    aria-invalid=[mistake.map(|_| "true")];
                p.mut.small #file-hint { (fill(words.registry.upload_hint, &[HINT])) }
                @if let Some(reason) = mistake { p.err.small role="alert" { bdi { (reason) } } }
            }
            p.row {
                button.btn.pri { (words.registry.upload) }
                a.btn href=(home(call, model, full)) { (words.common.cancel) }
            }
        }
    };
    let page = page(call, model, full, title.to_owned());
    Ok(page.answer_with(if mistake.is_some() { 400 } else { 200 }, &main))
}
