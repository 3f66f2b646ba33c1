//! A running MLflow server or GitLab project, over MLflow's HTTP API.

use std::env::var;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::json::{at, float, list, next, number, optional_number, pairs, set, text};
use super::super::report::Fatal;
use super::server_registry;
use super::{DatasetInput, Experiment, LoggedModel, Model, ModelPoint, PAGE_POINTS, Page, Point, Run, Source, Version};

/// Time for which a server may send nothing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest number of attempts of a request while the server is overloaded or does not answer.
const ATTEMPTS_MAX: u32 = 6;
/// Number of experiments, runs or models in one page.
const PAGE: usize = 200;

/// A server. Cheap to clone.
#[derive(Clone)]
pub(in crate::cli::import) struct Server {
    base: String,
    http: Client,
}

impl Server {
    /// The credential is that of MLflow's clients: `MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME` and
    /// `MLFLOW_TRACKING_PASSWORD`.
    pub(in crate::cli::import) fn open(base: &str) -> anyhow::Result<Self> {
        // Fails when a provider is installed already, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        Url::parse(base).with_context(|| format!("`{base}` is no URL"))?;
        let http = Client::builder()
            .user_agent(concat!("mlforge/", env!("CARGO_PKG_VERSION")))
            .read_timeout(IDLE_TIMEOUT)
            .build()
            .context("cannot set up TLS")?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            http,
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/2.0/{path}", self.base));
        match (var("MLFLOW_TRACKING_TOKEN"), var("MLFLOW_TRACKING_USERNAME")) {
            (Ok(token), _) => request.bearer_auth(token),
            (_, Ok(user)) => request.basic_auth(user, var("MLFLOW_TRACKING_PASSWORD").ok()),
            _ => request,
        }
    }

    /// The path of a URI below this server's proxy of artifacts. `None`: it is another URI.
    pub(in crate::cli::import) fn proxied<'a>(&self, uri: &'a str) -> Option<&'a str> {
        uri.strip_prefix(&self.base)?
            .strip_prefix("/api/2.0/mlflow-artifacts/artifacts/")
    }

    /// Sends a GET below `api/2.0/`. An overloaded server is asked again.
    pub(in crate::cli::import) async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Response> {
        let mut url = Url::parse("http://query")?;
        url.query_pairs_mut().extend_pairs(query);
        let path = format!("{path}?{}", url.query().unwrap_or_default());
        self.send(|| self.request(Method::GET, &path)).await
    }

    /// Sends a GET and reads the answer's JSON. `None`: the server has no such object, or does not know the path.
    pub(in crate::cli::import) async fn find(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<Option<Value>> {
        let response = self.get(path, query).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(path, response).await.map(Some)
    }

    /// Sends a POST and reads the answer's JSON, as `find` does.
    async fn ask(&self, path: &str, body: &Value) -> anyhow::Result<Option<Value>> {
        let response = self.send(|| self.request(Method::POST, path).json(body)).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        read(path, response).await.map(Some)
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> anyhow::Result<Response> {
        let mut attempt = 1;
        loop {
            let sent = request().send().await;
            let is_busy = |status: StatusCode| status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            let is_over = attempt >= ATTEMPTS_MAX;
            match sent {
                Ok(response) if is_over || !is_busy(response.status()) => return Ok(response),
                Err(error) if is_over => return Err(Fatal(format!("{} does not answer: {error:#}", self.base)).into()),
                _ => sleep(Duration::from_millis(250 << attempt)).await,
            }
            attempt += 1;
        }
    }
}

async fn read(path: &str, response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.bytes().await?;
    if !status.is_success() {
        let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        bail!("{path} answers {status}: {text}");
    }
    serde_json::from_slice(&body).with_context(|| format!("{path} answers no JSON"))
}

#[async_trait]
impl Source for Server {
    async fn experiments(&self, after: Option<String>) -> anyhow::Result<Page<Experiment>> {
        let order = "creation_time ASC";
        let mut body = json!({"max_results": PAGE, "view_type": "ALL", "page_token": after.unwrap_or_default()});
        // GitLab takes no list here.
        let is_gitlab = self.base.contains("/api/v4/projects/");
        if !is_gitlab {
            set(&mut body, "order_by", json!([order]));
        }
        let answer = self.ask("mlflow/experiments/search", &body).await?;
        let answer = answer.ok_or_else(|| anyhow!("{} is no tracking URI: it has no experiments/search", self.base))?;
        Ok(Page::of(
            list(&answer, "experiments").iter().map(experiment).collect(),
            next(&answer),
        ))
    }

    async fn runs(&self, of: &Experiment, after: Option<String>) -> anyhow::Result<Page<Run>> {
        let body = json!({
            "experiment_ids": [of.id], "max_results": PAGE, "run_view_type": "ALL", "page_token": after.unwrap_or_default(),
        });
        let answer = self.ask("mlflow/runs/search", &body).await?.unwrap_or_default();
        Ok(Page::of(list(&answer, "runs").iter().map(run).collect(), next(&answer)))
    }

    async fn points(&self, run: &Run, after: Option<String>) -> anyhow::Result<Page<Point>> {
        let after = after.unwrap_or_default();
        let (index, token) = after.split_once(':').unwrap_or(("0", ""));
        let index: usize = index.parse()?;
        let Some(key) = run.metrics.get(index) else {
            return Ok(Page::empty());
        };
        let count = PAGE_POINTS.to_string();
        let mut query = vec![
            ("run_id", run.id.as_str()),
            ("metric_key", key),
            ("max_results", &count),
        ];
        if !token.is_empty() {
            query.push(("page_token", token));
        }
        let answer = self.find("mlflow/metrics/get-history", &query).await?;
        let points = match &answer {
            Some(answer) => list(answer, "metrics").iter().map(point).collect(),
            // An old GitLab has no histories.
            None => run.newest.get(index).cloned().into_iter().collect(),
        };
        let answer = answer.unwrap_or_default();
        let following = || (index + 1 < run.metrics.len()).then(|| format!("{}:", index + 1));
        let next = next(&answer).map(|token| format!("{index}:{token}"));
        Ok(Page::of(points, next.or_else(following)))
    }

    async fn logged_models(&self, of: &Experiment, after: Option<String>) -> anyhow::Result<Page<LoggedModel>> {
        // Only MLflow 3 knows them. Deleted ones are told by no list.
        let body = json!({"experiment_ids": [of.id], "max_results": 50, "page_token": after.unwrap_or_default()});
        let answer = self
            .ask("mlflow/logged-models/search", &body)
            .await?
            .unwrap_or_default();
        Ok(Page::of(
            list(&answer, "models").iter().map(logged_model).collect(),
            next(&answer),
        ))
    }

    async fn model_points(&self, model: &LoggedModel, _: Option<String>) -> anyhow::Result<Page<ModelPoint>> {
        let path = format!("mlflow/logged-models/{}", model.id);
        let answer = self.find(&path, &[]).await?.unwrap_or_default();
        let points = list(at(&answer, &["model", "data"]), "metrics")
            .iter()
            .map(|metric| ModelPoint {
                run: text(&metric["run_id"]),
                point: point(metric),
                dataset: (text(&metric["dataset_name"]), text(&metric["dataset_digest"])),
            });
        Ok(Page::of(points.collect(), None))
    }

    async fn models(&self, after: Option<String>) -> anyhow::Result<Page<Model>> {
        server_registry::models(self, after.as_deref().unwrap_or_default()).await
    }

    async fn versions(&self, model: &Model, after: Option<String>) -> anyhow::Result<Page<Version>> {
        server_registry::versions(self, &model.name, after.as_deref().unwrap_or_default()).await
    }
}

fn experiment(value: &Value) -> Experiment {
    Experiment {
        id: text(&value["experiment_id"]),
        name: text(&value["name"]),
        location: text(&value["artifact_location"]),
        created_ms: number(&value["creation_time"]),
        updated_ms: number(&value["last_update_time"]),
        is_deleted: value["lifecycle_stage"] == "deleted",
        tags: pairs(value, "tags"),
    }
}

fn run(value: &Value) -> Run {
    let (info, data) = (&value["info"], &value["data"]);
    let (inputs, outputs) = (&value["inputs"], &value["outputs"]);
    Run {
        id: text(&info["run_id"]),
        experiment: text(&info["experiment_id"]),
        name: text(&info["run_name"]),
        user: text(&info["user_id"]),
        status: text(&info["status"]),
        start_ms: number(&info["start_time"]),
        end_ms: optional_number(&info["end_time"]),
        is_deleted: info["lifecycle_stage"] == "deleted",
        deleted_ms: None,
        location: text(&info["artifact_uri"]),
        tags: pairs(data, "tags"),
        params: pairs(data, "params"),
        metrics: list(data, "metrics")
            .iter()
            .map(|metric| text(&metric["key"]))
            .collect(),
        newest: list(data, "metrics").iter().map(point).collect(),
        inputs: list(inputs, "dataset_inputs").iter().map(dataset_input).collect(),
        model_inputs: list(inputs, "model_inputs")
            .iter()
            .map(|input| text(&input["model_id"]))
            .collect(),
        outputs: list(outputs, "model_outputs")
            .iter()
            .map(|output| (text(&output["model_id"]), number(&output["step"])))
            .collect(),
    }
}

fn dataset_input(value: &Value) -> DatasetInput {
    let dataset = &value["dataset"];
    DatasetInput {
        name: text(&dataset["name"]),
        digest: text(&dataset["digest"]),
        source_type: text(&dataset["source_type"]),
        source: text(&dataset["source"]),
        schema: dataset["schema"].as_str().map(str::to_owned),
        profile: dataset["profile"].as_str().map(str::to_owned),
        tags: pairs(value, "tags"),
    }
}

fn logged_model(value: &Value) -> LoggedModel {
    let (info, data) = (&value["info"], &value["data"]);
    let statuses = [
        "",
        "LOGGED_MODEL_PENDING",
        "LOGGED_MODEL_READY",
        "LOGGED_MODEL_UPLOAD_FAILED",
    ];
    let status = text(&info["status"]);
    let status = statuses.iter().position(|word| *word == status).unwrap_or(0);
    LoggedModel {
        id: text(&info["model_id"]),
        experiment: text(&info["experiment_id"]),
        name: text(&info["name"]),
        kind: text(&info["model_type"]),
        source_run: text(&info["source_run_id"]),
        status: i64::try_from(status).unwrap_or(0),
        created_ms: number(&info["creation_timestamp_ms"]),
        updated_ms: number(&info["last_updated_timestamp_ms"]),
        is_deleted: info["lifecycle_stage"] == "deleted",
        location: text(&info["artifact_uri"]),
        params: pairs(data, "params"),
        tags: pairs(info, "tags"),
    }
}

fn point(value: &Value) -> Point {
    Point {
        key: text(&value["key"]),
        value: float(&value["value"]),
        timestamp_ms: number(&value["timestamp"]),
        step: number(&value["step"]),
    }
}
