//! `mlforge purge`, and the periodic purge of `mlforge serve --purge-after`.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use mlforge::forge::ProjectRef;
use mlforge::storage::ProjectId;
use mlforge::{Host, Limits};

use super::Purge;
use super::forge::OpenForge;
use super::place::Place;
use super::storage::{DirectArgs, OpenRecords};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Time between two purges by a server.
const PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// Purges projects that no server serves. The storage is locked until it ends.
pub(super) fn purge(place: &Place, options: &Purge) -> anyhow::Result<()> {
    let _log = super::log::Log::start(super::log::LogFormat::Text)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(place, options))
}

async fn run(place: &Place, options: &Purge) -> anyhow::Result<()> {
    let opened = OpenRecords::open(place).await;
    let records = opened.context("a server that runs purges by itself: mlforge serve --purge-after")?;
    let forge = super::forge::open_owned(place, &records).await?;
    let projects = match &options.project {
        Some(project) => vec![super::forge::named(&forge, project)?],
        None => projects(&records).await?,
    };
    let host = super::storage::builder(place, (&options.files, &DirectArgs::default()), &records, forge.forge())
        .await?
        .component(mlforge_component::COMPONENT)
        .limits(Limits::default())
        .background_maintenance(false)
        .build()?;
    for project in projects {
        let removed = host.purge(project, days(options.older_than)).await?;
        // A failure to write the report does not affect the next project.
        if let Err(error) = writeln!(std::io::stdout(), "{}\t{removed}", title(&forge, project)?) {
            tracing::warn!(project = project.0, removed, %error, "purged; cannot write to stdout");
        }
    }
    Ok(())
}

/// The path of a project, or its number if the forge is not the local one.
fn title(forge: &OpenForge, project: ProjectId) -> anyhow::Result<String> {
    let entry = match forge.local() {
        Some(local) => local.find_project(&ProjectRef::Id(project.0))?,
        None => None,
    };
    Ok(entry.map_or_else(|| project.0.to_string(), |entry| entry.path))
}

/// All projects that have data.
pub(super) async fn projects(records: &OpenRecords) -> anyhow::Result<Vec<ProjectId>> {
    let mut projects: Vec<ProjectId> = Vec::new();
    loop {
        let page = records.projects(projects.last().copied()).await?;
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
pub(super) async fn purge_regularly(host: Host, records: OpenRecords, older_than: u64) {
    loop {
        match projects(&records).await {
            Ok(projects) => {
                for project in projects {
                    purge_one(&host, project, older_than).await;
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "cannot list projects to purge"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn purge_one(host: &Host, project: ProjectId, older_than: u64) {
    match host.purge(project, days(older_than)).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(project = project.0, removed, "purged"),
        Err(error) => tracing::error!(project = project.0, error = format!("{error:#}"), "cannot purge"),
    }
}
