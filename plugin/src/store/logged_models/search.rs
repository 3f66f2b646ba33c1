//! Searches of logged models. In default order a search reads the experiments' lists of models from the
//! page's cursor until the page is full. Another order looks at every model once and keeps no more than a
//! page. A filter that names models reads only the lists of those names: clients send one before each listing
//! of a run's files.

use super::read;
use crate::domain::id::ExperimentId;
use crate::domain::logged_model::LoggedModelId;
use crate::error::Result;
use crate::host::records::Span;
use crate::search::cursor::Cursor;
use crate::search::logged_models::{LoggedModelOrder, LoggedModelSearch};
use crate::store::keys::logged_models as keys;
use crate::store::keys::logged_models::List;
use crate::store::list_merge::{CHUNK_MAX, ListMerge, SortedList};
use crate::store::top_k::{Page, TopK};

/// Largest number of lists by name that a search reads. With more names it reads whole experiments.
const NAMED_LISTS_MAX: usize = 1_000;

/// A search for logged models and the page of it that is asked for.
pub struct LoggedModelQuery {
    /// The condition that each logged model meets.
    pub search: LoggedModelSearch,
    /// The order of the results.
    pub order: LoggedModelOrder,
    /// The cursor after the page before. `None`: the first page.
    pub after: Option<Cursor>,
    /// Number of results of a page, at least 1.
    pub count: usize,
}

/// Finds logged models of some experiments.
pub async fn find(within: &[ExperimentId], query: &LoggedModelQuery) -> Result<Page<LoggedModelId>> {
    let mut top = TopK::new(query.after.clone(), query.count);
    let mut lists = lists(within, query);
    while let Some(sort_keys) = lists.next(top.missing()).await? {
        for some in sort_keys.chunks(CHUNK_MAX) {
            look(query, some, &mut top).await?;
        }
        if query.order.is_listing() && top.is_full() {
            break;
        }
    }
    Ok(top.into_page())
}

/// Offers the matching models among some.
async fn look(
    query: &LoggedModelQuery,
    sort_keys: &[(i64, LoggedModelId)],
    top: &mut TopK<LoggedModelId>,
) -> Result<()> {
    if query.order.is_listing() && query.search.is_everything() {
        for (time, id) in sort_keys {
            top.offer(query.order.listed_key(*time, *id).bytes(), *id);
        }
        return Ok(());
    }
    let ids: Vec<LoggedModelId> = sort_keys.iter().map(|(_, id)| *id).collect();
    let mut ids = ids.as_slice();
    while !ids.is_empty() {
        let models = read::read_known(ids).await?;
        ids = ids.get(models.len()..).unwrap_or_default();
        let models = models.iter().flatten();
        for known in models.filter(|known| !known.model.is_deleted && query.search.matches(known)) {
            top.offer(query.order.key(known).bytes(), known.model.id);
        }
    }
    Ok(())
}

impl SortedList for List<'_> {
    type Entry = (i64, LoggedModelId);

    fn behind(&self, sort_key: &[u8]) -> Span {
        List::behind(self, sort_key)
    }

    fn sort_key_in(key: &[u8]) -> Option<&[u8]> {
        keys::sort_key_in(key)
    }

    fn entry(sort_key: &[u8]) -> Option<Self::Entry> {
        keys::read_sort_key(sort_key)
    }
}

/// The lists of experiments, or of the names that the search wants, from the page's cursor on.
fn lists<'a>(within: &[ExperimentId], query: &'a LoggedModelQuery) -> ListMerge<List<'a>> {
    let names = query
        .search
        .names()
        .filter(|names| names.len() * within.len() <= NAMED_LISTS_MAX);
    let lists = match names {
        Some(names) => {
            let of = |experiment: &ExperimentId| names.iter().map(|name| List::Name(*experiment, name)).collect();
            within.iter().flat_map::<Vec<List<'a>>, _>(of).collect()
        }
        None => within.iter().map(|experiment| List::Experiment(*experiment)).collect(),
    };
    let cursor = query.after.as_ref().filter(|_| query.order.is_listing());
    let begin = cursor.and_then(|cursor| LoggedModelOrder::listing_cursor(cursor.bytes()));
    ListMerge::new(
        lists,
        begin.map_or_else(Vec::new, |(time, id)| keys::logged_model_sort_key(time, id)),
    )
}
