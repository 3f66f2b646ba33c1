//! mlforge embedded in another program, which hands requests to the host as values, without a socket. The
//! program implements the forge: one token that may write to project 1.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::Host;
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::ProjectId;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};

/// A forge with one user, one token and one project.
struct OneToken(&'static str);

#[async_trait::async_trait]
impl Forge for OneToken {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if credential.token() != Some(self.0) {
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
        .forge(Arc::new(OneToken("secret")))
        .build()
}

/// Posts to an endpoint of MLflow in project 1. Returns status and body.
async fn post(host: &Host, token: &str, endpoint: &str, body: &'static str) -> anyhow::Result<(u16, Bytes)> {
    let request = Request::post(format!("/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/{endpoint}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::from_static(body.as_bytes())))?;
    let response = host.handle(request).await;
    Ok((response.status().as_u16(), response.into_body().into_bytes()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (status, body) = post(&host()?, "secret", "experiments/create", r#"{"name": "first-steps"}"#).await?;
    println!("{status} {}", String::from_utf8_lossy(&body));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_embedded_host_answers_callers_that_its_forge_knows() {
        let host = host().unwrap();
        let create = |token| post(&host, token, "experiments/create", r#"{"name": "first-steps"}"#);
        let (status, body) = create("secret").await.unwrap();
        assert_eq!((status, &body[..]), (200, &br#"{"experiment_id":"1"}"#[..]));
        assert_eq!(create("guess").await.unwrap().0, 401);
    }
}
