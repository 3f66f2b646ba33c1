//! The JSON objects of the model registry in MLflow's answers, by the rules of `wire`. A version also shows
//! its semantic version, in a tag and as its first alias.

use std::borrow::Cow;

use serde::Serialize;

use super::Author;
use crate::domain::experiment::Pair;
use crate::domain::model::FullModel;
use crate::domain::semver::SEMVER_TAG;
use crate::domain::version::FullVersion;

/// A registered model.
#[derive(Serialize)]
pub struct Model<'a> {
    name: &'a str,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    latest_versions: Vec<Version<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Alias<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author<'a>>,
}

#[derive(Serialize)]
struct Alias<'a> {
    alias: &'a str,
    version: String,
}

/// A tag of a model or a version.
#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    value: Cow<'a, str>,
}

fn tag((key, value): &Pair) -> Tag<'_> {
    Tag {
        key,
        value: Cow::Borrowed(value),
    }
}

impl<'a> From<&'a FullModel> for Model<'a> {
    fn from(full: &'a FullModel) -> Self {
        let model = &full.model;
        let alias = |(alias, number): &'a (String, u64)| Alias {
            alias,
            version: number.to_string(),
        };
        Model {
            name: &model.name,
            creation_timestamp: model.creation_time_ms,
            last_updated_timestamp: model.last_update_time_ms,
            description: &model.description,
            latest_versions: full.latest.iter().map(Version::in_list).collect(),
            tags: full.tags.iter().map(tag).collect(),
            aliases: full.aliases.iter().map(alias).collect(),
            author: Author::of(&model.author),
        }
    }
}

/// A model version.
#[derive(Serialize)]
pub struct Version<'a> {
    name: &'a str,
    version: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    /// The login of the author, since clients send no user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    current_stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    source: &'a str,
    run_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag<'a>>,
    run_link: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author<'a>>,
}

impl<'a> Version<'a> {
    /// The version with all its aliases.
    pub fn whole(full: &'a FullVersion) -> Self {
        let mut version = Self::in_list(full);
        version
            .aliases
            .extend(full.aliases.iter().map(|alias| Cow::Borrowed(alias.as_str())));
        version
    }

    /// The version as in searches and in models. MLflow's server omits the aliases there that users set.
    pub fn in_list(full: &'a FullVersion) -> Self {
        let version = &full.version;
        let (mut tags, mut aliases) = (full.tags.iter().map(tag).collect::<Vec<_>>(), Vec::new());
        // Clients show a prompt's tags and aliases as they are, so a prompt gets none that nobody set.
        if !full.is_prompt() {
            let semver = version.semver.to_string();
            let place = tags.partition_point(|tag| tag.key < SEMVER_TAG);
            aliases.push(Cow::Owned(semver.clone()));
            tags.insert(
                place,
                Tag {
                    key: SEMVER_TAG,
                    value: Cow::Owned(semver),
                },
            );
        }
        Version {
            name: &full.model_name,
            version: version.number.to_string(),
            creation_timestamp: version.creation_time_ms,
            last_updated_timestamp: version.last_update_time_ms,
            user_id: version.author.as_ref().map(|author| author.login.as_str()),
            current_stage: version.stage.name(),
            description: version.description.as_deref(),
            source: &version.source,
            run_id: version.run.to_string(),
            status: "READY",
            tags,
            run_link: &version.run_link,
            aliases,
            author: Author::of(&version.author),
        }
    }
}
