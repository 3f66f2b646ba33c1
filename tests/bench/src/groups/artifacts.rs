//! Files of a run. Small ones are measured in requests a second, large ones in bytes a second.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::json;

use crate::client::{Call, Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture, text};
use crate::numbers::mix;
use crate::scenario::{Bound, Scenario, Turn};

const SMALL: u64 = 1 << 10;
const LARGE: u64 = 100_000_000;
const SMALL_FILE: &str = "small";
const LARGE_FILE: &str = "large";
/// The beginning of `artifact_uri` when the server proxies artifacts.
const PROXIED: &str = "mlflow-artifacts:/";

/// Incompressible bytes, as weights are.
static CONTENTS: LazyLock<Bytes> = LazyLock::new(|| {
    let words = (0..LARGE / 8).flat_map(|number| mix(number).to_le_bytes());
    words.collect::<Vec<u8>>().into()
});

/// The scenarios of the group.
pub(super) static SCENARIOS: &[Scenario] = &[
    Scenario {
        file_bytes: SMALL,
        ..Scenario::new("artifact_1k_up", Bound::File, |fixture, turn| {
            upload(fixture, turn, SMALL_FILE, SMALL)
        })
    },
    Scenario {
        file_bytes: SMALL,
        ..Scenario::new("artifact_1k_down", Bound::File, |fixture, _| {
            download(fixture, SMALL_FILE)
        })
    },
    Scenario {
        file_bytes: LARGE,
        concurrency_max: 8,
        ..Scenario::new("artifact_100m_up", Bound::File, |fixture, turn| {
            upload(fixture, turn, LARGE_FILE, LARGE)
        })
    },
    Scenario {
        file_bytes: LARGE,
        concurrency_max: 8,
        ..Scenario::new("artifact_100m_down", Bound::File, |fixture, _| {
            download(fixture, LARGE_FILE)
        })
    },
];

/// Makes a run with a small file and a large one. The fixture holds the location of the run's files in place
/// of its id.
pub(super) async fn prepare(target: &Target) -> Result<Fixture> {
    let mut fixture = Fixture::with_experiment(target, "artifacts").await?;
    let mut client = Client::connect(target).await?;
    let body = json!({"experiment_id": fixture.experiment, "start_time": FIRST_START_MS});
    let made = client.ask(target.post("runs/create", &body)).await?;
    let uri = text(&made, "/run/info/artifact_uri")?;
    let place = uri
        .strip_prefix(PROXIED)
        .with_context(|| format!("files go to {uri}, not through the server"))?;
    fixture.runs.push(place.trim_start_matches('/').to_owned());
    fill(&fixture).await?;
    Ok(fixture)
}

/// Stores the same files in the baseline server.
pub(crate) async fn prepare_bare(target: &Target) -> Result<Fixture> {
    let mut fixture = Fixture::bare(target);
    fixture.runs.push("files".to_owned());
    fill(&fixture).await?;
    Ok(fixture)
}

/// Uploads the files that are downloaded.
async fn fill(fixture: &Fixture) -> Result<()> {
    let mut client = Client::connect(&fixture.target).await?;
    for (name, size) in [(SMALL_FILE, SMALL), (LARGE_FILE, LARGE)] {
        let call = fixture.target.upload(&path(fixture, name), contents(size));
        let answer = client.send(call).await?;
        anyhow::ensure!(answer.status == 200, "an upload: {}", answer.brief());
    }
    Ok(())
}

/// An upload in which each worker overwrites a file of its own.
fn upload(fixture: &Fixture, turn: &Turn, name: &str, size: u64) -> Call {
    let name = format!("{name}-{}", turn.worker);
    fixture.target.upload(&path(fixture, &name), contents(size))
}

fn download(fixture: &Fixture, name: &str) -> Call {
    fixture.target.download(&path(fixture, name))
}

fn path(fixture: &Fixture, name: &str) -> String {
    format!("{}/{name}", fixture.run(0))
}

fn contents(size: u64) -> Bytes {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    CONTENTS.slice(..size.min(CONTENTS.len()))
}
