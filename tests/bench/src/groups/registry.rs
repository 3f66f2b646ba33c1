//! The model registry: versions made concurrently, and reads of a model with many versions.

use anyhow::Result;
use serde_json::{Value, json};

use crate::client::{Call, Client, Target};
use crate::fixture::Fixture;
use crate::scenario::{Bound, Scenario, Turn};

/// Number of versions of the model that most requests read, and of a smaller one. Both should cost the same.
const MANY: u64 = 10_000;
const FEW: u64 = 1_000;
/// Number of versions on a page that a person reads.
const PAGE: u64 = 100;
/// Number of names that one measurement may use.
const SERIES_NAMES: u64 = 100_000_000;

/// The scenarios of the group. Concurrent creations come last: each costs every other writer of its model
/// another attempt.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario::new("registry_create_model", Bound::Flush, create_model),
    Scenario::new("registry_get_version", Bound::Json, |fixture, _| {
        get(fixture, "model-versions/get", MANY, "&version=5000")
    }),
    Scenario::new("registry_get_version_by_semver", Bound::Json, |fixture, _| {
        get(fixture, "model-versions/get", MANY, "&version=1.0.4999")
    }),
    Scenario::new("registry_alias", Bound::Json, |fixture, _| {
        get(fixture, "registered-models/alias", MANY, "&alias=champion")
    }),
    Scenario {
        expected: |_| vec![("/model_versions", 1)],
        ..Scenario::new("registry_latest", Bound::Json, |fixture, _| {
            get(fixture, "registered-models/get-latest-versions", MANY, "")
        })
    },
    Scenario {
        expected: |_| vec![("/registered_model/latest_versions", 1)],
        ..Scenario::new("registry_get_model", Bound::Json, |fixture, _| {
            get(fixture, "registered-models/get", MANY, "")
        })
    },
    Scenario {
        expected: |_| vec![("/model_versions", PAGE)],
        ..Scenario::new("registry_search_versions_1000", Bound::Json, |fixture, _| {
            search(fixture, FEW, "")
        })
    },
    Scenario {
        expected: |_| vec![("/model_versions", PAGE)],
        ..Scenario::new("registry_search_versions_10000", Bound::Json, |fixture, _| {
            search(fixture, MANY, "")
        })
    },
    Scenario {
        expected: |_| vec![("/model_versions", PAGE)],
        ..Scenario::new("registry_search_versions_filter_10000", Bound::Json, |fixture, _| {
            search(fixture, MANY, "+AND+tags.even+%3D+%27true%27")
        })
    },
    Scenario::new("registry_create_version_own", Bound::Flush, |fixture, turn| {
        create_version(fixture, &model(fixture, &format!("own-{}", turn.worker % 32)))
    }),
    Scenario::new("registry_create_version", Bound::Flush, |fixture, _| {
        create_version(fixture, &model(fixture, "shared"))
    }),
];

/// Makes a model with many versions and an alias, one with few, one for all writers and one for each.
pub(super) async fn prepare(target: &Target) -> Result<Fixture> {
    let fixture = Fixture::with_experiment(target, "registry").await?;
    let mut client = Client::connect(target).await?;
    let own = (0..32).map(|worker| format!("own-{worker}"));
    for name in [MANY.to_string(), FEW.to_string(), "shared".to_owned()]
        .into_iter()
        .chain(own)
    {
        let body = json!({"name": model(&fixture, &name)});
        client.ask(target.post("registered-models/create", &body)).await?;
    }
    // One after the other: concurrent creations would only wait for each other.
    for versions in [MANY, FEW] {
        for number in 1..=versions {
            let even = (number % 2 == 0).to_string();
            let body = version(&fixture, &model(&fixture, &versions.to_string()), &even);
            client.ask(target.post("model-versions/create", &body)).await?;
        }
    }
    let alias = json!({"name": model(&fixture, &MANY.to_string()), "alias": "champion", "version": "77"});
    client.ask(target.post("registered-models/alias", &alias)).await?;
    Ok(fixture)
}

fn model(fixture: &Fixture, name: &str) -> String {
    format!("{}-{name}", fixture.experiment_name)
}

fn version(fixture: &Fixture, model: &str, even: &str) -> Value {
    json!({
        "name": model,
        "source": "",
        "description": fixture.experiment_name,
        "tags": [{"key": "even", "value": even}, {"key": "team", "value": "bench"}],
    })
}

fn create_version(fixture: &Fixture, model: &str) -> Call {
    fixture
        .target
        .post("model-versions/create", &version(fixture, model, "no"))
}

fn create_model(fixture: &Fixture, turn: &Turn) -> Call {
    let number = turn.series * SERIES_NAMES + turn.round;
    let name = model(fixture, &format!("made-{}-{number}", turn.worker));
    fixture.target.post("registered-models/create", &json!({"name": name}))
}

/// A read of the model with this number of versions.
fn get(fixture: &Fixture, path: &str, versions: u64, more: &str) -> Call {
    let name = model(fixture, &versions.to_string());
    fixture.target.get(&format!("{path}?name={name}{more}"))
}

fn search(fixture: &Fixture, versions: u64, more: &str) -> Call {
    let name = model(fixture, &versions.to_string());
    let path = format!("model-versions/search?max_results={PAGE}&filter=name%3D%27{name}%27{more}");
    fixture.target.get(&path)
}
