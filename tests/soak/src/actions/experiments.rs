//! `experiments/…`

use serde_json::{Value, json};

use crate::api::text;
use crate::expected::Experiment;
use crate::step::{Draw, Piece, Step};

/// Number of keys of tags.
const KEYS: u64 = 4;

/// Any experiment: its index and its expected state.
fn any<'a>(draw: &mut Draw<'a>) -> Option<(usize, &'a Experiment)> {
    let index = draw.dice.index(draw.expected.experiments.len())?;
    Some((index, draw.expected.experiments.get(index)?))
}

fn new_name(draw: &mut Draw<'_>) -> String {
    format!("{}e{}", draw.expected.prefix, draw.dice.token())
}

pub(super) fn create(draw: &mut Draw<'_>) -> Option<Step> {
    let name = new_name(draw);
    let call = draw.target.post("experiments/create", &json!({"name": name}));
    Some(Step::new(
        call,
        Piece::NewExperiment(name.clone()),
        move |expected, reply| {
            expected.experiments.push(Experiment {
                id: text(&reply.json, "/experiment_id")?.to_owned(),
                name,
                ..Experiment::default()
            });
            Ok(())
        },
    ))
}

pub(super) fn rename(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, experiment) = any(draw)?;
    let name = new_name(draw);
    let body = json!({"experiment_id": experiment.id, "new_name": name});
    let step = change(draw, "experiments/update", &body, index, |experiment| {
        let former = std::mem::replace(&mut experiment.name, name);
        experiment.former_name = Some(former);
    });
    Some(step.refused_if(experiment.is_deleted, 400))
}

pub(super) fn set_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, experiment) = any(draw)?;
    let (key, value) = (format!("t{}", draw.dice.below(KEYS)), draw.dice.token());
    let body = json!({"experiment_id": experiment.id, "key": key, "value": value});
    let step = change(draw, "experiments/set-experiment-tag", &body, index, |experiment| {
        experiment.tags.insert(key, value);
    });
    Some(step.refused_if(experiment.is_deleted, 400))
}

pub(super) fn delete_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, experiment) = any(draw)?;
    let key = format!("t{}", draw.dice.below(KEYS));
    let is_missing = !experiment.tags.contains_key(&key);
    let body = json!({"experiment_id": experiment.id, "key": key});
    let step = change(
        draw,
        "experiments/delete-experiment-tag",
        &body,
        index,
        move |experiment| {
            experiment.tags.remove(&key);
        },
    );
    Some(step.refused_if(experiment.is_deleted, 400).refused_if(is_missing, 404))
}

/// Deletes any experiment but the first one, which stays in use.
pub(super) fn delete(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, experiment) = any(draw).filter(|(index, _)| *index > 0)?;
    let expected = draw.expected;
    let holds_version = expected.runs_of(index).any(|(_, run)| expected.is_version(run));
    let call = draw
        .target
        .post("experiments/delete", &json!({"experiment_id": experiment.id}));
    let step = Step::new(call, Piece::Experiment(index), move |expected, _| {
        expected.set_experiment_deleted(index, true);
        Ok(())
    });
    // The server checks for versions first.
    Some(
        step.refused_if(holds_version, 400)
            .refused_if(experiment.is_deleted, 404),
    )
}

pub(super) fn restore(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, experiment) = any(draw)?;
    let call = draw
        .target
        .post("experiments/restore", &json!({"experiment_id": experiment.id}));
    let step = Step::new(call, Piece::Experiment(index), move |expected, _| {
        expected.set_experiment_deleted(index, false);
        Ok(())
    });
    Some(step.refused_if(!experiment.is_deleted, 404))
}

fn change(
    draw: &Draw<'_>,
    path: &str,
    body: &Value,
    index: usize,
    effect: impl FnOnce(&mut Experiment) + Send + 'static,
) -> Step {
    Step::new(
        draw.target.post(path, body),
        Piece::Experiment(index),
        move |expected, _| {
            if let Some(experiment) = expected.experiments.get_mut(index) {
                effect(experiment);
            }
            Ok(())
        },
    )
}
