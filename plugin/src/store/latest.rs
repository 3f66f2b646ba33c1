//! The latest versions: one read at the end of each stage's order, however many versions a model has.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::keys::registry as keys;
use super::records::{last_keys, scan};
use super::versions;
use crate::domain::model::ModelId;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version};
use crate::error::{Error, Result};

/// How often the latest versions are read again when one of them is deleted, or moved to another stage, meanwhile.
const LOOKS_MAX: usize = 10;

/// The latest versions of a model by stage: of each the highest release, or the highest prerelease when there is no release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latest(Vec<Ranked>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranked {
    rank: Vec<u8>,
    stage: ModelStage,
    number: u64,
}

impl Latest {
    /// The latest of all.
    pub fn number(&self) -> Option<u64> {
        self.0.first().map(|ranked| ranked.number)
    }

    /// The latest of each stage, the latest of all first.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|ranked| ranked.number)
    }

    /// Whether versions that were read after it are all there, and in the stages that they had then.
    fn agrees_with(&self, found: &[Option<FullVersion>]) -> bool {
        let has_moved = |version: &Version| {
            let mut known = self.0.iter();
            known.any(|ranked| ranked.number == version.number && ranked.stage != version.stage)
        };
        found
            .iter()
            .all(|found| found.as_ref().is_some_and(|full| !has_moved(&full.version)))
    }

    /// The latest of a stage.
    pub fn of_stage(&self, stage: ModelStage) -> Option<u64> {
        self.0
            .iter()
            .find(|ranked| ranked.stage == stage)
            .map(|ranked| ranked.number)
    }
}

/// The name of a model, and its number.
pub type NamedModel = (Rc<str>, ModelId);

/// Reads the latest versions of some models, of each the latest of all first. If one is deleted, or moved to another stage,
/// while it is read, those of its model are read again.
pub async fn read_all(models: &[NamedModel]) -> Result<BTreeMap<ModelId, Vec<FullVersion>>> {
    let mut all = BTreeMap::new();
    let mut left = models.to_vec();
    for _ in 0..LOOKS_MAX {
        let ids: Vec<ModelId> = left.iter().map(|(_, id)| *id).collect();
        let latest = of_models(&ids).await?;
        let wanted = left.iter().zip(&latest).flat_map(|((name, id), latest)| {
            let numbers = latest.numbers();
            numbers.map(move |number| (Rc::clone(name), *id, number))
        });
        let mut found = versions::read_all(&wanted.collect::<Vec<_>>()).await?.into_iter();
        let mut changed = Vec::new();
        for (model, latest) in left.into_iter().zip(&latest) {
            let versions: Vec<_> = found.by_ref().take(latest.0.len()).collect();
            if !latest.agrees_with(&versions) {
                changed.push(model.clone());
            }
            all.insert(model.1, versions.into_iter().flatten().collect());
        }
        if changed.is_empty() {
            break;
        }
        left = changed;
    }
    Ok(all)
}

/// Reads those versions that are chosen from the latest of a model.
pub async fn read_chosen(
    model: &NamedModel,
    choose: impl AsyncFn(&Latest) -> Result<Vec<u64>>,
) -> Result<Vec<FullVersion>> {
    let (name, id) = model;
    for _ in 0..LOOKS_MAX {
        let latest = of_model(*id).await?;
        let numbers = choose(&latest).await?.into_iter();
        let wanted: Vec<_> = numbers.map(|number| (Rc::clone(name), *id, number)).collect();
        let found = versions::read_all(&wanted).await?;
        if latest.agrees_with(&found) {
            return Ok(found.into_iter().flatten().collect());
        }
    }
    Err(Error::Contended)
}

/// Reads the latest version of a model; none when it has no version.
pub async fn read(model: &NamedModel) -> Result<Option<FullVersion>> {
    let found = read_chosen(model, async |latest| Ok(latest.number().into_iter().collect()));
    Ok(found.await?.pop())
}

/// Reads the latest versions of some models.
pub async fn of_models(models: &[ModelId]) -> Result<Vec<Latest>> {
    let spans: Vec<_> = models
        .iter()
        .flat_map(|model| ModelStage::ALL.map(|stage| keys::ranked_versions(*model, stage)))
        .collect();
    let last = last_keys(&spans).await?;
    let (stages, _) = last.as_chunks::<{ ModelStage::ALL.len() }>();
    stages.iter().map(latest).collect()
}

/// Reads the latest versions of a model.
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

/// Major, minor and patch of the highest version of a model, prereleases included.
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

/// Some of the versions of a stage, at most so many.
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
