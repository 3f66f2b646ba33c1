//! Changes that a caller makes to its own objects. No other caller touches them.

mod experiments;
mod files;
mod registry;
mod runs;
mod traces;

pub(crate) use runs::STATUSES;
pub(crate) use traces::span_name;

use crate::step::{Action, Draw, Step};

/// The kinds of changes of records, each with a weight: its share of all attempts.
const ACTIONS: &[(u64, Action)] = &[
    (5, experiments::create),
    (3, experiments::rename),
    (4, experiments::set_tag),
    (2, experiments::delete_tag),
    (2, experiments::delete),
    (4, experiments::restore),
    (60, runs::create),
    (200, runs::log_metric),
    (160, runs::log_batch),
    (80, runs::log_param),
    (60, runs::set_tag),
    (20, runs::delete_tag),
    (40, runs::update),
    (15, runs::delete),
    (20, runs::restore),
    (10, registry::create_model),
    (4, registry::rename_model),
    (6, registry::describe_model),
    (2, registry::delete_model),
    (10, registry::set_model_tag),
    (40, registry::create_version),
    (12, registry::delete_version),
    (15, registry::set_version_tag),
    (10, registry::transition),
    (25, registry::set_alias),
    (8, registry::delete_alias),
];

/// The kinds of changes of files.
const FILE_ACTIONS: &[(u64, Action)] = &[
    (100, files::upload),
    (8, files::delete),
    (2, files::delete_all),
    (10, files::begin_upload),
    (40, files::send_part),
    (20, files::complete_upload),
    (2, files::abort_upload),
    (3, files::complete_again),
    (40, traces::begin),
    (40, traces::extend),
    (25, traces::set_tag),
    (15, traces::judge),
    (6, traces::delete),
];

/// Draws kinds of changes until one is possible.
pub(crate) fn draw(draw: &mut Draw<'_>) -> Step {
    let files = if draw.with_files { FILE_ACTIONS } else { &[] };
    let weights: u64 = ACTIONS.iter().chain(files).map(|(weight, _)| weight).sum();
    loop {
        let mut left = draw.dice.below(weights);
        let chosen = ACTIONS.iter().chain(files).find(|(weight, _)| {
            let is_it = left < *weight;
            left = left.saturating_sub(*weight);
            is_it
        });
        // An experiment can always be made.
        if let Some(step) = chosen.and_then(|(_, action)| action(draw)) {
            return step;
        }
    }
}
