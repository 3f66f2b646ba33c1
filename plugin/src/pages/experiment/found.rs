//! The runs that an experiment's page shows. The page and the files of it have the same ones.

use super::asked::Asked;
use super::budget;
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
pub(super) const RUNS_MAX: usize = 100;
/// Largest number of runs that are counted.
const COUNT_MAX: usize = 1_000;

/// A page of runs as it was read.
pub(super) struct Found {
    read: FullRuns,
    hits: top_k::Page<RunHit>,
    pages: Pages,
    total: Option<Total>,
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
    /// The number of runs that the address asks for. `None`: to know it would cost more than the page.
    pub(super) total: Option<Total>,
    /// True if the heads of the columns are links. Where addresses are very long, a page has no room for that many.
    pub(super) has_links: bool,
}

/// A number of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    /// All are counted.
    Exactly(usize),
    /// There are more.
    MoreThan(usize),
}

/// Finds the runs that an address asks for. Costs a search, and a range for each run of the page in one call.
///
/// The search of a first page in default order without a filter counts runs, too: their order is in the blocks that it reads.
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
    let is_counted = asked.token.is_empty() && order.is_listing() && filter.is_empty();
    let pages = Pages::of(("runs page", asked.experiment, asked.filter, asked.parent, &item, view));
    let query = SearchQuery {
        filter,
        view,
        after: pages.after(asked.token, |bytes| search::fits(&order, bytes))?,
        count: if is_counted { COUNT_MAX } else { RUNS_MAX },
        order,
    };
    let hits = search::find(&[asked.experiment], &query).await?;
    let ids: Vec<RunId> = hits.items.iter().take(RUNS_MAX).map(|hit| hit.id).collect();
    Ok(Found {
        read: read::read_some(&ids).await?,
        pages,
        total: match hits.cursor_after(hits.items.len()) {
            _ if !asked.token.is_empty() => None,
            None => Some(Total::Exactly(hits.items.len())),
            Some(_) => is_counted.then_some(Total::MoreThan(hits.items.len())),
        },
        hits,
    })
}

impl Found {
    /// The runs and columns that are shown. Where cells are many or large, a page has fewer runs.
    pub(super) fn shown(&self, asked: &Asked<'_>) -> Result<Shown<'_>> {
        let mut runs = self.read.iter().collect::<Result<Vec<_>>>()?;
        let keys = Keys::of(&runs);
        let columns = keys.columns(asked, runs.len());
        let mut end = self.read.looked_at;
        let (count, has_links) = budget::runs(asked, &runs, &columns);
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
            total: self.total,
            has_links,
        })
    }
}
