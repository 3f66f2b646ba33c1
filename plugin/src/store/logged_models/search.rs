//! Searches of logged models. In default order a search reads the experiments' lists of models from the
//! page's cursor until the page is full. Another order looks at every model once and keeps no more than a
//! page. A filter that names models reads only the lists of those names: clients send one before each listing
//! of a run's files.

use super::read;
use crate::domain::id::ExperimentId;
use crate::domain::logged_model::LoggedModelId;
use crate::error::{Error, Result};
use crate::host::records::{Span, scan_all};
use crate::search::cursor::Cursor;
use crate::search::logged_models::{LoggedModelOrder, LoggedModelSearch};
use crate::store::keys::logged_models as keys;
use crate::store::keys::logged_models::List;
use crate::store::top_k::{Page, TopK};

/// Largest number of logged models that are read together.
const CHUNK_MAX: usize = 500;

/// Largest number of list entries that are read together, for all lists.
const PLACES_MAX: usize = 100_000;

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
    let mut scan = LoggedModelScan::new(within, query);
    while let Some(sort_keys) = scan.next(top.missing()).await? {
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

/// Reads several lists at once in default order, in chunks that grow.
struct LoggedModelScan<'a> {
    lists: Vec<List<'a>>,
    /// The sort key up to which all lists are read. `None`: all lists are at their end.
    read: Option<Vec<u8>>,
    /// Smallest number of entries that are read of each list.
    least: usize,
}

impl<'a> LoggedModelScan<'a> {
    fn new(within: &[ExperimentId], query: &'a LoggedModelQuery) -> Self {
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
        LoggedModelScan {
            lists,
            read: Some(begin.map_or_else(Vec::new, |(time, id)| keys::logged_model_sort_key(time, id))),
            least: 1,
        }
    }

    async fn next(&mut self, wanted: usize) -> Result<Option<Vec<(i64, LoggedModelId)>>> {
        let Some(read) = self.read.take().filter(|_| !self.lists.is_empty()) else {
            return Ok(None);
        };
        let limit = wanted
            .max(self.least)
            .min(PLACES_MAX / self.lists.len())
            .clamp(1, CHUNK_MAX);
        self.least = 2 * limit;
        let spans: Vec<Span> = self.lists.iter().map(|list| list.behind(&read)).collect();
        let mut sort_keys: Vec<Vec<u8>> = Vec::new();
        let (mut of_list, mut count) = (0, 0);
        // A list with more entries was only read up to its last entry here. After that entry, not all lists
        // are known.
        let mut known_to: Option<Vec<u8>> = None;
        scan_all(spans, limit, |index, key, _| {
            let sort_key = keys::sort_key_in(key).ok_or_else(misplaced)?;
            count = if index == of_list { count + 1 } else { 1 };
            of_list = index;
            if count == limit && known_to.as_deref().is_none_or(|known| sort_key < known) {
                known_to = Some(sort_key.to_vec());
            }
            sort_keys.push(sort_key.to_vec());
            Ok(())
        })
        .await?;
        if let Some(known) = &known_to {
            sort_keys.retain(|sort_key| sort_key <= known);
        }
        self.read = known_to;
        sort_keys.sort_unstable();
        sort_keys
            .iter()
            .map(|sort_key| keys::read_sort_key(sort_key).ok_or_else(misplaced))
            .collect::<Result<_>>()
            .map(Some)
    }
}

fn misplaced() -> Error {
    Error::Corrupt("key in a list of logged models".to_owned())
}
