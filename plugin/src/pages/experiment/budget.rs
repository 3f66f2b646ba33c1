//! The number of runs that fit on a page. A page stays small, however many columns are chosen and however long texts are.

use std::collections::HashSet;

use mlforge_ui::link::encoded;

use super::asked::Asked;
use super::cell::{Cell, shortened, tag};
use super::column::Column;
use super::found::{PARENT_TAG, RUNS_MAX};
use crate::domain::run::FullRun;
use crate::pages::parts::html_bytes;

/// Bytes of the table and of all addresses on the page. Frame, head, charts and the choice of columns have the rest.
const BYTES_MAX: usize = 92_000;
/// Bytes that are left for rows if addresses have many.
const ROWS_BYTES_MIN: usize = 30_000;
/// Bytes that the addresses in the heads of columns may have.
const HEADS_BYTES_MAX: usize = 30_000;
/// Number of bytes of a parameter that sorts, besides the column.
const SORT_BYTES: usize = 20;
/// Number of addresses besides those in the table: of files, stages, pages, and as fields of forms.
const ADDRESSES: usize = 12;
/// Bytes of a row's first cell besides the name, which it has three times.
const ROW_BYTES: usize = 560;
/// Bytes of a sparkline.
const SPARKLINE_BYTES: usize = 700;
/// Largest number of runs of a page with sparklines: each needs a history.
const SPARKLINE_RUNS_MAX: usize = 50;

/// The number of runs that fit, at least one, and true if the heads of columns can be links.
pub(super) fn runs(asked: &Asked<'_>, runs: &[FullRun<'_>], columns: &[Column]) -> (usize, bool) {
    let address = asked.address_bytes();
    let parents: HashSet<&str> = runs.iter().filter_map(|run| tag(run, PARENT_TAG)).collect();
    let of_heads = columns
        .iter()
        .map(|column| address + encoded(&column.name()).len() + SORT_BYTES);
    let heads = address + of_heads.sum::<usize>();
    let has_links = heads <= HEADS_BYTES_MAX;
    let addresses = address * ADDRESSES + if has_links { heads } else { 0 };
    let left = BYTES_MAX.saturating_sub(addresses).max(ROWS_BYTES_MIN);
    let has_sparkline = columns.iter().any(|column| matches!(column, Column::Sparkline(_)));
    let most = if has_sparkline { SPARKLINE_RUNS_MAX } else { RUNS_MAX };
    let mut bytes = 0;
    let fitting = runs.iter().take(most).take_while(|run| {
        let is_parent = has_links && parents.contains(run.run.id.to_string().as_str());
        bytes += row_bytes(run, columns) + if is_parent { address } else { 0 };
        bytes <= left
    });
    (fitting.count().max(1), has_links)
}

fn row_bytes(run: &FullRun<'_>, columns: &[Column]) -> usize {
    let cells = columns.iter().map(|column| match column {
        Column::Sparkline(_) => SPARKLINE_BYTES,
        _ => Cell::of(column, run, 0).html_bytes(),
    });
    ROW_BYTES + 3 * html_bytes(&shortened(&run.run.name)) + cells.sum::<usize>()
}
