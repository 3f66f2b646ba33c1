//! The page about a request that failed.

use maud::html;
use mlforge_ui::frame::sign_in_address;

use super::{Page, Section};
use crate::request::response::Answer;
use crate::request::site::Site;

/// The page about a failure, with the status that `http` chose and its message for the caller.
pub fn answer(site: &Site, reader: &str, status: u16, message: &str) -> Answer {
    let errors = &site.words().errors;
    let title = match status {
        403 => errors.forbidden,
        404 => errors.not_found,
        429 | 503 => errors.busy,
        500.. => errors.fault,
        _ => errors.bad_request,
    };
    let main = html! {
        div.head { div { h1 { (title) } } }
        div.note role="alert" {
            p { bdi { (message) } }
            @if status >= 429 { p { (errors.try_again) } }
        }
        p.row {
            a.btn href=(site.page("experiments")) { (errors.back) }
            @if reader.is_empty() && site.has_sign_in {
                a.btn.pri href=(sign_in_address(&site.root, &site.here)) { (site.words().common.sign_in) }
            }
        }
    };
    Page::of_site(site, reader, Section::None, title).answer_with(status, &main)
}
