//! `registered-models/…` and `model-versions/…`

use anyhow::ensure;
use hyper::Method;
use serde_json::{Value, json};

use super::runs::listed;
use crate::api::{integer, text};
use crate::expected::{Model, Pairs, SemVer, Version};
use crate::step::{Draw, Piece, Step};

/// Number of keys of tags.
const KEYS: u64 = 4;
/// The stages, in MLflow's words.
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];
/// Aliases of versions.
const ALIASES: [&str; 3] = ["champion", "challenger", "모델"];

/// An existing model: its index and its expected state.
fn any<'a>(draw: &mut Draw<'a>) -> Option<(usize, &'a Model)> {
    let models = draw.expected.models.iter().enumerate();
    draw.dice.pick_from(models.filter(|(_, model)| !model.is_deleted))
}

/// A version of an existing model: the model's index, the model, and the version's number.
fn any_version<'a>(draw: &mut Draw<'a>) -> Option<(usize, &'a Model, u64)> {
    let (index, model) = any(draw)?;
    let number = draw.dice.pick_from(model.versions.keys())?;
    Some((index, model, *number))
}

fn new_name(draw: &mut Draw<'_>) -> String {
    format!("{}m{}", draw.expected.prefix, draw.dice.token())
}

pub(super) fn create_model(draw: &mut Draw<'_>) -> Option<Step> {
    let name = new_name(draw);
    let body = json!({"name": name, "description": "made"});
    let call = draw.target.post("registered-models/create", &body);
    Some(Step::new(call, Piece::NewModel(name.clone()), |expected, _| {
        expected.models.push(Model {
            name,
            description: "made".to_owned(),
            ..Model::default()
        });
        Ok(())
    }))
}

pub(super) fn rename_model(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let name = new_name(draw);
    let body = json!({"name": model.name, "new_name": name});
    Some(change(
        draw,
        Method::POST,
        "registered-models/rename",
        &body,
        index,
        |model| {
            let former = std::mem::replace(&mut model.name, name);
            model.former_name = Some(former);
        },
    ))
}

pub(super) fn describe_model(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let description = draw.dice.token();
    let body = json!({"name": model.name, "description": description});
    Some(change(
        draw,
        Method::PATCH,
        "registered-models/update",
        &body,
        index,
        |model| {
            model.description = description;
        },
    ))
}

pub(super) fn delete_model(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let body = json!({"name": model.name});
    Some(change(
        draw,
        Method::DELETE,
        "registered-models/delete",
        &body,
        index,
        |model| {
            model.is_deleted = true;
        },
    ))
}

pub(super) fn set_model_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let (key, value) = (format!("t{}", draw.dice.below(KEYS)), draw.dice.token());
    let body = json!({"name": model.name, "key": key, "value": value});
    Some(change(
        draw,
        Method::POST,
        "registered-models/set-tag",
        &body,
        index,
        |model| {
            model.tags.insert(key, value);
        },
    ))
}

/// Makes a version of one of the caller's runs or of a new one. The semantic version is given, or the next
/// one. A run that already is a version of the given semantic version is copied: if the model has that
/// semantic version, the copy gets the next one.
pub(super) fn create_version(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let expected = draw.expected;
    let active = expected.runs.iter().filter(|run| !run.is_deleted);
    let run = match draw.dice.one_in(3) {
        true => draw.dice.pick_from(active).map(|run| run.id.clone()),
        false => None,
    };
    let wanted = draw.dice.one_in(3).then(|| SemVer {
        numbers: [draw.dice.below(4), draw.dice.below(4), draw.dice.below(4)],
        candidate: draw.dice.one_in(2).then(|| draw.dice.below(3)),
    });
    let is_copied = match (&run, wanted) {
        (Some(run), Some(wanted)) => expected.is_original(run, wanted)?,
        _ => false,
    };
    let free = wanted.filter(|wanted| !(is_copied && model.has(*wanted)));
    let semver = free.unwrap_or_else(|| model.next_semver());
    let token = draw.dice.token();
    let tags = Pairs::from([("token".to_owned(), token.clone())]);
    let mut sent = tags.clone();
    sent.extend(wanted.map(|semver| ("gitlab.version".to_owned(), semver.to_string())));
    let body = json!({"name": model.name, "source": "", "run_id": run, "tags": listed(&sent)});
    let call = draw.target.post("model-versions/create", &body);
    let number = model.last_number + 1;
    let step = Step::new(call, Piece::NewVersion(index, token), move |expected, reply| {
        let made = text(&reply.json, "/model_version/version")?;
        ensure!(made == number.to_string(), "version {made} was made, not {number}");
        let its_run = text(&reply.json, "/model_version/run_id")?.to_owned();
        ensure!(run.is_none_or(|run| run == its_run), "version {made} is of another run");
        if let Some(model) = expected.models.get_mut(index) {
            model.last_number = number;
            let version = Version {
                semver,
                run: its_run,
                stage: "None".to_owned(),
                tags,
            };
            model.versions.insert(number, version);
        }
        integer(&reply.json, "/model_version/creation_timestamp")?;
        Ok(())
    });
    Some(step.refused_if(model.has(semver), 400))
}

pub(super) fn delete_version(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model, number) = any_version(draw)?;
    let body = json!({"name": model.name, "version": number.to_string()});
    Some(change(
        draw,
        Method::DELETE,
        "model-versions/delete",
        &body,
        index,
        move |model| {
            model.remove(number);
        },
    ))
}

pub(super) fn set_version_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model, number) = any_version(draw)?;
    let (key, value) = (format!("t{}", draw.dice.below(KEYS)), draw.dice.token());
    let body = json!({"name": model.name, "version": number.to_string(), "key": key, "value": value});
    Some(change(
        draw,
        Method::POST,
        "model-versions/set-tag",
        &body,
        index,
        move |model| {
            if let Some(version) = model.versions.get_mut(&number) {
                version.tags.insert(key, value);
            }
        },
    ))
}

pub(super) fn transition(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model, number) = any_version(draw)?;
    let stage = *draw.dice.pick(&STAGES)?;
    let archives = matches!(stage, "Staging" | "Production") && draw.dice.one_in(2);
    let body = json!({
        "name": model.name, "version": number.to_string(), "stage": stage, "archive_existing_versions": archives,
    });
    let path = "model-versions/transition-stage";
    Some(change(draw, Method::POST, path, &body, index, move |model| {
        for (other, version) in &mut model.versions {
            if *other == number {
                stage.clone_into(&mut version.stage);
            } else if archives && version.stage == stage {
                "Archived".clone_into(&mut version.stage);
            }
        }
    }))
}

pub(super) fn set_alias(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model, number) = any_version(draw)?;
    let alias = *draw.dice.pick(&ALIASES)?;
    let body = json!({"name": model.name, "alias": alias, "version": number.to_string()});
    Some(change(
        draw,
        Method::POST,
        "registered-models/alias",
        &body,
        index,
        move |model| {
            model.aliases.insert(alias.to_owned(), number);
        },
    ))
}

pub(super) fn delete_alias(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, model) = any(draw)?;
    let alias = *draw.dice.pick(&ALIASES)?;
    let body = json!({"name": model.name, "alias": alias});
    Some(change(
        draw,
        Method::DELETE,
        "registered-models/alias",
        &body,
        index,
        move |model| {
            model.aliases.remove(alias);
        },
    ))
}

fn change(
    draw: &Draw<'_>,
    method: Method,
    path: &str,
    body: &Value,
    index: usize,
    effect: impl FnOnce(&mut Model) + Send + 'static,
) -> Step {
    let call = draw.target.json(method, path, body);
    Step::new(call, Piece::Model(index), move |expected, _| {
        if let Some(model) = expected.models.get_mut(index) {
            effect(model);
        }
        Ok(())
    })
}
