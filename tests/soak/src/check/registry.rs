//! Checks of registered models, their versions and aliases.

use std::collections::BTreeMap;

use anyhow::Context;
use mlforge_bench::dice::Dice;
use serde_json::Value;

use super::{PAGES_MAX, encoded, same, same_map};
use crate::api::{Api, Result, list, pairs, text};
use crate::expected::{Expected, Model, Version};

/// Checks a model: itself, its former name, each of its versions by number and semantic version, each of its
/// aliases.
pub(super) async fn model(api: &mut Api, expected: &Expected, index: usize) -> Result<()> {
    let known = expected.models.get(index).context("no such model")?;
    let name = encoded(&known.name);
    let by_name = |name: &str| format!("registered-models/get?name={}", encoded(name));
    for gone in known.former_name.iter().chain(known.is_deleted.then_some(&known.name)) {
        let call = api.target.get(&by_name(gone));
        api.miss(call).await?;
    }
    if known.is_deleted {
        return versions(api, known).await;
    }
    let call = api.target.get(&by_name(&known.name));
    let answer = api.ask(call).await?;
    is_model(known, answer.pointer("/registered_model").unwrap_or(&answer))?;
    for (number, version) in &known.versions {
        let semver = version.semver.to_string();
        for named in [number.to_string(), semver] {
            let call = api
                .target
                .get(&format!("model-versions/get?name={name}&version={}", encoded(&named)));
            let answer = api.ask(call).await?;
            is_whole_version(
                known,
                *number,
                version,
                answer.pointer("/model_version").unwrap_or(&answer),
            )?;
        }
    }
    let latest = known.latest().map(|number| ("latest".to_owned(), number));
    for (alias, number) in known
        .aliases
        .iter()
        .map(|(alias, number)| (alias.clone(), *number))
        .chain(latest)
    {
        let call = api.target.get(&format!(
            "registered-models/alias?name={name}&alias={}",
            encoded(&alias)
        ));
        let answer = api.ask(call).await?;
        let found = text(&answer, "/model_version/version")?;
        same(
            &format!("model {}", known.name),
            &alias,
            &found,
            &number.to_string().as_str(),
        )?;
    }
    versions(api, known).await
}

fn is_model(known: &Model, answer: &Value) -> anyhow::Result<()> {
    let what = format!("model {}", known.name);
    same(&what, "name", &text(answer, "/name")?, &known.name.as_str())?;
    let description = answer.pointer("/description").and_then(Value::as_str);
    same(
        &what,
        "description",
        &description.unwrap_or_default(),
        &known.description.as_str(),
    )?;
    same_map(&what, "tag", &pairs(answer, "/tags")?, &known.tags)?;
    let aliases = list(answer, "/aliases").iter();
    let aliases = aliases.map(|alias| Ok((text(alias, "/alias")?.to_owned(), text(alias, "/version")?.parse()?)));
    same_map(&what, "alias", &aliases.collect::<anyhow::Result<_>>()?, &known.aliases)
}

/// Checks a version as searches and models show it.
fn is_version(known: &Model, number: u64, version: &Version, answer: &Value) -> anyhow::Result<()> {
    let what = format!("version {number} of {}", known.name);
    same(
        &what,
        "number",
        &text(answer, "/version")?,
        &number.to_string().as_str(),
    )?;
    same(&what, "model", &text(answer, "/name")?, &known.name.as_str())?;
    same(&what, "run", &text(answer, "/run_id")?, &version.run.as_str())?;
    same(
        &what,
        "stage",
        &text(answer, "/current_stage")?,
        &version.stage.as_str(),
    )?;
    let mut tags = pairs(answer, "/tags")?;
    let semver = tags.remove("gitlab.version");
    same(&what, "semantic version", &semver, &Some(version.semver.to_string()))?;
    same_map(&what, "tag", &tags, &version.tags)
}

/// Checks a version as it is read alone.
fn is_whole_version(known: &Model, number: u64, version: &Version, answer: &Value) -> anyhow::Result<()> {
    is_version(known, number, version, answer)?;
    let mut shown: Vec<&str> = list(answer, "/aliases").iter().filter_map(Value::as_str).collect();
    let semver = version.semver.to_string();
    let mut aliases = vec![semver.as_str()];
    let named = known.aliases.iter().filter(|(_, named)| **named == number);
    aliases.extend(named.map(|(alias, _)| alias.as_str()));
    aliases.sort_unstable();
    shown.sort_unstable();
    same(
        &format!("version {number} of {}", known.name),
        "aliases",
        &shown,
        &aliases,
    )
}

/// Checks the list of the versions of a model. A deleted model has none.
async fn versions(api: &mut Api, known: &Model) -> Result<()> {
    let filter = encoded(&format!("name = '{}'", known.name));
    let found = api.ask_pages("/model_versions", PAGES_MAX, |target, token| {
        let page = format!("max_results=20&page_token={}", encoded(token));
        target.get(&format!("model-versions/search?filter={filter}&{page}"))
    });
    let found = found.await?;
    let number = |version: &Value| anyhow::Ok((text(version, "/version")?.parse::<u64>()?, version.clone()));
    let by_number: BTreeMap<u64, Value> = found.iter().map(number).collect::<anyhow::Result<_>>()?;
    if by_number.len() != found.len() {
        return Err(anyhow::anyhow!("a version of {} was found twice", known.name).into());
    }
    let numbers = |known: &Model| {
        known
            .versions
            .keys()
            .copied()
            .filter(|_| !known.is_deleted)
            .collect::<Vec<_>>()
    };
    let found: Vec<u64> = by_number.keys().copied().collect();
    same(&format!("model {}", known.name), "versions", &found, &numbers(known))?;
    for (number, answer) in &by_number {
        if let Some(version) = known.versions.get(number) {
            is_version(known, *number, version, answer)?;
        }
    }
    Ok(())
}

/// Checks the list of all models of the caller, by name.
pub(super) async fn models(api: &mut Api, expected: &Expected, dice: &mut Dice) -> Result<()> {
    let (filter, page_size) = (
        encoded(&format!("name LIKE '{}m%'", expected.prefix)),
        dice.within(1..=20),
    );
    let found = api.ask_pages("/registered_models", PAGES_MAX, |target, token| {
        let page = format!("max_results={page_size}&page_token={}", encoded(token));
        target.get(&format!("registered-models/search?filter={filter}&{page}"))
    });
    let found = found.await?;
    let mut known: Vec<&Model> = expected.models.iter().filter(|model| !model.is_deleted).collect();
    known.sort_by_key(|model| &model.name);
    same("models", "number", &found.len(), &known.len())?;
    for (known, found) in known.into_iter().zip(&found) {
        is_model(known, found)?;
        for version in list(found, "/latest_versions") {
            let number: u64 = text(version, "/version")?.parse().context("a number of a version")?;
            let shown = known
                .versions
                .get(&number)
                .context("a version that is gone is the latest")?;
            is_version(known, number, shown, version)?;
        }
        let latest = known.latest().map(|number| number.to_string());
        let mut shown = list(found, "/latest_versions")
            .iter()
            .filter_map(|version| text(version, "/version").ok());
        if let Some(latest) = latest
            && !shown.any(|number| number == latest)
        {
            return Err(anyhow::anyhow!("model {} does not show its latest version {latest}", known.name).into());
        }
    }
    Ok(())
}
