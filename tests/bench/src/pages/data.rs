//! The data that the pages show: an experiment with many runs, a run with much in it, a model with many versions.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::{Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture, metric_value, text};

/// Number of metrics, and of params, of the large run.
const LARGE: u64 = 1_000;
/// A metric of the large run with a long history.
pub(super) const CURVE: &str = "metric-0000";
/// Number of points of that history.
pub(super) const POINTS: u64 = 10_000;
/// Number of metrics with a history of the newest runs.
pub(super) const CHARTED: u64 = 4;
/// Number of these runs, and of the points of each history.
const CHARTED_RUNS: u64 = 100;
const CHARTED_POINTS: u64 = 200;
/// Number of the large run's metrics with a history, and of the points of each.
const CURVES: u64 = 60;
const CURVE_POINTS: u64 = 100;
/// Number of tags, files and children of the large run.
const TAGS: u64 = 100;
const FILES: u64 = 300;
const CHILDREN: u64 = 50;
/// Number of logged models, and of deleted runs.
const LOGGED_MODELS: u64 = 60;
const DELETED_RUNS: u64 = 60;
/// Largest number of versions. A smaller experiment has a model with as many versions as it has runs.
const VERSIONS_MAX: u64 = 10_000;
/// Numbers of params and of metrics in a batch.
const BATCH_PARAMS: u64 = 100;
const BATCH_METRICS: u64 = 1_000;

/// The target, and the ids in the addresses of pages.
pub(super) struct Data {
    /// The server.
    pub(super) target: Target,
    /// The experiment with many runs.
    pub(super) experiment: String,
    /// Its newest runs, which have histories; the newest first.
    pub(super) charted: Vec<String>,
    /// The run with many metrics, params, tags, files and children.
    pub(super) large_run: String,
    /// The name of the model with many versions.
    pub(super) model: String,
    /// The path of its page after `/-/ml/`.
    pub(super) model_page: String,
    /// The run of its first version.
    pub(super) version_run: String,
}

impl Data {
    /// Makes the data, with this number of runs in the experiment.
    pub(super) async fn make(target: &Target, runs: u64) -> Result<Self> {
        let mut client = Client::connect(target).await?;
        let mut fixture = Fixture::with_experiment(target, "pages").await?;
        let experiment = fixture.experiment.clone();
        // It is older than all other runs, and so are its children.
        fixture.add_runs(1).await?;
        let large_run = fixture.run(0).to_owned();
        fill_run(&mut client, target, &experiment, &large_run).await?;
        fixture.fill(runs).await?;
        // The server has closed the first connection, which was idle meanwhile.
        client = Client::connect(target).await?;
        let mut charted = Vec::new();
        for number in 0..CHARTED_RUNS {
            charted.insert(0, charted_run(&mut client, target, &experiment, runs + number).await?);
        }
        let body = json!({"experiment_id": experiment, "name": "model"});
        for _ in 0..LOGGED_MODELS {
            client.ask(target.post("logged-models", &body)).await?;
        }
        for _ in 0..DELETED_RUNS {
            let run = make_run(&mut client, target, &experiment, FIRST_START_MS, &json!([])).await?;
            client.ask(target.post("runs/delete", &json!({"run_id": run}))).await?;
        }
        let model = fixture.experiment_name.clone();
        let version_run = make_versions(&mut client, target, &model, runs.min(VERSIONS_MAX)).await?;
        let model_page = page_of_model(&mut client, target, &model).await?;
        Ok(Self {
            target: target.clone(),
            experiment,
            charted,
            large_run,
            model,
            model_page,
            version_run,
        })
    }
}

async fn make_run(
    client: &mut Client,
    target: &Target,
    experiment: &str,
    start_ms: u64,
    tags: &Value,
) -> Result<String> {
    let body = json!({"experiment_id": experiment, "start_time": start_ms, "tags": tags});
    text(
        &client.ask(target.post("runs/create", &body)).await?,
        "/run/info/run_id",
    )
}

/// A new run with histories, and with the params and metrics of the others.
async fn charted_run(client: &mut Client, target: &Target, experiment: &str, number: u64) -> Result<String> {
    let run = make_run(client, target, experiment, FIRST_START_MS + number, &json!([])).await?;
    client
        .ask(target.post("runs/log-batch", &crate::fixture::content_of(&run, number)))
        .await?;
    let keys = 0..CHARTED;
    let points =
        keys.flat_map(|key| (0..CHARTED_POINTS).map(move |step| point(&format!("c{key}"), number + key, step)));
    let body = json!({"run_id": run, "metrics": points.collect::<Value>()});
    client.ask(target.post("runs/log-batch", &body)).await?;
    Ok(run)
}

/// Logs much to a run, and makes its children.
async fn fill_run(client: &mut Client, target: &Target, experiment: &str, run: &str) -> Result<()> {
    let mut points: Vec<Value> = (0..LARGE)
        .map(|key| point(&format!("metric-{key:04}"), key, 0))
        .collect();
    for key in 1..CURVES {
        points.extend((1..CURVE_POINTS).map(|step| point(&format!("metric-{key:04}"), key, step)));
    }
    points.extend((1..POINTS).map(|step| point(CURVE, 0, step)));
    for some in points.chunks(usize::try_from(BATCH_METRICS)?) {
        let body = json!({"run_id": run, "metrics": some});
        client.ask(target.post("runs/log-batch", &body)).await?;
    }
    let param = |key: u64| json!({"key": format!("param-{key:04}"), "value": format!("value-{key}")});
    let params: Vec<Value> = (0..LARGE).map(param).collect();
    for some in params.chunks(usize::try_from(BATCH_PARAMS)?) {
        let body = json!({"run_id": run, "params": some});
        client.ask(target.post("runs/log-batch", &body)).await?;
    }
    let tags = (0..TAGS).map(|key| json!({"key": format!("tag-{key:03}"), "value": "a value of a tag"}));
    let body = json!({"run_id": run, "tags": tags.collect::<Value>()});
    client.ask(target.post("runs/log-batch", &body)).await?;
    for number in 0..FILES {
        let path = format!("{experiment}/{run}/artifacts/file-{number:03}.txt");
        let answer = client.send(target.upload(&path, Bytes::from_static(b"text"))).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.brief());
    }
    let parent = json!([{"key": "mlflow.parentRunId", "value": run}]);
    for number in 0..CHILDREN {
        make_run(client, target, experiment, FIRST_START_MS + number, &parent).await?;
    }
    Ok(())
}

/// Makes a model with versions, one after the other. Returns the run of the first one.
async fn make_versions(client: &mut Client, target: &Target, model: &str, count: u64) -> Result<String> {
    client
        .ask(target.post("registered-models/create", &json!({"name": model})))
        .await?;
    let mut first = None;
    for number in 0..count {
        let tags = json!([{"key": "even", "value": (number % 2 == 0).to_string()}]);
        let body = json!({"name": model, "source": "", "description": "A card.", "tags": tags});
        let made = client.ask(target.post("model-versions/create", &body)).await?;
        if first.is_none() {
            first = Some(text(&made, "/model_version/run_id")?);
        }
    }
    Ok(first.unwrap_or_default())
}

/// The page to which a model's name leads.
async fn page_of_model(client: &mut Client, target: &Target, model: &str) -> Result<String> {
    let answer = client.send(target.page(&format!("models/by-name/{model}"))).await?;
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    let page = location.and_then(|location| location.split_once("/-/ml/"));
    let (_, page) = page.with_context(|| format!("no page of a model: {}", answer.brief()))?;
    Ok(page.to_owned())
}

fn point(name: &str, key: u64, step: u64) -> Value {
    json!({"key": name, "value": metric_value(step, key), "timestamp": FIRST_START_MS + step, "step": step})
}
