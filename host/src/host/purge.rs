//! Deleting for good: the host says when, the component knows what.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, Uri};
use serde::Deserialize;
use serde_json::json;

use crate::host::{Host, Inner};
use crate::storage::ProjectId;

/// Path by which the component knows this work.
const PATH: &str = "/host/purge";

/// The component's answer to one pass.
#[derive(Deserialize)]
struct Pass {
    removed: u64,
    failed: u64,
    #[serde(default)]
    next: Option<String>,
}

impl Host {
    /// Removes for good the runs and experiments of a project that have been deleted for so long, with their metrics, params,
    /// tags and files; answers how many. What belongs to a model version stays. Others may use the project meanwhile. Should
    /// it fail half-way, the next one goes on; nothing that was not deleted is ever lost. Something that cannot be removed, for
    /// a reason that the log tells, keeps nothing else from going; the error comes when all else is done.
    pub async fn purge(&self, project: ProjectId, deleted_for: Duration) -> anyhow::Result<u64> {
        let deleted_for_ms = u64::try_from(deleted_for.as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.inner().lent.now_ms().saturating_sub(deleted_for_ms);
        let (mut removed, mut failed, mut after) = (0, 0, None);
        loop {
            let pass = self.inner().purge_pass(project, before_ms, after.as_deref()).await;
            let pass = pass.with_context(|| format!("project {} is not purged whole", project.0))?;
            removed += pass.removed;
            failed += pass.failed;
            after = pass.next;
            if after.is_none() {
                break;
            }
        }
        if failed > 0 {
            bail!(
                "project {}: {removed} deleted runs and experiments were removed, {failed} could not be; the log says why",
                project.0
            );
        }
        Ok(removed)
    }
}

impl Inner {
    async fn purge_pass(
        self: &Arc<Self>,
        project: ProjectId,
        before_ms: u64,
        after: Option<&str>,
    ) -> anyhow::Result<Pass> {
        let body = json!({ "before_ms": before_ms, "after": after.unwrap_or_default() }).to_string();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(PATH);
        let answer = self.run_for_host(request, project).await;
        let answer = answer.ok_or_else(|| anyhow!("the component gave no answer; the log says why"))?;
        serde_json::from_slice(&answer).context("the component deletes nothing for good")
    }
}
