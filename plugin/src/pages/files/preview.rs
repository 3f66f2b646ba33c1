//! Previews of files, by name. A file is hostile: a text is escaped, and pictures and sounds are loaded from an address that
//! sends nothing that a browser executes.

use std::fmt::Write as _;

use maud::{Markup, html};
use mlforge_ui::number::is_number;
use mlforge_ui::words::fill;
use mlforge_ui::{markdown, number};
use serde_json::{Map, Value};

use super::Files;
use super::table_text::rows;
use crate::domain::artifact::ArtifactPath;
use crate::domain::name::cut;
use crate::error::Result;
use crate::host::blobs::FileInfo;
use crate::pages::model_file::{self, ModelFile};
use crate::pages::parts;
use crate::request::file_treatment::FRAMED_BYTES_MAX;
use crate::request::media_type::end_of;
use crate::store::artifacts;

/// Number of bytes of a text that are shown, and the most that it has in HTML.
const TEXT_BYTES_MAX: u64 = 64 << 10;
const HTML_BYTES_MAX: usize = 56_000;
/// Size of the largest JSON file that is shown.
const JSON_BYTES_MAX: u64 = 1 << 20;
/// Size of the largest text into which JSON is laid out.
const LAID_OUT_BYTES_MAX: usize = 2 << 20;
/// Number of lines of a table that are shown.
const ROWS_MAX: usize = 200;
/// Number of characters of a cell that are shown.
const CELL_CHARS_MAX: usize = 200;
/// Number of columns of a table of objects.
const COLUMNS_MAX: usize = 50;
/// Number of characters of a head that are shown.
const HEAD_CHARS_MAX: usize = 60;

/// The preview of a file.
pub(super) async fn of(files: &Files<'_>, path: &str, place: &ArtifactPath, info: FileInfo) -> Result<Markup> {
    let raw = || files.raw(path);
    let end = end_of(place.name());
    Ok(match end.as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" => html! { img src=(raw()) alt=(place.name()); },
        "wav" | "mp3" | "ogg" | "flac" | "m4a" => html! { audio controls preload="none" src=(raw()) {} },
        "mp4" | "webm" => html! { video controls preload="none" width="100%" src=(raw()) {} },
        "html" | "htm" if info.size <= FRAMED_BYTES_MAX => frame(files, path, place.name()),
        "pdf" => html! { p { a href=(raw()) { (files.words().runs.open_file) } } },
        _ => text_of(files, &end, place, info).await?,
    })
}

/// A file in HTML, in a frame without scripts and without an origin. The file's own policy says so, too.
fn frame(files: &Files<'_>, path: &str, name: &str) -> Markup {
    let words = &files.words().runs;
    html! {
        p.mut.small {
            (words.in_frame) " "
            a href=(files.raw(path)) { (words.show_source) }
        }
        iframe.card src=(files.raw(path).with("in", "frame")) title=(name) sandbox="" width="100%" height="640" {}
    }
}

async fn text_of(files: &Files<'_>, end: &str, place: &ArtifactPath, info: FileInfo) -> Result<Markup> {
    let is_json = matches!(end, "json" | "ipynb") && info.size <= JSON_BYTES_MAX;
    let bytes_max = if is_json { JSON_BYTES_MAX } else { TEXT_BYTES_MAX };
    let (info, bytes) = artifacts::start_of(place, bytes_max).await?;
    let words = &files.words().runs;
    let Some(text) = readable(&bytes) else {
        return Ok(html! { p.mut { (words.no_preview) } });
    };
    let is_cut = info.size > bytes_max;
    let shown = match end {
        "csv" => table(files, rows(text, ',', ROWS_MAX + 2)),
        "tsv" => table(files, rows(text, '\t', ROWS_MAX + 2)),
        "jsonl" | "ndjson" => table_of_objects(files, text, is_cut).unwrap_or_else(|| plain(text)),
        "md" => markdown::card(text),
        "json" | "ipynb" => plain(laid_out(text).as_deref().unwrap_or(text)),
        "mlmodel" => html! { (model_file::section(files.words(), &ModelFile::parse(text), None)) (plain(text)) },
        _ => plain(text),
    };
    let is_cut = is_cut || is_json && text.len() > HTML_BYTES_MAX;
    Ok(html! {
        @if is_cut { p.mut.small { (fill(words.only_start, &[&number::bytes(bytes_max)])) } }
        (shown)
    })
}

/// The text of a file, without a character that was cut. `None`: it is no text.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

fn plain(text: &str) -> Markup {
    let shown = parts::clipped(text, HTML_BYTES_MAX);
    html! { pre.code tabindex="0" { (shown) @if shown.len() < text.len() { "…" } } }
}

/// A table of rows, the first of which is its head.
fn table(files: &Files<'_>, rows: impl IntoIterator<Item = Vec<String>>) -> Markup {
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    let mut body: Vec<Vec<String>> = rows.by_ref().take(ROWS_MAX).collect();
    let words = &files.words().runs;
    let cell = |text: &str| cut(text.to_owned(), CELL_CHARS_MAX);
    let row_bytes = |row: &&Vec<String>| {
        row.iter()
            .map(|text| 24 + parts::html_bytes(&cell(text)))
            .sum::<usize>()
    };
    let count = parts::fitting(&body, HTML_BYTES_MAX, row_bytes);
    let is_cut = count < body.len() || rows.next().is_some();
    body.truncate(count);
    let count = count.to_string();
    html! {
        @if is_cut { p.mut.small { (fill(words.only_rows, &[&count])) } }
        div.scroll tabindex="0" role="region" aria-label=(words.table_preview) {
            table.runs {
                caption.vh { (words.table_preview) }
                thead { tr { @for text in &head { th scope="col" { bdi { (cut(text.clone(), HEAD_CHARS_MAX)) } } } } }
                tbody {
                    @for row in &body {
                        tr {
                            @for text in row {
                                td.num[is_number(text)] { bdi { (cell(text)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Lines of JSON as a table, if each holds an object: a column for each key. The last line may be cut.
fn table_of_objects(files: &Files<'_>, text: &str, is_cut: bool) -> Option<Markup> {
    let mut lines: Vec<&str> = text.lines().collect();
    if is_cut {
        lines.pop();
    }
    let lines = lines.into_iter().filter(|line| !line.trim().is_empty());
    let read = lines
        .take(ROWS_MAX + 1)
        .map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    let objects: Vec<Map<String, Value>> = read.collect::<Option<_>>()?;
    let mut head: Vec<String> = Vec::new();
    for key in objects.iter().flat_map(Map::keys) {
        if head.len() < COLUMNS_MAX && !head.contains(key) {
            head.push(key.clone());
        }
    }
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |object: &Map<String, Value>| {
        let cells = head.iter().map(|key| object.get(key).map(shown).unwrap_or_default());
        cells.collect()
    };
    let body: Vec<Vec<String>> = objects.iter().map(row).collect();
    (!head.is_empty()).then(|| table(files, std::iter::once(head.clone()).chain(body)))
}

/// JSON with a line for each value. Numbers and the order of keys stay as they are. `None`: it is no JSON, or too long.
fn laid_out(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    let mut chars = text
        .chars()
        .filter(|char| !char.is_control() || *char == '\n')
        .peekable();
    while let Some(char) = chars.next() {
        if out.len() > LAID_OUT_BYTES_MAX {
            return None;
        }
        if is_quoted {
            out.push(char);
            is_quoted = is_escaped || char != '"';
            is_escaped = char == '\\' && !is_escaped;
            continue;
        }
        match char {
            '"' => {
                out.push(char);
                is_quoted = true;
            }
            '{' | '[' => {
                out.push(char);
                while chars.next_if(|next| next.is_whitespace()).is_some() {}
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                out.push(char);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            char if char.is_whitespace() => {}
            char => out.push(char),
        }
    }
    Some(out)
}

fn break_line(out: &mut String, depth: usize) {
    // Writing to a text cannot fail.
    _ = write!(out, "\n{:1$}", "", 2 * depth);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_is_laid_out_and_its_numbers_stay() {
        let text = laid_out("{\"b\":1.10,\"a\":[ ],\"c\":[1,{\"x\\\"}\":null}]}").unwrap();
        let lines = [
            "{",
            "  \"b\": 1.10,",
            "  \"a\": [],",
            "  \"c\": [",
            "    1,",
            "    {",
            "      \"x\\\"}\": null",
            "    }",
            "  ]",
            "}",
        ];
        assert_eq!(text, lines.join("\n"));
        assert_eq!(laid_out("{\"a\":}"), None);
    }

    #[test]
    fn a_text_may_be_cut_within_a_character() {
        assert_eq!(readable(b"a\xc3"), Some("a"));
        assert_eq!(readable(b"a\xffb"), None);
        assert_eq!(readable(b"a\0b"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
            let map = prop::collection::btree_map(any::<String>(), inner, 0..5);
            prop_oneof![list, map.prop_map(Value::from_iter)]
        })
    }

    proptest! {
        #[test]
        fn laid_out_json_means_the_same(value in any_json()) {
            let text = laid_out(&value.to_string()).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
