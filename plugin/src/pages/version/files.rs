//! The files of a version: the page of all, its first, one as it is, or a directory as an archive.

use maud::{Markup, html};

use super::super::files::{self, Files, send};
use super::super::{parts, registry, see_other};
use super::{home, load, page};
use crate::domain::artifact::ArtifactPath;
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::artifacts;

/// Shows a directory, or a file beside its directory. A version of a prompt has no files, and its own page.
pub async fn browse(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    if full.is_prompt() {
        return Ok(see_other(home(&call, &model, &full)));
    }
    let words = call.site.words();
    let root = artifacts::of_location(&full.version.location).await?;
    let browser = files::browser(&of(&call, &full, root), &call.params).await?;
    let title = format!("{} · {} {}", words.runs.artifacts, model.name, full.version.semver);
    Ok(page(&call, &model, &full, title).answer(&html! {
        div.head {
            div {
                h1 { bdi { (parts::name(&model.name)) } " " (full.version.semver) }
                p.mut { (words.runs.artifacts) }
            }
            @if call.may_write {
                div.acts {
                    a.btn href=(registry::version_page(call.site, model.id, full.version.number, "/upload")) {
                        (words.registry.upload)
                    }
                }
            }
        }
        @match browser {
            Some(browser) => (browser),
            None => p.mut { (words.registry.no_files) },
        }
    }))
}

/// The files of a version, which lie below a root.
fn of<'a>(call: &Call<'a>, full: &FullVersion, root: ArtifactPath) -> Files<'a> {
    let version = &full.version;
    Files {
        site: call.site,
        root,
        owner: registry::version_page(call.site, version.model, version.number, ""),
        uri: format!("models:/{}/{}", full.model_name, version.semver),
        has_uris_below: true,
        promote: None,
    }
}

/// The section about the files on the version's page. A version whose files are kept elsewhere has no root.
pub(super) async fn summary(call: &Call<'_>, full: &FullVersion, root: Result<ArtifactPath>) -> Result<Markup> {
    files::summary_or_place(call.site, root.map(|root| of(call, full, root)), &full.version.location).await
}

/// Sends a file of a version.
pub async fn raw(call: Call<'_>) -> Result<Answer> {
    let (_, full) = load(&call.params).await?;
    send::raw(&call, &artifacts::of_location(&full.version.location).await?).await
}

/// Sends a directory of a version.
pub async fn archive(call: Call<'_>) -> Result<Answer> {
    let (model, full) = load(&call.params).await?;
    let root = artifacts::of_location(&full.version.location).await?;
    // A name with slashes would make directories in the archive.
    let name = format!("{}-{}", model.name.replace('/', "_"), full.version.semver);
    send::directory(&call, &root, &name).await
}
