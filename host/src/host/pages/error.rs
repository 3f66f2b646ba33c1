//! The page about a request that the host refuses.

use std::sync::Arc;

use http::header::ACCEPT;
use http::request::Parts;
use http::{Response, StatusCode};
use maud::html;
use mlforge_ui::words::fill;

use super::view::View;
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::request_id::current_request_id;
use crate::http::response_body::Body;

impl HostState {
    /// The answer to a refused request: a page for a browser that asked for one, else JSON as MLflow's clients read it.
    pub(crate) async fn refuse(self: &Arc<Self>, head: &Parts, is_page: bool, refusal: HttpError) -> Response<Body> {
        if let Some(bound) = refusal.bound() {
            self.refusals.of(bound).increment();
        }
        let is_nowhere = refusal == HttpError::EndpointNotFound;
        if !(is_page || is_nowhere) || !accepts_html(head) {
            return refusal.into();
        }
        // It costs no question to the forge: the name is that of the session's begin.
        let presented = self.presented(&head.headers).await;
        let is_unknown = refusal == HttpError::Unauthenticated;
        let login = presented.as_ref().filter(|_| !is_unknown).map(|presented| {
            let session = presented.session.as_ref();
            session.map_or_else(String::new, |session| session.owner.login.clone())
        });
        let is_signed_in = login.is_some();
        let view = View::new(self, head, login.filter(|login| !login.is_empty()));
        error_page(&view, is_signed_in, &refusal)
    }
}

fn error_page(view: &View<'_>, is_signed_in: bool, refusal: &HttpError) -> Response<Body> {
    let (words, status) = (view.words, refusal.page_status());
    let errors = &words.errors;
    let title = match status {
        StatusCode::FORBIDDEN => errors.forbidden,
        StatusCode::NOT_FOUND => errors.not_found,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => errors.busy,
        status if status.is_server_error() => errors.fault,
        _ => errors.bad_request,
    };
    let is_hidden = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN].contains(&status);
    let offers_sign_in = is_hidden && !is_signed_in;
    let main = html! {
        div.sheet {
            h1 { (title) }
            div.note role="alert" {
                p {
                    @match status {
                        StatusCode::NOT_FOUND if offers_sign_in => (words.sign_in.hidden_text),
                        StatusCode::NOT_FOUND => (errors.not_found_text),
                        _ if *refusal == HttpError::FormExpired => (errors.form_expired),
                        _ => bdi { (refusal.message()) },
                    }
                }
                @if status.is_server_error() { p { (errors.try_again) } }
            }
            br;
            p.row {
                @if offers_sign_in { a.btn.pri href=(view.sign_in_address()) { (words.common.sign_in) } }
                a.btn href=(view.address("/")) { (words.common.all_projects) }
            }
            @if let Some(id) = current_request_id() { br; p.mut.small { (fill(errors.request_id, &[&id])) } }
        }
    };
    let mut response = view.answer(status, title, &main);
    // The status and what a client should do next are those of the answer in JSON.
    for (name, value) in Response::from(refusal.clone()).headers() {
        if *name == http::header::RETRY_AFTER {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// True for a browser that shows a page. Clients of the API accept anything, and name no HTML.
fn accepts_html(head: &Parts) -> bool {
    let mut lines = head
        .headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines.any(|line| line.split(',').any(|kind| kind.trim().starts_with("text/html")))
}
