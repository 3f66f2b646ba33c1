//! Searches of registered models. In the order of names a search reads names from the page's cursor until the
//! page is full. Another order looks at every model once and keeps no more than a page.

use super::models;
use crate::domain::id::ModelId;
use crate::domain::limits::MODEL_NAME_BYTES_MAX;
use crate::error::{Error, Result};
use crate::host::records::{Span, get_all, scan};
use crate::search::cursor::Cursor;
use crate::search::models::{ModelOrder, ModelSearch};
use crate::store::codec;
use crate::store::keys::registry as keys;
use crate::store::top_k::{Page, TopK};

/// Largest number of models that are read together.
const CHUNK_MAX: usize = 500;

/// A search for models and the page of it that is asked for.
pub struct ModelQuery {
    /// The condition that each model meets.
    pub search: ModelSearch,
    /// The order of the results.
    pub order: ModelOrder,
    /// The cursor after the page before. `None`: the first page.
    pub after: Option<Cursor>,
    /// Number of results of a page, at least 1.
    pub count: usize,
}

/// Finds models.
pub async fn find(query: &ModelQuery) -> Result<Page<ModelId>> {
    let mut top = TopK::new(query.after.clone(), query.count);
    let mut scan = ModelScan::new(query);
    while let Some(ids) = scan.next(top.missing()).await? {
        let mut ids = ids.as_slice();
        while !ids.is_empty() {
            let models = models::read_parts(ids).await?;
            ids = ids.get(models.len()..).unwrap_or_default();
            for full in models.iter().flatten().filter(|full| query.search.matches(full)) {
                top.offer(query.order.key(full).bytes(), full.model.id);
            }
        }
        if query.order.is_listing() && top.is_full() {
            break;
        }
    }
    Ok(top.into_page())
}

/// Reads the names that a search can find, in order, in chunks that grow.
enum ModelScan {
    /// These names only, read from the last one.
    Named(Vec<String>),
    /// The rest of all names, and the smallest number that is read next.
    All(Option<Span>, usize),
}

impl ModelScan {
    fn new(query: &ModelQuery) -> Self {
        if let Some(names) = query.search.names() {
            let possible = names.iter().filter(|name| name.len() <= MODEL_NAME_BYTES_MAX);
            return ModelScan::Named(possible.rev().cloned().collect());
        }
        let cursor = query.after.as_ref().filter(|_| query.order.is_listing());
        let name = cursor.and_then(|cursor| ModelOrder::listed_name(cursor.bytes()));
        let all = keys::model_names();
        let rest = name.map_or_else(|| all.clone(), |name| all.after(&keys::model_name(name)));
        ModelScan::All(Some(rest), 1)
    }

    async fn next(&mut self, wanted: usize) -> Result<Option<Vec<ModelId>>> {
        match self {
            ModelScan::Named(names) => {
                let some = names.split_off(names.len().saturating_sub(CHUNK_MAX));
                if some.is_empty() {
                    return Ok(None);
                }
                let records = get_all(some.iter().rev().map(|name| keys::model_name(name)).collect()).await?;
                let found = records
                    .iter()
                    .filter_map(|record| record.existing().map(codec::read_number));
                let ids: Result<Vec<u64>> = found.collect();
                Ok(Some(ids?.into_iter().map(ModelId).collect()))
            }
            ModelScan::All(rest, least) => {
                let Some(span) = rest.take() else { return Ok(None) };
                let limit = wanted.max(*least).min(CHUNK_MAX);
                *least = 2 * limit;
                let (mut ids, mut last) = (Vec::new(), Vec::new());
                scan(span.clone(), limit, |key, value| {
                    keys::model_name_of(key).ok_or_else(|| Error::Corrupt("key of a model's name".to_owned()))?;
                    ids.push(ModelId(codec::read_number(value)?));
                    last = key.to_vec();
                    Ok(())
                })
                .await?;
                *rest = (ids.len() == limit).then(|| span.after(&last));
                Ok(Some(ids))
            }
        }
    }
}
