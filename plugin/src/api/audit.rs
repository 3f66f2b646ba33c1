//! The endpoint `audit` of the project, which MLflow does not have: the audit log as JSON or CSV.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;

use super::paging::{PageWriter, page_size};
use crate::domain::audit::{AuditFilter, AuditRecord};
use crate::domain::limits::{AUDIT_RECORDS_PER_PAGE_DEFAULT, AUDIT_RECORDS_PER_PAGE_MAX};
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::request::response::{Answer, Contents};
use crate::search::cursor::Pages;
use crate::store::audit::listing;
use crate::store::audit::listing::AuditPage;

/// The header of an answer in CSV that has the token of the next page. JSON has it in the body.
const NEXT_PAGE_HEADER: &str = "x-mlforge-next-page-token";

/// The columns of CSV, which are the names of the fields in JSON.
const COLUMNS: &str =
    "timestamp,period_ms,action,object_type,object,detail,actor,actor_id,token_id,address,request_id\r\n";

/// Characters with which a spreadsheet begins a formula.
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

#[derive(Serialize)]
struct Record<'a> {
    timestamp: i64,
    #[serde(skip_serializing_if = "is_zero")]
    period_ms: i64,
    action: &'a str,
    object_type: &'a str,
    object: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    actor: &'a str,
    actor_id: &'a str,
    token_id: &'a str,
    address: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl<'a> From<&'a AuditRecord> for Record<'a> {
    fn from(record: &'a AuditRecord) -> Self {
        Record {
            timestamp: record.time_ms,
            period_ms: record.period_ms,
            action: &record.action,
            object_type: &record.object_type,
            object: &record.object,
            detail: &record.detail,
            actor: &record.caller.actor,
            actor_id: &record.caller.actor_id,
            token_id: &record.caller.token_id,
            address: &record.caller.address,
            request_id: &record.request_id,
        }
    }
}

/// Lists the audit log, newest record first. The parameter `format`, `json` or `csv`, goes before the header
/// `Accept`.
pub async fn list(call: Call<'_>) -> Result<Answer> {
    let params = &call.params;
    let is_csv = is_csv(params, call.accept)?;
    let filter = filter(params)?;
    let pages = listing::pages(&filter);
    let token = params.text("page_token")?.unwrap_or_default();
    let after = pages.after(token, listing::fits)?;
    let count = page_size(params, AUDIT_RECORDS_PER_PAGE_DEFAULT, AUDIT_RECORDS_PER_PAGE_MAX)?;
    let found = listing::find(&filter, after.as_ref(), count).await?;
    let mut answer = if is_csv {
        csv(pages, &found)
    } else {
        json(pages, &found)?
    };
    // Who did what is nothing for a cache that others share.
    answer.headers.push(("cache-control", "no-store".to_owned()));
    answer.headers.push(("vary", "accept".to_owned()));
    Ok(answer)
}

fn is_csv(params: &Params<'_>, accept: &str) -> Result<bool> {
    match params.text("format")? {
        Some("csv") => Ok(true),
        Some("json") => Ok(false),
        Some(other) => Err(Error::Invalid(format!(
            "Invalid value '{other}' for parameter 'format' supplied: it must be json or csv."
        ))),
        None => {
            let first = accept.split([',', ';']).next().unwrap_or_default();
            Ok(first.trim().eq_ignore_ascii_case("text/csv"))
        }
    }
}

fn filter(params: &Params<'_>) -> Result<AuditFilter> {
    let text = |name| -> Result<Option<String>> {
        let given = params.text(name)?.filter(|text| !text.is_empty());
        Ok(given.map(str::to_owned))
    };
    Ok(AuditFilter {
        actor: text("actor")?,
        action: text("action")?,
        object: text("object")?,
        since_ms: params.integer("since_ms")?,
        until_ms: params.integer("until_ms")?,
    })
}

fn json(pages: Pages, found: &AuditPage) -> Result<Answer> {
    let mut page = PageWriter::new("records", pages);
    for record in &found.records {
        page.add(&Record::from(record))?;
    }
    Ok(Answer::ok(page.finish(found.next.as_ref())))
}

fn csv(pages: Pages, found: &AuditPage) -> Answer {
    let mut body = COLUMNS.to_owned();
    for record in &found.records {
        add_row(&mut body, &Record::from(record));
    }
    let mut headers = vec![
        ("content-disposition", "attachment; filename=\"audit.csv\"".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    if let Some(next) = &found.next {
        headers.push((NEXT_PAGE_HEADER, pages.token(next)));
    }
    Answer::file("text/csv; charset=utf-8", headers, Contents::Whole(body.into_bytes()))
}

fn add_row(body: &mut String, record: &Record<'_>) {
    // Writing to a string does not fail.
    let _ = write!(body, "{},{}", record.timestamp, record.period_ms);
    for text in [
        record.action,
        record.object_type,
        record.object,
        record.detail,
        record.actor,
        record.actor_id,
        record.token_id,
        record.address,
        record.request_id,
    ] {
        body.push(',');
        body.push_str(&cell(text));
    }
    body.push_str("\r\n");
}

/// A cell of CSV (RFC 4180). A spreadsheet must not take a name for a formula, so an apostrophe goes before
/// one that would be.
fn cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(FORMULA_SIGNS);
    let is_quoted = text.contains([',', '"', '\r', '\n']);
    match (is_formula, is_quoted) {
        (false, false) => text.into(),
        (true, false) => format!("'{text}").into(),
        _ => {
            let sign = if is_formula { "'" } else { "" };
            format!("\"{sign}{}\"", text.replace('"', "\"\"")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_a_formula_nor_the_end_of_a_row() {
        for (text, written) in [
            ("runs/create", "runs/create"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@sum", "'@sum"),
            ("\tx", "'\tx"),
            ("a,b", "\"a,b\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("\r=1", "\"'\r=1\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
