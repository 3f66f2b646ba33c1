//! The latest versions: one read at the end of each stage's order, however many versions a model has.

use super::keys::registry as keys;
use super::records::{last_keys, scan};
use crate::domain::model::ModelId;
use crate::domain::stage::ModelStage;
use crate::error::{Error, Result};

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

    /// The latest of a stage.
    pub fn of_stage(&self, stage: ModelStage) -> Option<u64> {
        self.0
            .iter()
            .find(|ranked| ranked.stage == stage)
            .map(|ranked| ranked.number)
    }
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
