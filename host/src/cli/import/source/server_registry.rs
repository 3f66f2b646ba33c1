//! The registered models of a server, over MLflow's HTTP API.

use serde_json::Value;

use super::super::json::{list, next, number, pairs, text};
use super::server::Server;
use super::{Model, Page, Version};

/// Models and versions in one page.
const PAGE: &str = "100";
/// The tag with which a client of GitLab chooses the semantic version of a new version.
const SEMVER_TAG: &str = "gitlab.version";

pub(super) async fn models(server: &Server, token: &str) -> anyhow::Result<Page<Model>> {
    let query = [("max_results", PAGE), ("page_token", token)];
    let answer = server.find("mlflow/registered-models/search", &query).await?;
    let answer = answer.unwrap_or_default();
    let mut found = add(Vec::new(), &answer);
    // MLflow 3 leaves prompts out, unless a filter asks for them.
    if token.is_empty() {
        let prompts = [
            ("max_results", "1000"),
            ("filter", "tags.`mlflow.prompt.is_prompt` = 'true'"),
        ];
        // A server without prompts, such as GitLab, may refuse the filter.
        if let Ok(Some(prompts)) = server.find("mlflow/registered-models/search", &prompts).await {
            found = add(found, &prompts);
        }
    }
    Ok(Page::of(found, next(&answer)))
}

/// Adds the models of an answer that are not among those before.
fn add(mut found: Vec<Model>, answer: &Value) -> Vec<Model> {
    for model in list(answer, "registered_models").iter().map(model) {
        if !found.iter().any(|other: &Model| other.name == model.name) {
            found.push(model);
        }
    }
    found
}

fn model(value: &Value) -> Model {
    let alias = |alias: &Value| Some((text(&alias["alias"]), text(&alias["version"]).parse().ok()?));
    Model {
        name: text(&value["name"]),
        description: text(&value["description"]),
        created_ms: number(&value["creation_timestamp"]),
        updated_ms: number(&value["last_updated_timestamp"]),
        tags: pairs(value, "tags"),
        aliases: list(value, "aliases").iter().filter_map(alias).collect(),
    }
}

pub(super) async fn versions(server: &Server, model: &str, token: &str) -> anyhow::Result<Page<Version>> {
    let filter = format!("name = '{}'", model.replace('\'', "''"));
    let query = [
        ("max_results", "10000"),
        ("filter", &filter),
        ("order_by", "version_number ASC"),
        ("page_token", token),
    ];
    let answer = server
        .find("mlflow/model-versions/search", &query)
        .await?
        .unwrap_or_default();
    let mut versions: Vec<Version> = list(&answer, "model_versions").iter().map(version).collect();
    versions.sort_by_key(|version| version.number);
    Ok(Page::of(versions, next(&answer)))
}

fn version(value: &Value) -> Version {
    let number_text = text(&value["version"]);
    let mut version = Version {
        number: u64::try_from(number(&value["version"])).unwrap_or(0),
        description: value["description"].as_str().map(str::to_owned),
        user: text(&value["user_id"]),
        stage: text(&value["current_stage"]),
        source: text(&value["source"]),
        location: String::new(),
        run: text(&value["run_id"]),
        run_link: text(&value["run_link"]),
        created_ms: number(&value["creation_timestamp"]),
        updated_ms: number(&value["last_updated_timestamp"]),
        tags: pairs(value, "tags"),
    };
    // GitLab shows the web page of a version as its source, and its semantic version as its alias.
    if version.source.contains("/-/ml/models/") {
        version.location = format!("mlflow-artifacts:/{number_text}");
        version.source.clear();
        version.stage.clear();
        let semver = list(value, "aliases").first().map(text);
        version
            .tags
            .extend(semver.map(|semver| (SEMVER_TAG.to_owned(), semver)));
    }
    version
}
