//! Lists of models for people. A page looks at a bounded number of models, so it may be short where few match,
//! and the list goes on after it.

use super::models::read_parts;
use crate::domain::id::ModelId;
use crate::domain::model::FullModel;
use crate::error::{Error, Result};
use crate::host::records::{get, scan_all, scan_page};
use crate::store::codec;
use crate::store::keys::registry as keys;

/// Number of models that are read together.
const CHUNK: u64 = 100;
/// Largest number of models that one page looks at.
const LOOKED_AT_MAX: u64 = 2_000;

/// A page of models, with tags and aliases and without versions. `P` is a place in their order.
pub struct ModelPage<P> {
    /// The models, in order.
    pub models: Vec<FullModel>,
    /// The place after which the next page begins. `None`: this is the last page.
    pub next: Option<P>,
}

/// Reads models in the order of their names, after a name. `after` empty: from the first.
pub async fn by_name(after: &str, count: usize, is_wanted: impl Fn(&FullModel) -> bool) -> Result<ModelPage<String>> {
    let all = keys::model_names();
    let mut rest = match after {
        "" => all,
        after => all.after(&keys::model_name(after)),
    };
    let mut page = Filling::new(count);
    for _ in 0..LOOKED_AT_MAX / CHUNK {
        let mut some = Vec::new();
        let left = scan_page(&rest, usize::try_from(CHUNK).unwrap_or(usize::MAX), |key, value| {
            let name = keys::model_name_of(key).ok_or_else(|| Error::Corrupt("key of a model's name".to_owned()))?;
            some.push((name.to_owned(), ModelId(codec::read_number(value)?)));
            Ok(())
        })
        .await?;
        if page.take(some, &is_wanted).await? {
            return Ok(page.ended());
        }
        match left {
            Some(left) => rest = left,
            None => return Ok(page.whole()),
        }
    }
    Ok(page.ended())
}

/// Reads models, the newest first, before a number. `None`: from the newest.
pub async fn newest(
    before: Option<u64>,
    count: usize,
    is_wanted: impl Fn(&FullModel) -> bool,
) -> Result<ModelPage<u64>> {
    let [counter] = get([keys::model_counter()]).await?;
    let end = counter.decode(codec::read_number)?.unwrap_or(1);
    let mut high = before.unwrap_or(end).min(end);
    let mut page = Filling::new(count);
    for _ in 0..LOOKED_AT_MAX / CHUNK {
        let low = high.saturating_sub(CHUNK).max(1);
        let some = (low..high).rev().map(|number| (number, ModelId(number))).collect();
        if page.take(some, &is_wanted).await? {
            return Ok(page.ended());
        }
        if low == 1 {
            return Ok(page.whole());
        }
        high = low;
    }
    Ok(page.ended())
}

/// A page that is being filled.
struct Filling<P> {
    count: usize,
    models: Vec<FullModel>,
    /// The place of the last model that was looked at.
    last: Option<P>,
}

impl<P> Filling<P> {
    fn new(count: usize) -> Self {
        Filling {
            count,
            models: Vec::new(),
            last: None,
        }
    }

    /// Adds those of some models that are wanted. True: the page is full, and more models follow it.
    async fn take(&mut self, some: Vec<(P, ModelId)>, is_wanted: &impl Fn(&FullModel) -> bool) -> Result<bool> {
        let ids: Vec<ModelId> = some.iter().map(|(_, id)| *id).collect();
        let mut places = some.into_iter().map(|(place, _)| place);
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let models = read_parts(rest).await?;
            rest = rest.get(models.len()..).unwrap_or_default();
            for (full, place) in models.into_iter().zip(places.by_ref()) {
                let wanted = full.filter(|full| is_wanted(full));
                if wanted.is_some() && self.models.len() == self.count {
                    return Ok(true);
                }
                self.models.extend(wanted);
                self.last = Some(place);
            }
        }
        Ok(false)
    }

    fn ended(self) -> ModelPage<P> {
        ModelPage {
            models: self.models,
            next: self.last,
        }
    }

    fn whole(self) -> ModelPage<P> {
        ModelPage {
            models: self.models,
            next: None,
        }
    }
}

/// Counts the versions of models, each up to `max`.
pub async fn count_versions(models: &[ModelId], max: usize) -> Result<Vec<usize>> {
    let mut counts = vec![0; models.len()];
    let spans = models.iter().map(|model| keys::semvers(*model)).collect();
    scan_all(spans, max, |index, _, _| {
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
        Ok(())
    })
    .await?;
    Ok(counts)
}
