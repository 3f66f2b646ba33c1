//! The host's records: reads, scans, and transactions with optimistic checks.

mod read_set;
mod span;
mod transaction;

use std::ops::ControlFlow;

use super::records::read_set::ReadSet;
use crate::convert::to_usize;
pub use crate::host::records::span::Span;
pub use crate::host::records::transaction::{Change, transact, transact_background};

use crate::bindings::mlforge::plugin::records as host;
use crate::error::{Error, Result};

/// Number of last keys in one call. The host's page holds these entries whole.
const LAST_KEYS_AT_ONCE: usize = 1_000;

/// Number of ranges in one call. The host accepts 50,000.
const RANGES_AT_ONCE: usize = 10_000;

/// Number of pages, of 4 MiB each, that a read without buffering may take: 100 GiB.
const PAGES_MAX: usize = 25_600;

/// Number of pages that a read may keep in memory: 96 of the 256 MiB of an instance.
const KEPT_PAGES_MAX: usize = 24;

/// The longest key of a record, in bytes (`wit/records.wit`). No record has a longer key, so such a key is
/// absent without a call of the host. A caller's name that is too long for any record is thus not found.
pub const KEY_BYTES_MAX: usize = 2_560;

/// The version of a record that does not exist.
pub const ABSENT: u64 = 0;

/// A record and its version.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its key.
    pub key: Vec<u8>,
    /// `ABSENT` when the record does not exist; then the value is empty.
    pub version: u64,
    /// The stored value.
    pub value: Vec<u8>,
}

impl Record {
    /// The value. `None`: the record does not exist.
    pub fn existing(&self) -> Option<&[u8]> {
        (self.version != ABSENT).then_some(&self.value[..])
    }

    /// Decodes the value. An error names the key. `None`: the record does not exist.
    pub fn decode<'a, T>(&'a self, read: impl FnOnce(&'a [u8]) -> Result<T>) -> Result<Option<T>> {
        let value = self.existing().map(read).transpose();
        value.map_err(|error| error.at(&self.key))
    }
}

/// Reads the records of these keys, all at one moment.
pub async fn get<const N: usize>(keys: [Vec<u8>; N]) -> Result<[Record; N]> {
    let records = get_all(keys.into()).await?;
    records
        .try_into()
        .map_err(|_| Error::Corrupt("the host answered for other keys".to_owned()))
}

/// Reads the records of these keys, in their order, all at one moment.
pub async fn get_all(keys: Vec<Vec<u8>>) -> Result<Vec<Record>> {
    let impossible = |(index, key): (usize, &Vec<u8>)| (key.len() > KEY_BYTES_MAX).then(|| (index, key.clone()));
    let impossible: Vec<(usize, Vec<u8>)> = keys.iter().enumerate().filter_map(impossible).collect();
    let mut keys = keys;
    keys.retain(|key| key.len() <= KEY_BYTES_MAX);
    let mut records = get_possible(keys).await?;
    // In ascending order, so that each index is right when it is inserted.
    for (index, key) in impossible {
        let absent = Record {
            key,
            version: ABSENT,
            value: Vec::new(),
        };
        records.insert(index.min(records.len()), absent);
    }
    Ok(records)
}

/// Reads the records of keys that are not too long.
async fn get_possible(keys: Vec<Vec<u8>>) -> Result<Vec<Record>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let values = host::get(keys.clone()).await.map_err(read_failed)?;
    if ReadSet::is_wanted() {
        ReadSet::note_records(keys.iter().cloned().zip(values.versions.iter().copied()));
    }
    let mut start = 0;
    let mut records = Vec::with_capacity(values.ends.len());
    let ends = values.ends.iter().map(|end| to_usize(*end));
    for ((key, version), end) in keys.into_iter().zip(&values.versions).zip(ends) {
        records.push(Record {
            key,
            version: *version,
            value: slice(&values.bytes, start, end)?.to_vec(),
        });
        start = end;
    }
    Ok(records)
}

/// Reads at most `limit` entries from the start of a span and calls `each` with key and value. Returns their
/// number, which is less than `limit` only at the end of the span.
pub async fn scan(span: Span, limit: usize, mut each: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<usize> {
    let mut count = 0;
    scan_all(vec![span], limit, |_, key, value| {
        count += 1;
        each(key, value)
    })
    .await?;
    Ok(count)
}

/// Reads the beginning of a span in one call of the host: at most `limit` entries, and none after 4 MiB. So
/// the memory is bounded however large the entries are. Returns the rest of the span. `None`: nothing is
/// left.
pub async fn scan_page(
    span: &Span,
    limit: usize,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<()>,
) -> Result<Option<Span>> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let page = scan_once(ranges(std::iter::once(span), limit, limit)).await?;
    let (mut count, mut last) = (0, None);
    _ = visit(&page, 0, |entry| {
        let (key, value) = entry.of(&page.bytes)?;
        (count, last) = (count + 1, Some(key));
        each(key, value).map_err(|error| error.at(key))?;
        Ok(ControlFlow::Continue(()))
    })?;
    let is_left = page.cut.is_some() || count == limit;
    Ok(last.filter(|_| is_left).map(|last| span.after(last)))
}

/// Reads spans one after the other, at most `limit` entries of each. Calls `each` with the span's index, key
/// and value. One page of the host is read at one moment; entries of different pages may be of different
/// moments.
///
/// Nothing is kept here. A caller that keeps entries bounds them itself: see `portion.rs`.
pub async fn scan_all(
    spans: Vec<Span>,
    limit: usize,
    mut each: impl FnMut(usize, &[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    scan_until(spans, limit, |index, key, value| {
        each(index, key, value).map(ControlFlow::Continue)
    })
    .await
}

/// Reads spans as `scan_all` does, until `each` breaks. The rest of that page is read in vain: 4 MiB at most.
pub async fn scan_until(
    spans: Vec<Span>,
    limit: usize,
    mut each: impl FnMut(usize, &[u8], &[u8]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    scan_pages(spans, limit, PAGES_MAX, |first, page| {
        let mut last = None;
        let flow = visit(&page, first, |entry| {
            let (key, value) = entry.of(&page.bytes)?;
            last = Some(key);
            each(entry.span, key, value).map_err(|error| error.at(key))
        })?;
        let last = last.map(<[u8]>::to_vec);
        Ok(match flow {
            ControlFlow::Continue(()) => ControlFlow::Continue(last),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        })
    })
    .await
}

/// For each key in its order: true if its record exists. The values are read too, but one page at a time, so
/// there may be many large ones.
pub async fn exist(keys: &[Vec<u8>]) -> Result<Vec<bool>> {
    let mut found = vec![false; keys.len()];
    let possible = keys
        .iter()
        .zip(&mut found)
        .filter(|(key, _)| key.len() <= KEY_BYTES_MAX);
    let (spans, mut found_of): (Vec<Span>, Vec<&mut bool>) =
        possible.map(|(key, found)| (Span::of_key(key.clone()), found)).unzip();
    scan_all(spans, 1, |index, _, _| {
        if let Some(found) = found_of.get_mut(index) {
            **found = true;
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Reads whole spans one after the other and keeps the pages of the host. For entries that are read several
/// times. Entries of different pages may be of different moments. Fails if there are more than
/// `KEPT_PAGES_MAX` pages.
pub async fn read_spans(spans: Vec<Span>) -> Result<Entries> {
    let mut entries = Entries::default();
    scan_pages(spans, usize::MAX, KEPT_PAGES_MAX, |first, page| {
        let number = entries.pages.len();
        _ = visit(&page, first, |entry| {
            entries.all.push((number, entry));
            Ok(ControlFlow::Continue(()))
        })?;
        let last = entries.all.last().filter(|(of, _)| *of == number);
        let last = last.map(|(_, entry)| entry.of(&page.bytes)).transpose()?;
        let last = last.map(|(key, _)| key.to_vec());
        entries.pages.push(page.bytes);
        Ok(ControlFlow::Continue(last))
    })
    .await?;
    Ok(entries)
}

/// The entries of spans, in the pages in which they were read.
#[derive(Default)]
pub struct Entries {
    pages: Vec<Vec<u8>>,
    all: Vec<(usize, Entry)>,
}

impl Entries {
    /// All entries, each as the index of its span, its key and its value.
    pub fn iter(&self) -> impl Iterator<Item = Result<(usize, &[u8], &[u8])>> {
        self.all.iter().map(|(page, entry)| {
            let (key, value) = entry.of(self.pages.get(*page).map_or(&[], Vec::as_slice))?;
            Ok((entry.span, key, value))
        })
    }
}

/// Reads spans page by page. `each` gets a page and the index of its first span. It returns the last key of
/// the page, or breaks.
async fn scan_pages(
    mut spans: Vec<Span>,
    limit: usize,
    pages_max: usize,
    mut each: impl FnMut(usize, host::Page) -> Result<ControlFlow<(), Option<Vec<u8>>>>,
) -> Result<()> {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let (mut first, mut first_limit) = (0, limit);
    for _ in 0..pages_max {
        let count = spans.len().min(RANGES_AT_ONCE);
        if count == 0 {
            return Ok(());
        }
        let page = scan_once(ranges(spans.iter().take(count), first_limit, limit)).await?;
        let cut = page.cut.map(to_usize);
        let read = cut.and_then(|cut| page.counts.get(cut)).copied().unwrap_or(0);
        let ControlFlow::Continue(last) = each(first, page)? else {
            return Ok(());
        };
        let whole = cut.unwrap_or(count).min(count);
        let so_far = if whole == 0 { first_limit } else { limit };
        first_limit = so_far.saturating_sub(read);
        spans.drain(..whole);
        first += whole;
        if let (Some(span), Some(last)) = (spans.first_mut(), last.filter(|_| read > 0)) {
            *span = span.after(&last);
        }
    }
    Err(Error::TooLarge(format!(
        "one request may look at {} MiB of records at most; ask for less at once",
        4 * pages_max
    )))
}

/// The last key of each span. `None`: the span is empty.
pub async fn last_keys(spans: &[Span]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut last = vec![None; spans.len()];
    for (some, last) in spans.chunks(LAST_KEYS_AT_ONCE).zip(last.chunks_mut(LAST_KEYS_AT_ONCE)) {
        let ranges = some.iter().map(|span| host::Range {
            start: span.start.clone(),
            end: span.end.clone(),
            limit: 1,
            reverse: true,
        });
        let page = scan_once(ranges.collect()).await?;
        _ = visit(&page, 0, |entry| {
            let (key, _) = entry.of(&page.bytes)?;
            if let Some(last) = last.get_mut(entry.span) {
                *last = Some(key.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if page.cut.is_some() {
            return Err(read_failed(host::Error::TooLarge(String::new())));
        }
    }
    Ok(last)
}

async fn scan_once(ranges: Vec<host::Range>) -> Result<host::Page> {
    ReadSet::note_scan();
    host::scan(ranges).await.map_err(read_failed)
}

fn ranges<'a>(spans: impl Iterator<Item = &'a Span>, first_limit: u32, limit: u32) -> Vec<host::Range> {
    let range = |(index, span): (usize, &Span)| host::Range {
        start: span.start.clone(),
        end: span.end.clone(),
        limit: if index == 0 { first_limit } else { limit },
        reverse: false,
    };
    spans.enumerate().map(range).collect()
}

/// The position of an entry in its page.
struct Entry {
    span: usize,
    start: usize,
    key_end: usize,
    value_end: usize,
}

impl Entry {
    /// The key and the value of the entry.
    fn of<'a>(&self, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        Ok((
            slice(bytes, self.start, self.key_end)?,
            slice(bytes, self.key_end, self.value_end)?,
        ))
    }
}

/// Calls `each` with the entries of a page until it breaks.
fn visit(
    page: &host::Page,
    first: usize,
    mut each: impl FnMut(Entry) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let (entries, _) = page.ends.as_chunks::<2>();
    let mut entries = entries.iter();
    let mut start = 0;
    for (index, count) in page.counts.iter().enumerate() {
        for [key_end, value_end] in entries.by_ref().take(to_usize(*count)) {
            let entry = Entry {
                span: first + index,
                start,
                key_end: to_usize(*key_end),
                value_end: to_usize(*value_end),
            };
            start = entry.value_end;
            if each(entry)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn read_failed(error: host::Error) -> Error {
    failed(
        error,
        "asks for more than the storage reads at once (50,000 things, 64 MiB). Ask for less",
    )
}

fn commit_failed(error: host::Error) -> Error {
    failed(
        error,
        "changes more than the storage takes at once (10,000 things, 64 MiB, 32 MiB of one thing). Send it in parts",
    )
}

/// Maps an error of the host. `excess` is the message for a limit of the storage, since the host's own text
/// is about keys and values.
fn failed(error: host::Error, excess: &str) -> Error {
    match error {
        host::Error::Denied => Error::Denied,
        host::Error::Full(text) => Error::Full(text),
        host::Error::TooLarge(_) => Error::TooLarge(format!("The request {excess}.")),
        host::Error::Unavailable(text) | host::Error::Other(text) => Error::Unavailable(text),
    }
}

fn slice(bytes: &[u8], start: usize, end: usize) -> Result<&[u8]> {
    bytes
        .get(start..end)
        .ok_or_else(|| Error::Corrupt("the host's page is not packed as agreed".to_owned()))
}
