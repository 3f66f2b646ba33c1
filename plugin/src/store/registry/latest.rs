//! The latest versions of models. Each costs one read at the end of each stage's order, however many versions
//! a model has.

use std::rc::Rc;

use super::version_read;
use super::version_read::{LATEST_BYTES_MAX, VersionRef};
use crate::domain::id::ModelId;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version};
use crate::error::{Error, Result};
use crate::host::records::{last_keys, scan};
use crate::store::keys::registry as keys;

/// Largest number of reads of latest versions when one of them is deleted, or moved to another stage,
/// meanwhile.
const LOOKS_MAX: usize = 10;

/// The latest versions of a model by stage: the highest release of each, or the highest prerelease when there
/// is no release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latest(Vec<Ranked>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranked {
    rank: Vec<u8>,
    stage: ModelStage,
    number: u64,
}

impl Latest {
    /// Number of the latest version in any stage. `None`: there is no version.
    pub fn number(&self) -> Option<u64> {
        self.0.first().map(|ranked| ranked.number)
    }

    /// Returns the number of each stage's latest version, the latest of all first.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|ranked| ranked.number)
    }

    /// True if the versions that were read afterwards all exist in the stages that they had before.
    fn agrees_with(&self, found: &[Option<FullVersion>]) -> bool {
        let has_moved = |version: &Version| {
            let mut known = self.0.iter();
            known.any(|ranked| ranked.number == version.number && ranked.stage != version.stage)
        };
        found
            .iter()
            .all(|found| found.as_ref().is_some_and(|full| !has_moved(&full.version)))
    }

    /// Returns the number of a stage's latest version.
    pub fn of_stage(&self, stage: ModelStage) -> Option<u64> {
        self.0
            .iter()
            .find(|ranked| ranked.stage == stage)
            .map(|ranked| ranked.number)
    }
}

/// A model's name and number.
pub type NamedModel = (Rc<str>, ModelId);

/// Reads the latest versions of the first of some models, the latest of all first for each. At least one
/// model is read if there are any. Fewer than asked are read where versions are large. If one is deleted, or
/// moved to another stage, while it is read, those of its model are read again.
pub async fn read_some(models: &[NamedModel]) -> Result<Vec<Vec<FullVersion>>> {
    let mut all: Vec<Option<Vec<FullVersion>>> = vec![None; models.len()];
    let mut left: Vec<(usize, &NamedModel)> = models.iter().enumerate().collect();
    for _ in 0..LOOKS_MAX {
        let ids: Vec<ModelId> = left.iter().map(|(_, (_, id))| *id).collect();
        let latest = of_models(&ids).await?;
        let read = read_first(&left, &latest).await?;
        left.truncate(read.len());
        let mut changed = Vec::new();
        for (((index, model), latest), versions) in left.into_iter().zip(&latest).zip(read) {
            if !latest.agrees_with(&versions) {
                changed.push((index, model));
            }
            if let Some(place) = all.get_mut(index) {
                *place = Some(versions.into_iter().flatten().collect());
            }
        }
        if changed.is_empty() {
            break;
        }
        left = changed;
    }
    Ok(all.into_iter().map_while(|versions| versions).collect())
}

/// Reads the latest versions of the first of some models together, and always those of the first one.
async fn read_first(models: &[(usize, &NamedModel)], latest: &[Latest]) -> Result<Vec<Vec<Option<FullVersion>>>> {
    let mut wanted = Vec::new();
    let mut ends = Vec::with_capacity(models.len());
    for ((_, (name, id)), latest) in models.iter().zip(latest) {
        wanted.extend(
            latest
                .numbers()
                .map(|number| VersionRef::new(Rc::clone(name), *id, number)),
        );
        ends.push(wanted.len());
    }
    let mut found = version_read::read_some(&wanted, LATEST_BYTES_MAX).await?;
    let whole = ends.iter().take_while(|end| **end <= found.len()).count().max(1);
    ends.truncate(whole);
    wanted.truncate(ends.last().copied().unwrap_or_default());
    while let Some(rest) = wanted.get(found.len()..).filter(|rest| !rest.is_empty()) {
        found.extend(version_read::read_some(rest, LATEST_BYTES_MAX).await?);
    }
    let mut found = found.into_iter();
    let of_each = ends
        .iter()
        .scan(0, |begin, end| Some(end - std::mem::replace(begin, *end)));
    Ok(of_each.map(|count| found.by_ref().take(count).collect()).collect())
}

/// Reads the versions that `choose` selects from a model's latest ones.
pub async fn read_chosen(
    model: &NamedModel,
    choose: impl AsyncFn(&Latest) -> Result<Vec<u64>>,
) -> Result<Vec<FullVersion>> {
    let (name, id) = model;
    for _ in 0..LOOKS_MAX {
        let latest = of_model(*id).await?;
        let numbers = choose(&latest).await?.into_iter();
        let wanted: Vec<_> = numbers
            .map(|number| VersionRef::new(Rc::clone(name), *id, number))
            .collect();
        let found = version_read::read_latest(&wanted).await?;
        if latest.agrees_with(&found) {
            return Ok(found.into_iter().flatten().collect());
        }
    }
    Err(Error::Contended)
}

/// Reads the latest version of a model. `None`: it has no version.
pub async fn read(model: &NamedModel) -> Result<Option<FullVersion>> {
    let found = read_chosen(model, async |latest| Ok(latest.number().into_iter().collect()));
    Ok(found.await?.pop())
}

/// Reads the numbers of the latest versions of some models.
pub async fn of_models(models: &[ModelId]) -> Result<Vec<Latest>> {
    let spans: Vec<_> = models
        .iter()
        .flat_map(|model| ModelStage::ALL.map(|stage| keys::ranked_versions(*model, stage)))
        .collect();
    let last = last_keys(&spans).await?;
    let (stages, _) = last.as_chunks::<{ ModelStage::ALL.len() }>();
    stages.iter().map(latest).collect()
}

/// Reads the numbers of the latest versions of a model.
pub async fn of_model(model: ModelId) -> Result<Latest> {
    Ok(of_models(&[model]).await?.pop().unwrap_or_default())
}

fn latest(last: &[Option<Vec<u8>>; ModelStage::ALL.len()]) -> Result<Latest> {
    let mut found = Vec::new();
    for (stage, key) in ModelStage::ALL.into_iter().zip(last) {
        let Some(key) = key else { continue };
        let (rank, number) = keys::rank_of(key).ok_or_else(misplaced)?;
        found.push(Ranked {
            rank: rank.to_vec(),
            stage,
            number,
        });
    }
    found.sort_by(|a, b| b.rank.cmp(&a.rank));
    Ok(Latest(found))
}

/// Returns major, minor and patch of the highest version of a model, prereleases included.
pub async fn highest_numbers(model: ModelId) -> Result<Option<[u64; 3]>> {
    let spans: Vec<_> = ModelStage::ALL
        .iter()
        .flat_map(|stage| [false, true].map(|releases| keys::ranked_kind(model, *stage, releases)))
        .collect();
    let mut highest = None;
    for key in last_keys(&spans).await?.iter().flatten() {
        let (rank, _) = keys::rank_of(key).ok_or_else(misplaced)?;
        highest = highest.max(Some(keys::rank_numbers(rank).ok_or_else(misplaced)?));
    }
    Ok(highest)
}

/// Returns at most `count` of the versions of a stage.
pub async fn of_stage(model: ModelId, stage: ModelStage, count: usize) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    scan(keys::ranked_versions(model, stage), count, |key, _| {
        let (_, number) = keys::rank_of(key).ok_or_else(misplaced)?;
        numbers.push(number);
        Ok(())
    })
    .await?;
    Ok(numbers)
}

fn misplaced() -> Error {
    Error::Corrupt("key of a version's rank".to_owned())
}
