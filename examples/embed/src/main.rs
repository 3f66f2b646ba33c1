//! mlforge inside another program, in memory and without a socket. The program is the forge: one token may write to project 1.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::Host;
use mlforge::forge::{Access, Actor, Credential, Decision, Forge, ForgeError};
use mlforge::forge::{Project, ProjectRef, Role, Scope, Visibility};
use mlforge::storage::ProjectId;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};

struct OneToken;

#[async_trait::async_trait]
impl Forge for OneToken {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if credential.token() != Some("secret") {
            return Ok(Decision::Unauthenticated);
        }
        let known = Project::new(ProjectId(1), "group/project", Visibility::Private);
        let project = (*project == ProjectRef::Id(1)).then_some((known, Role::Developer));
        Ok(Access::new(Actor::new("1", "ada"), Scope::Api, project).into())
    }
}

fn host() -> anyhow::Result<Host> {
    Host::builder()
        .component(mlforge_component::COMPONENT)
        .records(Arc::new(MemoryRecords::new()))
        .blobs(Arc::new(MemoryBlobs::new()))
        .forge(Arc::new(OneToken))
        .build()
}

/// Creates an experiment in project 1, as an MLflow client does. Returns status and body.
async fn create_experiment(host: &Host, token: &str) -> anyhow::Result<(u16, Bytes)> {
    let request = Request::post("/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/experiments/create")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::from_static(br#"{"name": "first-steps"}"#)))?;
    let response = host.handle(request).await;
    Ok((response.status().as_u16(), response.into_body().into_bytes()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (status, body) = create_experiment(&host()?, "secret").await?;
    println!("{status} {}", String::from_utf8_lossy(&body));
    Ok(())
}

#[cfg(test)]
#[tokio::test]
async fn an_embedded_host_answers_callers_that_its_forge_knows() {
    let host = host().unwrap();
    let (status, body) = create_experiment(&host, "secret").await.unwrap();
    assert_eq!((status, &body[..]), (200, &br#"{"experiment_id":"1"}"#[..]));
    assert_eq!(create_experiment(&host, "guess").await.unwrap().0, 401);
}
