//! The page of a run's files.

use maud::{Markup, html};

use super::head::{RunTab, head};
use super::view::{RunRead, View};
use crate::error::{Error, Result};
use crate::pages::files::{self, Files};
use crate::request::call::Call;
use crate::request::response::Answer;

/// Shows a directory, or a file beside its directory.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let page = view.page(view.words.runs.artifacts);
    let main = match files_of(&view) {
        Ok(files) => files::browser(&files, &call.params).await?,
        Err(Error::Invalid(message)) => Some(html! { p.note { bdi { (message) } } }),
        Err(error) => return Err(error),
    };
    Ok(page.answer(&html! {
        (head(&view, RunTab::Artifacts))
        @match main {
            Some(main) => (main),
            None => (nothing(&view)),
        }
    }))
}

/// The files of a run. Fails if they are kept elsewhere.
fn files_of<'a>(view: &View<'a>) -> Result<Files<'a>> {
    Ok(Files {
        site: view.call.site,
        root: view.root()?,
        owner: view.address("").to_string(),
        uri: format!("runs:/{}/", view.id()),
        has_uris_below: true,
        promote: view.may_change().then(|| view.address("/promote")),
    })
}

fn nothing(view: &View<'_>) -> Markup {
    html! {
        p.mut { (view.words.runs.no_artifacts) }
        pre.code tabindex="0" { code.copy { "mlflow.log_artifact(\"model.pkl\")" } }
    }
}

/// The first files of a run, for its overview.
pub async fn summary(view: &View<'_>) -> Result<Markup> {
    match files_of(view) {
        Ok(files) => files::summary(&files).await,
        // They are kept elsewhere, and the overview shows where.
        Err(_) => Ok(html! {}),
    }
}
