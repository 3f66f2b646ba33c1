//! `mlforge purge`, and the periodic purge of `mlforge serve --purge-after`.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use mlforge::forge::ProjectRef;
use mlforge::forge::local::{LocalForge, ProjectEntry};
use mlforge::storage::ProjectId;
use mlforge::{Host, Limits};

use super::Purge;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Time between two purges by a server.
const PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// Purges projects that no server serves. The storage is locked until it ends.
pub(super) fn purge(data: &Path, options: &Purge) -> anyhow::Result<()> {
    let _log = super::log::Log::start()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(data, options))
}

async fn run(data: &Path, options: &Purge) -> anyhow::Result<()> {
    let forge = Arc::new(super::manage::open(data)?);
    let projects: Vec<ProjectEntry> = projects(&forge)?
        .into_iter()
        .filter(|project| options.project.as_ref().is_none_or(|named| is_named(project, named)))
        .collect();
    if let (Some(named), []) = (&options.project, &projects[..]) {
        bail!("there is no project `{named}`");
    }
    let host = super::storage::builder(data, &options.files, forge)
        .await
        .context("a server that runs purges by itself: mlforge serve --purge-after")?
        .component(mlforge_component::COMPONENT)
        .limits(Limits::default())
        .background_maintenance(false)
        .build()?;
    for project in projects {
        let removed = host.purge(project.id, days(options.older_than)).await?;
        // A failure to write the report does not affect the next project.
        if let Err(error) = writeln!(std::io::stdout(), "{}\t{removed}", project.path) {
            tracing::warn!(project = project.id.0, removed, %error, "purged; cannot write to stdout");
        }
    }
    Ok(())
}

fn is_named(project: &ProjectEntry, named: &ProjectRef) -> bool {
    match named {
        ProjectRef::Id(id) => project.id.0 == *id,
        ProjectRef::Path(path) => project.path == *path,
    }
}

fn projects(forge: &LocalForge) -> anyhow::Result<Vec<ProjectEntry>> {
    let mut projects: Vec<ProjectEntry> = Vec::new();
    loop {
        let page = forge.list_projects(projects.last().map_or(ProjectId(0), |project| project.id))?;
        if page.is_empty() {
            return Ok(projects);
        }
        projects.extend(page);
    }
}

fn days(days: u64) -> Duration {
    DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))
}

/// Purges all projects of a running host, periodically.
pub(super) async fn purge_regularly(host: Host, forge: Arc<LocalForge>, older_than: u64) {
    loop {
        // The query may wait for another process.
        let listed = tokio::task::spawn_blocking({
            let forge = Arc::clone(&forge);
            move || projects(&forge)
        });
        match listed.await.unwrap_or_else(|error| Err(error.into())) {
            Ok(projects) => {
                for project in projects {
                    purge_one(&host, &project, older_than).await;
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "cannot list projects to purge"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn purge_one(host: &Host, project: &ProjectEntry, older_than: u64) {
    match host.purge(project.id, days(older_than)).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(project = project.id.0, removed, "purged"),
        Err(error) => tracing::error!(project = project.id.0, error = format!("{error:#}"), "cannot purge"),
    }
}
