//! The audit log of the project, which only its maintainers and owners read.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::{Address, encoded};
use mlforge_ui::time::{day_begin_ms, exact_time};
use mlforge_ui::words::fill;

use super::{Page, Section, parts};
use crate::domain::audit::{AuditFilter, AuditRecord};
use crate::error::Result;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::store::audit::listing;
use crate::store::audit::listing::AuditPage;
use crate::store::registry::audited::{self, Existing};

/// Number of records on a page.
const PER_PAGE: usize = 50;
/// Number of bytes in HTML of the name of an object, or of a detail, that are shown.
const TEXT_BYTES_MAX: usize = 600;
/// Number of bytes of the filters in the links of rows.
const FILTERS_BYTES_MAX: usize = 400;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// The view of the log that the address asks for. Absent filters are empty.
struct Asked<'a> {
    actor: &'a str,
    action: &'a str,
    object: &'a str,
    /// The first day in UTC.
    from: &'a str,
    /// The last day in UTC.
    until: &'a str,
    token: &'a str,
}

/// The field of the form that is wrong, and its text.
struct Mistake<'a> {
    field: &'static str,
    text: &'a str,
}

impl<'a> Asked<'a> {
    fn of(params: &Params<'a>) -> Result<Self> {
        let text = |name| Ok(params.text(name)?.unwrap_or_default().trim());
        Ok(Asked {
            actor: text("actor")?,
            action: text("action")?,
            object: text("object")?,
            from: text("from")?,
            until: text("until")?,
            token: text("page_token")?,
        })
    }

    /// The conditions of the fields, as the endpoint has them.
    fn filter(&self) -> std::result::Result<AuditFilter, Mistake<'a>> {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let day = |field, text: &'a str| match text {
            "" => Ok(None),
            text => day_begin_ms(text).map(Some).ok_or(Mistake { field, text }),
        };
        Ok(AuditFilter {
            actor: filled(self.actor),
            action: filled(self.action),
            object: filled(self.object),
            since_ms: day("from", self.from)?,
            until_ms: day("until", self.until)?.map(|begin_ms| begin_ms.saturating_add(DAY_MS - 1)),
        })
    }

    /// The address of the first page with these filters.
    fn address(&self, site: &Site) -> Address {
        Address::new(site.page("audit"))
            .with_filled("actor", self.actor)
            .with_filled("action", self.action)
            .with_filled("object", self.object)
            .with_filled("from", self.from)
            .with_filled("until", self.until)
    }

    /// The address of the records of one user that have these filters, too. Each row has it, so long filters are left out.
    fn by_actor(&self, site: &Site, actor: &str) -> Address {
        let is_short = encoded(self.action).len() + encoded(self.object).len() <= FILTERS_BYTES_MAX;
        let address = self.address(site).set("actor", actor);
        if is_short {
            address
        } else {
            address.without("action").without("object")
        }
    }

    /// The address of the same records in another format.
    fn file(&self, site: &Site, filter: &AuditFilter, format: &str) -> String {
        let time = |time_ms: Option<i64>| time_ms.map_or_else(String::new, |time_ms| time_ms.to_string());
        Address::new(site.page("audit"))
            .with("format", format)
            .with("max_results", PER_PAGE.to_string())
            .with_filled("actor", self.actor)
            .with_filled("action", self.action)
            .with_filled("object", self.object)
            .with_filled("since_ms", &time(filter.since_ms))
            .with_filled("until_ms", &time(filter.until_ms))
            .with_filled("page_token", self.token)
            .to_string()
    }

    fn is_filtered(&self) -> bool {
        [self.actor, self.action, self.object, self.from, self.until]
            .iter()
            .any(|text| !text.is_empty())
    }
}

/// Shows some records, the newest first.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let (site, words) = (call.site, call.site.words());
    let page = Page::new(&call, Section::Audit, words.audit.title);
    let filter = match asked.filter() {
        Ok(filter) => filter,
        Err(mistake) => {
            let main = html! { (head(words, None)) (bar(site, &asked, Some(&mistake))) };
            return Ok(personal(page.answer_with(400, &main)));
        }
    };
    let pages = listing::pages(&filter);
    let after = pages.after(asked.token, listing::fits)?;
    let found = listing::find(&filter, after.as_ref(), PER_PAGE).await?;
    let existing = audited::existing(&found.records).await?;
    let files = ["csv", "json"].map(|format| asked.file(site, &filter, format));
    let next = found.next.as_ref().map(|next| pages.token(next));
    let next = next.map(|token| asked.address(site).with("page_token", token).to_string());
    let first = (!asked.token.is_empty()).then(|| asked.address(site).to_string());
    Ok(personal(page.answer(&html! {
        (head(words, Some(&files)))
        (bar(site, &asked, None))
        @if found.records.is_empty() {
            (nothing(site, &asked, &found))
        } @else {
            (table(site, &asked, &found.records, &existing))
        }
        br;
        (parts::pager(words, first.as_deref(), next.as_deref()))
    })))
}

/// The answer, of which nobody keeps a copy. The address has data for those who ask for another type.
fn personal(mut answer: Answer) -> Answer {
    for (name, value) in &mut answer.headers {
        match *name {
            "cache-control" => "no-store".clone_into(value),
            "vary" => value.insert_str(0, "accept, "),
            _ => {}
        }
    }
    answer
}

fn head(words: &Words, files: Option<&[String; 2]>) -> Markup {
    html! {
        div.head {
            div { h1 { (words.audit.title) } p.mut { (words.audit.text) } }
            @if let Some([csv, json]) = files {
                p.acts {
                    a.btn href=(csv) { (words.common.csv) }
                    a.btn href=(json) { (words.common.json) }
                }
            }
        }
    }
}

/// The fields of the filter.
fn bar(site: &Site, asked: &Asked<'_>, mistake: Option<&Mistake<'_>>) -> Markup {
    let words = site.words();
    let own = &words.audit;
    let fields = [
        ("actor", own.actor, asked.actor),
        ("action", own.action, asked.action),
        ("object", own.object, asked.object),
        ("from", own.from, asked.from),
        ("until", own.until, asked.until),
    ];
    let is_wrong = |name: &str| mistake.is_some_and(|mistake| mistake.field == name);
    html! {
        form.row role="search" aria-label=(own.filter) action=(site.page("audit")) {
            @for (name, label, value) in fields {
                div.field {
                    label for=(name) { (label) }
                    input id=(name) name=(name) value=(value) autocomplete="off" size="14"
                        placeholder=[["from", "until"].contains(&name).then_some("2026-01-31")]
                        aria-invalid=[is_wrong(name).then_some("true")]
                        aria-describedby=[is_wrong(name).then_some("mistake")];
                }
            }
            button.btn { (words.common.search) }
            @if asked.is_filtered() { a.btn href=(site.page("audit")) { (own.show_all) } }
        }
        @if let Some(mistake) = mistake {
            p.err.small #mistake role="alert" { bdi { (fill(own.bad_day, &[mistake.text])) } }
        }
    }
}

/// The text instead of an empty table. A page may be empty and be followed by others.
fn nothing(site: &Site, asked: &Asked<'_>, found: &AuditPage) -> Markup {
    let words = site.words();
    let text = if found.next.is_some() {
        words.audit.none_here
    } else {
        words.audit.none
    };
    html! {
        p.mut {
            (text)
            @if asked.is_filtered() { " " a href=(site.page("audit")) { (words.audit.show_all) } }
        }
    }
}

fn table(site: &Site, asked: &Asked<'_>, records: &[AuditRecord], existing: &[Option<Existing>]) -> Markup {
    let own = &site.words().audit;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(own.table) {
            table {
                caption.vh { (own.title) }
                thead {
                    tr {
                        @for title in [own.time, own.actor, own.action, own.object, own.request] {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody {
                    @for (record, existing) in records.iter().zip(existing) { (row(site, asked, record, existing.as_ref())) }
                }
            }
        }
    }
}

fn row(site: &Site, asked: &Asked<'_>, record: &AuditRecord, existing: Option<&Existing>) -> Markup {
    let own = &site.words().audit;
    let actor = &record.caller.actor;
    let by_actor = asked.by_actor(site, actor);
    html! {
        tr {
            th.nw scope="row" {
                (exact_time(record.time_ms))
                @if record.period_ms > 0 { br; span.mut.small { (own.in_an_hour) } }
            }
            td {
                @if asked.actor == actor.as_str() {
                    bdi { (actor) }
                } @else {
                    a href=(by_actor) title=(fill(own.only_actor, &[actor])) { bdi { (actor) } }
                }
                @if !record.caller.address.is_empty() { br; bdi.mut.small { (record.caller.address) } }
            }
            td { code { bdi { (record.action) } } }
            td { (object(site, record, existing)) }
            td.small { code { bdi { (record.request_id) } } }
        }
    }
}

/// The object, its kind and the detail of the change. It is a link if it is still there.
fn object(site: &Site, record: &AuditRecord, existing: Option<&Existing>) -> Markup {
    let object = shortened(&record.object);
    html! {
        @match existing {
            Some(existing) => a href=(site.page(&address_of(existing))) { bdi { (object) } },
            None => bdi { (object) },
        }
        br;
        span.mut.small { (record.object_type.replace('_', " ")) }
        @if !record.detail.is_empty() { ": " bdi.small { (shortened(&record.detail)) } }
    }
}

/// A text of a record as the table has it. The files have the whole of it.
fn shortened(text: &str) -> String {
    let shown = parts::clipped(text, TEXT_BYTES_MAX);
    let mark = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown}{mark}")
}

/// The page of an object, after the project's.
fn address_of(existing: &Existing) -> String {
    match existing {
        Existing::Experiment(id) => format!("experiments/{id}"),
        Existing::Run(id) => format!("candidates/{id}"),
        Existing::LoggedModel(id) => format!("logged-models/{id}"),
        Existing::Model(id) => format!("models/{id}"),
        Existing::Version(id, number) => format!("models/{id}/versions/{number}"),
        Existing::RunArtifacts(id) => format!("candidates/{id}/artifacts"),
        Existing::LoggedModelArtifacts(id) => format!("logged-models/{id}/artifacts"),
        Existing::Trace(id) => format!("traces/{}", encoded(id.as_str())),
    }
}
