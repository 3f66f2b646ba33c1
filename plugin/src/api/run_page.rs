//! Pages of runs as JSON. The JSON of a compacted run is cached for the next page, since successive searches
//! show mostly the same runs.

use std::rc::Rc;

use super::paging::{ITEMS_AT_ONCE, PageWriter};
use super::run_json::write_run;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::search::cursor::Pages;
use crate::store::columnar::instance_cache::{self, RUN_JSON_BYTES_MAX, RunJsonSegment};
use crate::store::runs::dataset_reader::DatasetReader;
use crate::store::runs::read;
use crate::store::search::{RowLocation, RunHit};
use crate::store::top_k::Page;

/// The largest page whose runs are cached. A caller of larger pages reads all runs once.
const RUNS_MAX: usize = 200;
/// Number of rows in a segment of the cache. A segment is evicted as a whole.
const SEGMENT_ROWS: u64 = 32;

/// Writes the page with these runs, or with the first of them if they are large. Runs that were deleted since
/// the search are omitted.
pub async fn write(pages: Pages, page: &Page<RunHit>) -> Result<Vec<u8>> {
    let mut writer = RunWriter {
        page: PageWriter::new("runs", pages),
        keeps: page.items.len() <= RUNS_MAX,
        datasets: DatasetReader::default(),
    };
    let mut done = 0;
    while !writer.page.is_full()
        && let Some(rest) = page.items.get(done..).filter(|rest| !rest.is_empty())
    {
        done += writer.write_some(rest.get(..ITEMS_AT_ONCE).unwrap_or(rest)).await?;
    }
    Ok(writer.page.finish(page.cursor_after(done).as_ref()))
}

/// A page while it is written.
struct RunWriter {
    page: PageWriter,
    /// True if the JSON of its runs is cached.
    keeps: bool,
    datasets: DatasetReader,
}

impl RunWriter {
    /// Writes the first of some runs, at least one. Returns their number.
    async fn write_some(&mut self, some: &[RunHit]) -> Result<usize> {
        let kept: Vec<Option<Rc<Vec<u8>>>> = if self.keeps {
            look_up(some)
        } else {
            vec![None; some.len()]
        };
        let others = some.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
        let others: Vec<RunId> = others.map(|(found, _)| found.id).collect();
        let read = read::read_some(&others).await?;
        self.datasets.read_ahead(read.inputs()).await?;
        let (mut others, mut left) = (read.iter().peekable(), read.looked_at);
        let mut done = 0;
        for (found, kept) in some.iter().zip(kept) {
            if self.page.is_full() || (kept.is_none() && left == 0) {
                break;
            }
            done += 1;
            if let Some(json) = kept {
                self.page.begin_item().extend_from_slice(&json);
                continue;
            }
            left -= 1;
            let is_next = |run: &Result<FullRun<'_>>| run.as_ref().map_or(true, |run| run.run.id == found.id);
            if let Some(run) = others.next_if(is_next) {
                self.write_run(found, &run?).await?;
            }
        }
        Ok(done)
    }

    async fn write_run(&mut self, found: &RunHit, run: &FullRun<'_>) -> Result<()> {
        let bytes = self.page.begin_item();
        let start = bytes.len();
        write_run(bytes, run, &self.datasets).await?;
        // If the experiment was deleted or restored since the search, the stage differs and the JSON is not
        // cached.
        if let Some(location) = found
            .location
            .filter(|location| self.keeps && location.stage == run.stage)
        {
            insert(&location, bytes.get(start..).unwrap_or_default());
        }
        Ok(())
    }
}

/// The cached JSON of each run. `None`: not cached.
fn look_up(found: &[RunHit]) -> Vec<Option<Rc<Vec<u8>>>> {
    instance_cache::with(|cache| {
        let cache = &mut cache.run_json;
        cache.begin_query();
        let mut look_up = |found: &RunHit| {
            let location = found.location?;
            let (segment, slot) = cache_slot(&location);
            let segment = cache.segment(location.revision.experiment, &segment)?;
            segment.get(slot, location.revision.revision).cloned()
        };
        found.iter().map(&mut look_up).collect()
    })
}

fn insert(location: &RowLocation, json: &[u8]) {
    let (segment, slot) = cache_slot(location);
    let bytes = size_of::<Vec<u8>>() + json.len();
    if bytes > RUN_JSON_BYTES_MAX {
        return;
    }
    let json = Rc::new(json.to_vec());
    instance_cache::with(|cache| cache.run_json.insert(location.revision, &segment, slot, json, bytes));
}

/// The position of a run's JSON in the cache.
fn cache_slot(location: &RowLocation) -> (RunJsonSegment, u32) {
    let segment = RunJsonSegment {
        number: location.row / SEGMENT_ROWS,
        is_active: location.stage == Stage::Active,
    };
    (segment, u32::try_from(location.row % SEGMENT_ROWS).unwrap_or(0))
}
