//! Projects in which everything has a hostile name, and an address of each page in them.

mod compare;
mod experiment;
mod registry;
mod traces;

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{HOSTILE, audit, run};

/// The pattern of a route, and the path of one of its pages after `/-/ml/`.
pub(super) type Address = (&'static str, String);

/// A project with hostile names.
pub(super) struct Project {
    pub(super) tracker: Tracker,
    pub(super) addresses: Vec<Address>,
}

/// All projects. Together they have an address of every page.
pub(super) fn projects() -> Vec<Project> {
    let seeds = [
        of_experiments,
        experiment::seed,
        run_of_project,
        compare::seed,
        registry::seed,
        traces::seed,
    ];
    let project = |seed: fn(&Tracker) -> Vec<Address>| {
        let tracker = Tracker::fresh();
        let addresses = seed(&tracker);
        Project { tracker, addresses }
    };
    seeds.map(project).into_iter().chain([audited_project()]).collect()
}

/// A project with an audit log of hostile names.
fn audited_project() -> Project {
    let tracker = audit::audited();
    registry::seed(&tracker);
    let filtered = format!("audit?actor={0}&object={0}", mlforge_ui::link::encoded(HOSTILE));
    let addresses = [
        "audit".to_owned(),
        "audit?action=registered-models/create".to_owned(),
        filtered,
    ];
    Project {
        tracker,
        addresses: addresses.map(|address| ("/-/ml/audit", address)).to_vec(),
    }
}

fn of_experiments(tracker: &Tracker) -> Vec<Address> {
    tracker.post("experiments/create", json!({"name": HOSTILE})).ok();
    vec![
        ("/-/ml/experiments", "experiments".to_owned()),
        (
            "/-/ml/experiments",
            format!("experiments?q={}", mlforge_ui::link::encoded(HOSTILE)),
        ),
        ("/-/ml/experiments/new", "experiments/new".to_owned()),
    ]
}

fn run_of_project(tracker: &Tracker) -> Vec<Address> {
    run::addresses(&run::hostile(tracker))
}
