//! Searches of model versions. In default order a search reads the update order of one model's versions, or
//! of all, from the page's cursor until the page is full. Another order looks at every version once and keeps
//! no more than a page. A search by run reads the versions of the run.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::version_read::VersionRef;
use super::{model_name, version_read};
use crate::domain::id::{ModelId, RunId};
use crate::domain::model::Model;
use crate::error::{Error, Result};
use crate::host::records::{Span, scan};
use crate::search::cursor::Cursor;
use crate::search::versions::{VersionOrder, VersionSearch};
use crate::store::keys::registry as keys;
use crate::store::portion::ITEM_BYTES_MAX;
use crate::store::references;
use crate::store::top_k::{Page, TopK};

/// Largest number of versions that are read together.
const CHUNK_MAX: usize = 500;

/// A search for versions and the page of it that is asked for.
pub struct VersionQuery {
    /// The condition that each version meets.
    pub search: VersionSearch,
    /// The order of the results.
    pub order: VersionOrder,
    /// The cursor after the page before. `None`: the first page.
    pub after: Option<Cursor>,
    /// Number of results of a page, at least 1.
    pub count: usize,
}

/// Update time, model and number of a version.
type Update = (i64, ModelId, u64);

/// Finds versions.
pub async fn find(query: &VersionQuery) -> Result<Page<VersionRef>> {
    let mut top = TopK::new(query.after.clone(), query.count);
    if let Some(runs) = query.search.runs() {
        let runs: Vec<RunId> = runs.iter().filter_map(|run| RunId::parse(run).ok()).collect();
        let links = references::versions_of_runs(&runs).await?;
        for some in links.chunks(CHUNK_MAX) {
            let updates: Vec<Update> = some.iter().map(|(model, number)| (0, *model, *number)).collect();
            look(query, &updates, false, &mut top).await?;
        }
        return Ok(top.into_page());
    }
    let Some(mut scan) = VersionScan::new(query).await? else {
        return Ok(Page::empty());
    };
    let sort_keys_suffice = query.order.is_listing() && query.search.asks_names_only();
    while let Some(updates) = scan.next(top.missing()).await? {
        for some in updates.chunks(CHUNK_MAX) {
            look(query, some, sort_keys_suffice, &mut top).await?;
        }
        if query.order.is_listing() && top.is_full() {
            break;
        }
    }
    Ok(top.into_page())
}

/// Offers the matching versions among some.
async fn look(
    query: &VersionQuery,
    updates: &[Update],
    sort_keys_suffice: bool,
    top: &mut TopK<VersionRef>,
) -> Result<()> {
    let names = names(query, updates).await?;
    let named = |(time, model, number): &Update| {
        let name = names.get(model)?;
        Some((*time, VersionRef::new(Rc::clone(name), *model, *number)))
    };
    let seen: Vec<(i64, VersionRef)> = updates.iter().filter_map(named).collect();
    if sort_keys_suffice {
        for (time, found) in seen {
            top.offer(
                query.order.listed_key(time, &found.model_name, found.number).bytes(),
                found,
            );
        }
        return Ok(());
    }
    let wanted: Vec<VersionRef> = seen.into_iter().map(|(_, found)| found).collect();
    let mut wanted = wanted.as_slice();
    while !wanted.is_empty() {
        let versions = version_read::read_some(wanted, ITEM_BYTES_MAX).await?;
        wanted = wanted.get(versions.len()..).unwrap_or_default();
        for version in versions
            .iter()
            .flatten()
            .filter(|version| query.search.matches(version))
        {
            let found = VersionRef::new(
                Rc::clone(&version.model_name),
                version.version.model,
                version.version.number,
            );
            top.offer(query.order.key(version).bytes(), found);
        }
    }
    Ok(())
}

/// Returns the names of the models of some versions, without models that the search does not show or that no
/// longer exist.
async fn names(query: &VersionQuery, updates: &[Update]) -> Result<BTreeMap<ModelId, Rc<str>>> {
    let mut ids: Vec<ModelId> = updates.iter().map(|(_, model, _)| *model).collect();
    ids.sort_unstable();
    ids.dedup();
    let models = references::load_models(&ids).await?.into_iter().flatten();
    let seen = models.filter(|model: &Model| query.search.sees(model));
    Ok(seen.map(|model| (model.id, model.name.into())).collect())
}

/// Reads the versions of one model, or of all, the last updated first, in chunks that grow.
struct VersionScan {
    rest: Option<Span>,
    /// True if the entries are those of one model: then they are in the order of the results. The entries of
    /// all models sort versions of one time by model number, not by name.
    of_one_model: bool,
    /// Smallest number of entries that are read.
    least: usize,
}

impl VersionScan {
    /// Begins a scan. `None`: there is nothing to find.
    async fn new(query: &VersionQuery) -> Result<Option<Self>> {
        let mut names = query.search.names().into_iter().flatten();
        let model = match (names.next(), names.next()) {
            (Some(name), None) => match model_name::find(name).await? {
                None => return Ok(None),
                found => found,
            },
            _ => None,
        };
        let cursor = query.after.as_ref().filter(|_| query.order.is_listing());
        let rest = match (
            model,
            cursor.and_then(|cursor| VersionOrder::listing_cursor(cursor.bytes())),
        ) {
            (Some(id), Some((time, number))) => keys::updates(model).after(&keys::updated_in_model(id, time, number)),
            (None, Some((time, _))) => keys::updates_from(None, time),
            (_, None) => keys::updates(model),
        };
        Ok(Some(VersionScan {
            rest: Some(rest),
            of_one_model: model.is_some(),
            least: 1,
        }))
    }

    async fn next(&mut self, wanted: usize) -> Result<Option<Vec<Update>>> {
        while let Some(span) = self.rest.take() {
            let limit = wanted.clamp(1, CHUNK_MAX).max(self.least);
            let (mut updates, mut last) = (Vec::new(), Vec::new());
            scan(span.clone(), limit, |key, _| {
                updates.push(keys::update_of(key).ok_or_else(misplaced)?);
                last = key.to_vec();
                Ok(())
            })
            .await?;
            let Some((time, _, _)) = updates.last().copied().filter(|_| updates.len() == limit) else {
                return Ok(Some(updates));
            };
            if self.of_one_model {
                self.least = (2 * limit).min(CHUNK_MAX);
                self.rest = Some(span.after(&last));
                return Ok(Some(updates));
            }
            // There may be more entries of this time, and one of them may come first, so they are returned
            // together.
            updates.retain(|(other, _, _)| *other != time);
            self.rest = Some(keys::updates_from(None, time));
            self.least = if updates.is_empty() {
                2 * limit
            } else {
                (2 * limit).min(CHUNK_MAX)
            };
            if !updates.is_empty() {
                return Ok(Some(updates));
            }
        }
        Ok(None)
    }
}

fn misplaced() -> Error {
    Error::Corrupt("key of a version's update".to_owned())
}
