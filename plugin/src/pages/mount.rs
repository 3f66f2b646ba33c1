//! The page at the address of MLflow's clients. They print addresses below it, whose fragments a script follows.

use maud::html;
use mlforge_ui::words::filled;

use super::{Page, Section, see_other};
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;

/// The page that leads from the clients' address to the pages for people.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let (site, words) = (call.site, call.site.words());
    let page = Page::new(&call, Section::None, words.experiments.mount_title).following_fragments();
    Ok(page.answer(&html! {
        div.head { div { h1 { (words.experiments.mount_title) } } }
        p { (filled(words.experiments.mount_text, &[html! { bdi { (site.project) } }])) }
        ul.row {
            li { a.btn.pri href=(site.page("experiments")) { (words.common.experiments) } }
            li { a.btn href=(site.page("models")) { (words.common.models) } }
        }
    }))
}

/// Leads to the first page of the project.
pub async fn to_experiments(call: Call<'_>) -> Result<Answer> {
    Ok(see_other(call.site.page("experiments")))
}
