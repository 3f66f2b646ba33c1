//! The log of changes of the server's users, projects, members and tokens, for administrators, with the local forge.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::time::exact_time;
use mlforge_ui::words::fill;

use super::form::Fields;
use super::manage::{on_forge, unexpected};
use super::view::{View, signed};
use crate::forge::local::{CHANGES_PAGE_MAX, ChangeEntry, ChangeFilter};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

impl HostState {
    pub(super) async fn changes_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let admin = match self.admin(head).await? {
            Ok(admin) => admin,
            Err(answer) => return Ok(answer),
        };
        let filter = ChangeFilter {
            author: fields.text("actor").to_owned(),
            action: fields.text("action").to_owned(),
            object: fields.text("object").to_owned(),
        };
        // A text that is no number is that of the first page.
        let before = fields.text("before").parse().ok();
        let (forge, asked) = (admin.forge.clone(), filter.clone());
        let changes = on_forge(move || forge.list_changes(&asked, before)).await?;
        let changes = changes.map_err(unexpected)?;
        let view = View::new(self, head, Some(admin.reader.owner.login));
        let own = &view.words.audit;
        let main = html! {
            div.head { div { h1 { (own.changes) } p.mut { (own.changes_text) } } }
            (bar(&view, &filter))
            @if changes.is_empty() { p.mut { (own.none) } } @else { (table(&view, &filter, &changes)) }
            (pager(&view, &filter, &changes, before.is_some()))
        };
        let mut page = view.answer(StatusCode::OK, own.changes, &main);
        page.headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(page)
    }
}

/// The address of the first page with a filter.
fn address(view: &View<'_>, filter: &ChangeFilter) -> Address {
    Address::new(view.address("/-/changes"))
        .with_filled("actor", &filter.author)
        .with_filled("action", &filter.action)
        .with_filled("object", &filter.object)
}

fn bar(view: &View<'_>, filter: &ChangeFilter) -> Markup {
    let (own, common) = (&view.words.audit, &view.words.common);
    let fields = [
        ("actor", own.actor, &filter.author),
        ("action", own.action, &filter.action),
        ("object", own.object, &filter.object),
    ];
    html! {
        form.row role="search" aria-label=(own.filter) action=(view.address("/-/changes")) {
            @for (name, label, value) in fields {
                div.field {
                    label for=(name) { (label) }
                    input id=(name) name=(name) value=(value) autocomplete="off" size="14";
                }
            }
            button.btn { (common.search) }
            @if *filter != ChangeFilter::default() { a.btn href=(view.address("/-/changes")) { (own.show_all) } }
        }
    }
}

fn table(view: &View<'_>, filter: &ChangeFilter, changes: &[ChangeEntry]) -> Markup {
    let own = &view.words.audit;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(own.table) {
            table {
                caption.vh { (own.changes) }
                thead {
                    tr {
                        @for title in [own.time, own.actor, own.action, own.object, own.request] {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody { @for change in changes { (row(view, filter, change)) } }
            }
        }
    }
}

fn row(view: &View<'_>, filter: &ChangeFilter, change: &ChangeEntry) -> Markup {
    let (own, author) = (&view.words.audit, &change.author);
    let of_object = address(view, filter).with("object", change.object.as_str());
    html! {
        tr {
            th.nw scope="row" { (exact_time(signed(change.time_s.saturating_mul(1_000)))) }
            td {
                @if author.login.is_empty() { (own.by_command) } @else { bdi { (author.login) } }
                @if !author.address.is_empty() { br; bdi.mut.small { (author.address) } }
            }
            td { code { (change.action) } }
            td {
                @if filter.object.is_empty() {
                    a href=(of_object) title=(fill(own.only_object, &[&change.object])) { bdi { (change.object) } }
                } @else {
                    bdi { (change.object) }
                }
                @if !change.detail.is_empty() { br; bdi.mut.small { (change.detail) } }
            }
            td.small { code { bdi { (author.request_id) } } }
        }
    }
}

fn pager(view: &View<'_>, filter: &ChangeFilter, changes: &[ChangeEntry], is_later: bool) -> Markup {
    let common = &view.words.common;
    // A full page may have another one after it.
    let next = changes.last().filter(|_| changes.len() >= CHANGES_PAGE_MAX);
    html! {
        @if is_later || next.is_some() {
            br;
            nav.row aria-label=(common.pages) {
                @if is_later { a.btn href=(address(view, filter)) { (common.first) } }
                @if let Some(last) = next {
                    a.btn href=(address(view, filter).with("before", last.id.to_string())) { (common.next) }
                }
            }
        }
    }
}
