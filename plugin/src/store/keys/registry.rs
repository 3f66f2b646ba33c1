//! The keys of the model registry: the uppercase kinds of the table in `keys.rs`.

use std::ops::RangeInclusive;

use super::{Key, descending, read_ascending};
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::semver::SemVer;
use crate::domain::stage::ModelStage;
use crate::host::records::Span;

impl Key {
    fn model(self, id: ModelId) -> Self {
        self.number(id.0)
    }

    /// Appends a semantic version so that bytes sort by SemVer's precedence. It is a byte that is 1 for a
    /// release, then the numbers, then the identifiers of the prerelease. A numeric identifier is its length
    /// and digits, any other one its letters and a zero byte.
    fn precedence(self, semver: &SemVer) -> Self {
        let key = self.byte(u8::from(semver.is_release()));
        let mut key = semver.numbers().into_iter().fold(key, Key::number);
        for identifier in semver
            .prerelease()
            .split('.')
            .filter(|identifier| !identifier.is_empty())
        {
            let numeric = identifier.bytes().all(|byte| byte.is_ascii_digit());
            key = match u8::try_from(identifier.len()) {
                Ok(digits) if numeric => Key(key.byte(1).byte(digits).last(identifier)),
                _ => key.byte(2).text(identifier),
            };
        }
        // If two prereleases begin alike, the one with fewer identifiers comes first.
        key.byte(0)
    }
}

/// Span of all keys with a prefix that ends with a whole field.
fn below(prefix: Key) -> Span {
    Span {
        end: Key(prefix.0.clone())
            .number(u64::MAX)
            .number(u64::MAX)
            .number(u64::MAX)
            .0,
        start: prefix.0,
    }
}

/// Key of the counter of models.
pub fn model_counter() -> Vec<u8> {
    vec![b'A']
}

/// Key of the number of the model with this name.
pub fn model_name(name: &str) -> Vec<u8> {
    Key::new(b'B').last(name)
}

/// Span of all models, by name.
pub fn model_names() -> Span {
    Span::of_prefix(vec![b'B'])
}

/// Returns the name in a key of `model_names`.
pub fn model_name_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(1..)?).ok()
}

/// Key of the model that an experiment belongs to.
pub fn model_of_experiment(experiment: ExperimentId) -> Vec<u8> {
    Key::new(b'E').experiment(experiment).0
}

/// A record under a model's number. The first of them is the model itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPart<'a> {
    /// The model.
    Model,
    /// An alias.
    Alias(&'a str),
    /// The key of a tag.
    Tag(&'a str),
}

/// Key of a model.
pub fn model(id: ModelId) -> Vec<u8> {
    Key::new(b'M').model(id).byte(b'a').0
}

/// Key of the number of the version that an alias names.
pub fn model_alias(id: ModelId, alias: &str) -> Vec<u8> {
    Key::new(b'M').model(id).byte(b'l').last(alias)
}

/// Key of a model's tag.
pub fn model_tag(id: ModelId, key: &str) -> Vec<u8> {
    Key::new(b'M').model(id).byte(b't').last(key)
}

/// Span of a model with its aliases and tags.
pub fn model_parts(id: ModelId) -> Span {
    below(Key::new(b'M').model(id))
}

/// Reads a key under a model's number.
pub fn model_part(key: &[u8]) -> Option<ModelPart<'_>> {
    match part(key, b'M', 9)? {
        (b'a', _) => Some(ModelPart::Model),
        (b'l', alias) => Some(ModelPart::Alias(alias)),
        (b't', key) => Some(ModelPart::Tag(key)),
        _ => None,
    }
}

/// Returns the byte and the text that follow the prefix of a key of this kind.
fn part(key: &[u8], kind: u8, prefix: usize) -> Option<(u8, &str)> {
    let (byte, rest) = key.get(prefix..)?.split_first()?;
    let text = std::str::from_utf8(rest).ok()?;
    (key.first() == Some(&kind)).then_some((*byte, text))
}

/// A record under a version's number. The first of them is the version itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionPart<'a> {
    /// The version.
    Version,
    /// An alias that names it.
    Alias(&'a str),
    /// The key of a tag.
    Tag(&'a str),
}

/// Key of a version.
pub fn version(model: ModelId, number: u64) -> Vec<u8> {
    Key::new(b'V').model(model).number(number).byte(b'a').0
}

/// Key of an alias under the version that it names.
pub fn version_alias(model: ModelId, number: u64, alias: &str) -> Vec<u8> {
    Key::new(b'V').model(model).number(number).byte(b'l').last(alias)
}

/// Key of a version's tag.
pub fn version_tag(model: ModelId, number: u64, key: &str) -> Vec<u8> {
    Key::new(b'V').model(model).number(number).byte(b't').last(key)
}

/// Span of the aliases that name a version.
pub fn version_aliases(model: ModelId, number: u64) -> Span {
    Span::of_prefix(Key::new(b'V').model(model).number(number).byte(b'l').0)
}

/// Span of a version's tags.
pub fn version_tags(model: ModelId, number: u64) -> Span {
    Span::of_prefix(Key::new(b'V').model(model).number(number).byte(b't').0)
}

/// Span of the versions with these numbers, with their aliases and tags.
pub fn versions_between(model: ModelId, numbers: &RangeInclusive<u64>) -> Span {
    let of_number = |number| below(Key::new(b'V').model(model).number(number));
    Span {
        start: of_number(*numbers.start()).start,
        end: of_number(*numbers.end()).end,
    }
}

/// Span of all versions of a model with their aliases and tags.
pub fn versions(model: ModelId) -> Span {
    below(Key::new(b'V').model(model))
}

/// Span of all versions of all models with their aliases and tags.
pub fn all_versions() -> Span {
    Span::of_prefix(vec![b'V'])
}

/// Returns the version of a key of `all_versions`. `None`: the record is an alias or a tag.
pub fn version_itself(key: &[u8]) -> Option<(ModelId, u64)> {
    let (model, _) = key.get(1..)?.split_first_chunk()?;
    let is_one = version_part(key) == Some(VersionPart::Version);
    is_one.then_some((ModelId(u64::from_be_bytes(*model)), version_number(key)?))
}

/// Returns the number of the version that a key of `versions` belongs to.
pub fn version_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.get(9..)?.first_chunk()?))
}

/// Reads a key under a version's number.
pub fn version_part(key: &[u8]) -> Option<VersionPart<'_>> {
    match part(key, b'V', 17)? {
        (b'a', _) => Some(VersionPart::Version),
        (b'l', alias) => Some(VersionPart::Alias(alias)),
        (b't', key) => Some(VersionPart::Tag(key)),
        _ => None,
    }
}

/// Key of the number of the version with this semantic version.
pub fn semver(model: ModelId, semver: &str) -> Vec<u8> {
    Key::new(b'T').model(model).last(semver)
}

/// Span of all semantic versions of a model.
pub fn semvers(model: ModelId) -> Span {
    below(Key::new(b'T').model(model))
}

/// Span of the semantic versions of a model that begin with a text.
pub fn semvers_from(model: ModelId, beginning: &str) -> Span {
    match beginning {
        // The last byte of the model's number may be 255.
        "" => semvers(model),
        beginning => Span::of_prefix(semver(model, beginning)),
    }
}

/// Returns the semantic version in a key of `semvers`.
pub fn semver_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(9..)?).ok()
}

/// Key of a version in the order of its stage.
pub fn ranked_version(model: ModelId, stage: ModelStage, semver: &SemVer, number: u64) -> Vec<u8> {
    ranked(model, stage).precedence(semver).number(number).0
}

/// Span of a stage's versions: prereleases, then releases, each by precedence.
pub fn ranked_versions(model: ModelId, stage: ModelStage) -> Span {
    below(ranked(model, stage))
}

/// Span of a stage's prereleases, or of its releases, by precedence.
pub fn ranked_kind(model: ModelId, stage: ModelStage, releases: bool) -> Span {
    Span::of_prefix(ranked(model, stage).byte(u8::from(releases)).0)
}

/// Span of all versions of a model by stage.
pub fn all_ranked(model: ModelId) -> Span {
    below(Key::new(b'S').model(model))
}

/// Returns the rank and the version of such a key. Ranks are comparable across the stages of a model.
pub fn rank_of(key: &[u8]) -> Option<(&[u8], u64)> {
    let rank = key.get(10..)?;
    Some((rank, u64::from_be_bytes(*rank.last_chunk()?)))
}

/// Returns major, minor and patch of a rank.
pub fn rank_numbers(rank: &[u8]) -> Option<[u64; 3]> {
    let numbers = rank.get(1..25)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let numbers: &[[u8; 8]; 3] = numbers.try_into().ok()?;
    Some(numbers.map(u64::from_be_bytes))
}

fn ranked(model: ModelId, stage: ModelStage) -> Key {
    Key::new(b'S').model(model).byte(match stage {
        ModelStage::None => b'n',
        ModelStage::Staging => b's',
        ModelStage::Production => b'p',
        ModelStage::Archived => b'a',
    })
}

/// Number of bytes of the precedence with which a key goes on: see `Key::precedence`. `None`: it is none.
pub(super) fn identifier_end(bytes: &[u8]) -> Option<usize> {
    // A byte and three numbers come before the identifiers.
    let mut end = 25;
    loop {
        match bytes.get(end)? {
            0 => return Some(end + 1),
            1 => end += 2 + usize::from(*bytes.get(end + 1)?),
            2 => end += 1 + bytes.get(end + 1..)?.iter().position(|byte| *byte == 0)? + 1,
            _ => return None,
        }
    }
}

/// Key of a version in the order of its model's versions, the last updated first.
pub fn updated_in_model(model: ModelId, updated_ms: i64, number: u64) -> Vec<u8> {
    updates_in(model).number(descending(updated_ms)).number(!number).0
}

/// Key of a version in the order of all versions, the last updated first.
pub fn updated(updated_ms: i64, model: ModelId, number: u64) -> Vec<u8> {
    Key::new(b'W')
        .number(descending(updated_ms))
        .model(model)
        .number(number)
        .0
}

/// Span of the versions of one model, or of all, the last updated first.
pub fn updates(model: Option<ModelId>) -> Span {
    below(model.map_or(Key::new(b'W'), updates_in))
}

/// Span of the same versions without those updated after this time.
pub fn updates_from(model: Option<ModelId>, updated_ms: i64) -> Span {
    Span {
        start: model
            .map_or(Key::new(b'W'), updates_in)
            .number(descending(updated_ms))
            .0,
        ..updates(model)
    }
}

fn updates_in(model: ModelId) -> Key {
    Key::new(b'U').model(model)
}

/// Returns update time, model and number of the version in a key of `updates`.
pub fn update_of(key: &[u8]) -> Option<(i64, ModelId, u64)> {
    let (kind, rest) = key.split_first()?;
    let (numbers, _) = rest.as_chunks::<8>();
    let [first, second, third] = numbers else { return None };
    let time = |bytes: [u8; 8]| read_ascending(bytes.map(|byte| !byte));
    let number = |bytes: [u8; 8]| u64::from_be_bytes(bytes);
    match kind {
        b'U' => Some((time(*second), ModelId(number(*first)), !number(*third))),
        b'W' => Some((time(*first), ModelId(number(*second)), number(*third))),
        _ => None,
    }
}

/// Key of the link from a run to a version of a model.
pub fn version_of_run(experiment: ExperimentId, run: RunId, model: ModelId, number: u64) -> Vec<u8> {
    Key::new(b'L')
        .experiment(experiment)
        .run(run)
        .model(model)
        .number(number)
        .0
}

/// Span of a run's versions.
pub fn versions_of_run(experiment: ExperimentId, run: RunId) -> Span {
    below(Key::new(b'L').experiment(experiment).run(run))
}

/// Span of the versions of an experiment's runs.
pub fn versions_of_experiment(experiment: ExperimentId) -> Span {
    let guard = versions_guard(experiment);
    below(Key::new(b'L').experiment(experiment)).after(&guard)
}

/// Key of the guard record of an experiment's versions. A commit that adds to a range writes its guard
/// record, and a commit that depends on the range checks it. Here every commit that makes a version of a run,
/// or from a logged model, writes the guard of the experiment. A deletion reads the guard, finds no version,
/// and checks the guard in its commit. So there still is no version then.
pub fn versions_guard(experiment: ExperimentId) -> Vec<u8> {
    Key::new(b'L').experiment(experiment).0
}

/// Returns the run and the version of a key of `versions_of_run`.
pub fn link_of(key: &[u8]) -> Option<(RunId, ModelId, u64)> {
    let (run, rest) = key.get(9..)?.split_first_chunk()?;
    let (model, number) = rest.split_first_chunk()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((RunId(*run), ModelId(u64::from_be_bytes(*model)), number))
}

#[cfg(test)]
mod tests;
