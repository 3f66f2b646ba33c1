//! The runs that an experiment's page shows. The page and the files of it have the same ones.

use super::asked::Asked;
use super::column::Column;
use super::keys::Keys;
use crate::domain::id::RunId;
use crate::domain::lifecycle::View;
use crate::domain::run::FullRun;
use crate::error::Result;
use crate::search::cursor::Pages;
use crate::search::filter::{Clause, Predicate};
use crate::search::runs::{RunFilter, RunOrder};
use crate::search::schema::Subject;
use crate::store::query::SearchQuery;
use crate::store::runs::read::{self, FullRuns};
use crate::store::search::{self, RunHit};
use crate::store::top_k;

/// The tag with the id of the run of which a run is a child.
pub(super) const PARENT_TAG: &str = "mlflow.parentRunId";

/// Largest number of runs on a page.
const RUNS_MAX: usize = 100;
/// Smallest number of runs of a page that is full.
const RUNS_MIN: usize = 30;
/// Number of cells of a page. It bounds the bytes of a page with many columns.
const CELLS_MAX: usize = 1_500;
/// Number of cells that have as many bytes as the head of a row.
const HEAD_CELLS: usize = 9;

/// A page of runs as it was read.
pub(super) struct Found {
    read: FullRuns,
    hits: top_k::Page<RunHit>,
    pages: Pages,
}

/// A page of runs as it is shown.
pub(super) struct Shown<'a> {
    /// The runs in the order that was asked for.
    pub(super) runs: Vec<FullRun<'a>>,
    /// The columns besides the run's name.
    pub(super) columns: Vec<Column>,
    /// The keys among which columns are chosen.
    pub(super) keys: Keys,
    /// The token of the next page. `None`: this is the last one.
    pub(super) next: Option<String>,
}

/// Finds the runs that an address asks for. Costs a search, and a range for each run of the page in one call.
pub(super) async fn find(asked: &Asked<'_>, mut filter: RunFilter, view: View) -> Result<Found> {
    filter.clauses.extend(asked.parent.map(|parent| Clause {
        subject: Subject::Tag(PARENT_TAG.to_owned()),
        test: Predicate::Text {
            among: [parent.to_string()].into(),
            wanted: true,
        },
    }));
    let item = asked.order_item();
    let order = RunOrder::parse(item.as_deref().as_slice())?;
    let pages = Pages::of(("runs page", asked.experiment, asked.filter, asked.parent, &item, view));
    let query = SearchQuery {
        filter,
        view,
        after: pages.after(asked.token, |bytes| search::fits(&order, bytes))?,
        count: RUNS_MAX,
        order,
    };
    let hits = search::find(&[asked.experiment], &query).await?;
    let ids: Vec<RunId> = hits.items.iter().map(|hit| hit.id).collect();
    Ok(Found {
        read: read::read_some(&ids).await?,
        hits,
        pages,
    })
}

impl Found {
    /// The runs and columns that are shown. Where the columns are many, or the runs large, a page has fewer runs.
    pub(super) fn shown(&self, asked: &Asked<'_>) -> Result<Shown<'_>> {
        let mut runs = self.read.iter().collect::<Result<Vec<_>>>()?;
        let keys = Keys::of(&runs);
        let columns = keys.columns(asked, runs.len());
        let mut end = self.read.looked_at;
        let count = runs_max(columns.len());
        if count < runs.len() {
            runs.truncate(count);
            let last = runs.last().map(|run| run.run.id);
            let place = self.hits.items.iter().position(|hit| Some(hit.id) == last);
            end = place.map_or(end, |place| place + 1);
        }
        let next = self.hits.cursor_after(end).map(|cursor| self.pages.token(&cursor));
        Ok(Shown {
            runs,
            columns,
            keys,
            next,
        })
    }
}

/// Largest number of runs on a page with some columns.
fn runs_max(columns: usize) -> usize {
    (CELLS_MAX / (HEAD_CELLS + columns)).clamp(RUNS_MIN, RUNS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::experiment::column::COLUMNS_MAX;

    #[test]
    fn a_page_with_more_columns_has_fewer_runs() {
        assert_eq!((runs_max(0), runs_max(6)), (100, 100));
        assert_eq!((runs_max(COLUMNS_MAX), runs_max(1_000)), (51, 30));
    }
}
