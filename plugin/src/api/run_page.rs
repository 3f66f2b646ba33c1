//! Pages of runs as JSON. What was written of a packed run is kept for the next page that shows it: whoever looks at runs looks
//! at mostly the same ones again.

use std::cell::RefCell;
use std::rc::Rc;

use super::page::{ITEMS_AT_ONCE, PageWriter};
use super::run_json::write_run;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::error::Result;
use crate::search::page::{Pages, Place};
use crate::store::full_runs;
use crate::store::search::{Found, Spot};
use crate::store::shelf::Shelf;

/// Bytes of JSON that an instance keeps.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// Pages with more runs are those of somebody who reads all runs once: nothing is kept of them.
const RUNS_MAX: usize = 200;
/// Rows that are kept or dropped together.
const SHELF_ROWS: u64 = 32;

thread_local! {
    static KEPT: RefCell<Shelf<(u64, bool), Vec<u8>>> = const { RefCell::new(Shelf::new(KEPT_BYTES_MAX)) };
}

/// The page of a search with these runs; those that are no more are left out.
pub async fn write(pages: Pages, found: &[Found], next: Option<&Place>) -> Result<Vec<u8>> {
    let mut page = PageWriter::new("runs", pages);
    let keeps = found.len() <= RUNS_MAX;
    for some in found.chunks(ITEMS_AT_ONCE) {
        let kept: Vec<Option<Rc<Vec<u8>>>> = match keeps {
            true => look_up(some),
            false => vec![None; some.len()],
        };
        let others = some.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
        let others: Vec<RunId> = others.map(|(found, _)| found.id).collect();
        let others = full_runs::read_all(&others).await?;
        let mut others = others.iter().peekable();
        for (found, kept) in some.iter().zip(kept) {
            if let Some(json) = kept {
                page.add_with(|bytes| {
                    bytes.extend_from_slice(&json);
                    Ok(())
                })?;
                continue;
            }
            let Some(run) = others.next_if(|run| run.as_ref().map_or(true, |run| run.run.id == found.id)) else {
                continue;
            };
            page.add_with(|bytes| {
                let (start, run) = (bytes.len(), run?);
                write_run(bytes, &run)?;
                // Its experiment may have been deleted since the search looked.
                if let Some(spot) = found.spot.filter(|spot| keeps && spot.stage == run.stage) {
                    keep(&spot, bytes.get(start..).unwrap_or_default());
                }
                Ok(())
            })?;
        }
    }
    Ok(page.finish(next))
}

/// What is kept of some runs.
fn look_up(found: &[Found]) -> Vec<Option<Rc<Vec<u8>>>> {
    KEPT.with_borrow_mut(|kept| {
        kept.begin();
        let mut look_up = |found: &Found| {
            let spot = found.spot?;
            let (row, place) = shelf_place(&spot);
            let row = kept.row(spot.edition.experiment, &row)?;
            row.get(place, spot.edition.revision).cloned()
        };
        found.iter().map(&mut look_up).collect()
    })
}

fn keep(spot: &Spot, json: &[u8]) {
    let (row, place) = shelf_place(spot);
    let bytes = size_of::<Vec<u8>>() + json.len();
    KEPT.with_borrow_mut(|kept| kept.keep(spot.edition, &row, place, Rc::new(json.to_vec()), bytes));
}

/// Where the JSON of a run is kept: the row of the shelf, and the place in it.
fn shelf_place(spot: &Spot) -> ((u64, bool), u32) {
    let place = u32::try_from(spot.row % SHELF_ROWS).unwrap_or(0);
    ((spot.row / SHELF_ROWS, spot.stage == Stage::Active), place)
}
