//! The model registry: names, numbers, aliases, stages and orders agree with models and versions.

use super::{Check, Repair, Source};
use crate::domain::id::ModelId;
use crate::domain::model::Model;
use crate::domain::version::Version;
use crate::error::Result;
use crate::store::codec;
use crate::store::keys::{self, Family, ReadKey};

pub(super) fn check<S: Source>(check: &mut Check<S>, read: &ReadKey, key: &[u8], value: &[u8]) -> Result<()> {
    let Some(id) = read.number("model").map(ModelId) else {
        return name(check, read, key, value);
    };
    let number = read.number("number").unwrap_or_default();
    match read.family {
        Family::Model => model(check, &codec::registry::read_model(id, value)?),
        Family::Version => version(check, &codec::registry::read_version(id, number, value)?),
        Family::ModelTag if !check.has_model(id)? => {
            check.found(format!("a tag belongs to model {id}, which does not exist"), None);
            Ok(())
        }
        Family::VersionTag if !check.has_version(id, number)? => {
            let text = format!("a tag belongs to version {number} of model {id}, which does not exist");
            check.found(text, None);
            Ok(())
        }
        Family::ModelAlias => model_alias(check, read, id, value),
        Family::VersionAlias => version_alias(check, read, id, number, key),
        Family::SemVer => entry(check, id, codec::read_number(value)?, key),
        Family::RankedVersion | Family::UpdatedInModel | Family::Updated | Family::VersionOfRun => {
            entry(check, id, number, key)
        }
        _ => Ok(()),
    }
}

/// The name of a model, and the model of an experiment.
fn name<S: Source>(check: &mut Check<S>, read: &ReadKey, key: &[u8], value: &[u8]) -> Result<()> {
    if !matches!(read.family, Family::ModelName | Family::ModelOfExperiment) {
        return Ok(());
    }
    let id = ModelId(codec::read_number(value)?);
    let stored = check.source.get(&keys::registry::model(id))?;
    let model = stored.and_then(|value| codec::registry::read_model(id, &value).ok());
    let is_right = model.is_some_and(|model| match read.family {
        Family::ModelName => Some(model.name.as_str()) == read.text("name"),
        _ => Some(model.experiment.0) == read.number("experiment"),
    });
    // The experiment of a deleted model keeps its record until it is removed.
    if !is_right && !check.has_model(id)? {
        let text = format!("{:?} names model {id}, which does not exist", read.family);
        check.found(text, Some(Repair::Delete(key.to_vec())));
    }
    Ok(())
}

fn model<S: Source>(check: &mut Check<S>, model: &Model) -> Result<()> {
    let id = model.id;
    let number = codec::write_number(id.0);
    let named = keys::registry::model_name(&model.name);
    check.expect(&format!("the name of model {id}"), named, number.clone())?;
    let owner = keys::registry::model_of_experiment(model.experiment);
    check.expect(&format!("the experiment of model {id}"), owner, number)?;
    let counter = keys::registry::model_counter();
    if check.number_at(&counter)?.is_none_or(|next| next <= id.0) {
        let right = codec::write_number(id.0.saturating_add(1));
        let text = format!("the counter of models is not above model {id}");
        check.found(text, Some(Repair::Put(counter, right)));
    }
    Ok(())
}

fn version<S: Source>(check: &mut Check<S>, version: &Version) -> Result<()> {
    let (id, number) = (version.model, version.number);
    let what = |of: &str| format!("{of} of version {number} of model {id}");
    if !check.has_model(id)? {
        check.found(
            format!("version {number} belongs to model {id}, which does not exist"),
            None,
        );
        return Ok(());
    }
    for (of, key, value) in entries(version) {
        check.expect(&what(of), key, value)?;
    }
    if !check.has_run(version.run)? {
        check.found(format!("{} {} does not exist", what("the run"), version.run), None);
    }
    Ok(())
}

/// The records that a version determines.
fn entries(version: &Version) -> [(&'static str, Vec<u8>, Vec<u8>); 5] {
    let (id, number, updated) = (version.model, version.number, version.last_update_time_ms);
    let named = codec::write_number(number);
    let ranked = keys::registry::ranked_version(id, version.stage, &version.semver, number);
    let linked = keys::registry::version_of_run(version.experiment, version.run, id, number);
    [
        (
            "the semantic version",
            keys::registry::semver(id, &version.semver.to_string()),
            named,
        ),
        ("the rank", ranked, Vec::new()),
        (
            "the order in its model",
            keys::registry::updated_in_model(id, updated, number),
            Vec::new(),
        ),
        (
            "the order in the project",
            keys::registry::updated(updated, id, number),
            Vec::new(),
        ),
        ("the link to the run", linked, Vec::new()),
    ]
}

fn model_alias<S: Source>(check: &mut Check<S>, read: &ReadKey, id: ModelId, value: &[u8]) -> Result<()> {
    let (alias, number) = (read.text("alias").unwrap_or_default(), codec::read_number(value)?);
    if !check.has_version(id, number)? {
        let text = format!("alias {alias:?} of model {id} names version {number}, which does not exist");
        check.found(text, Some(Repair::Delete(keys::registry::model_alias(id, alias))));
        return Ok(());
    }
    let key = keys::registry::version_alias(id, number, alias);
    check.expect(
        &format!("alias {alias:?} under version {number} of model {id}"),
        key,
        Vec::new(),
    )
}

fn version_alias<S: Source>(check: &mut Check<S>, read: &ReadKey, id: ModelId, number: u64, key: &[u8]) -> Result<()> {
    let alias = read.text("alias").unwrap_or_default();
    let named = check.number_at(&keys::registry::model_alias(id, alias))?;
    if named != Some(number) && !check.exists(&keys::tombstone(&keys::Tombstone::Version(id, number)))? {
        let text = format!("version {number} of model {id} has alias {alias:?}, which names another one");
        check.found(text, Some(Repair::Delete(key.to_vec())));
    }
    Ok(())
}

/// An entry of an order or a link: the version says so too, or is being removed.
fn entry<S: Source>(check: &mut Check<S>, id: ModelId, number: u64, key: &[u8]) -> Result<()> {
    let stored = check.source.get(&keys::registry::version(id, number))?;
    let is_right = match &stored {
        Some(value) => {
            let version = codec::registry::read_version(id, number, value);
            // A version that cannot be read is told by itself.
            version.map_or(true, |version| {
                entries(&version).iter().any(|(_, right, _)| right == key)
            })
        }
        None => check.has_version(id, number)?,
    };
    if !is_right {
        let text = format!("an entry names version {number} of model {id}, which does not say so");
        check.found(text, Some(Repair::Delete(key.to_vec())));
    }
    Ok(())
}
