//! All metrics, each with its name, meaning and source. `docs/monitoring.md` lists them; a test compares.

use std::fmt;
use std::time::UNIX_EPOCH;

use super::{Families, process, u64_to_f64};
use crate::forge::calls::CallResult;
use crate::host::HostState;
use crate::metrics::DurationCounts;
use crate::runtime::instance::InstanceKind;
use crate::storage::RecordsCounts;

/// The kinds of instances by their names.
const KINDS: [(&str, InstanceKind); 2] = [("general", InstanceKind::General), ("query", InstanceKind::Query)];

pub(super) fn write(host: &HostState, mut families: Families<'_>) -> fmt::Result {
    let families = &mut families;
    let version = env!("CARGO_PKG_VERSION");
    families.gauges("build_info", "Version of mlforge.", [([("version", version)], 1.0)])?;
    process::write(families, host.started)?;
    requests(host, families)?;
    admission(host, families)?;
    instances(host, families)?;
    records(host.services.records.counts(), families)?;
    forge(host, families)?;
    maintenance(host, families)?;
    storage(host, families)
}

fn requests(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let labels = |method, route| [("method", method), ("route", route)];
    let ended = host.requests.routes().flat_map(|(label, metrics)| {
        let each = metrics.statuses();
        each.map(|(code, count)| {
            let labels = [("method", label.method), ("route", label.path.as_str()), ("code", code)];
            (labels, count)
        })
    });
    families.counters(
        "requests",
        "Requests that ended, by route and status. 499: the client left before the answer.",
        ended,
    )?;
    let seconds = host.requests.routes().filter_map(|(label, metrics)| {
        let seconds = metrics.seconds.read();
        (seconds.count() > 0).then(|| (labels(label.method, label.path.as_str()), seconds))
    });
    families.histograms(
        "request_seconds",
        "Time from the head of a request to the head of its answer. Streamed files follow after that.",
        seconds,
    )
}

fn admission(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let load = host.admission.load();
    families.load("connections", "Open connections.", host.connections.load())?;
    families.load(
        "requests_under_way",
        "Requests of known callers whose answers are not sent yet.",
        load.under_way,
    )?;
    families.load("requests_running", "Requests that run in the component.", load.running)?;
    let waiting = load.admitted.used.saturating_sub(load.running.used);
    let waiting_max = load.admitted.max.saturating_sub(load.running.max);
    families.load(
        "requests_queued",
        "Requests that wait for a permit to run.",
        crate::limits::budget::Load {
            used: waiting,
            max: waiting_max,
        },
    )?;
    families.counters(
        "requests_refused",
        "Requests that were refused since a bound of the server was reached, by bound.",
        host.refusals.each().map(|(bound, count)| ([("bound", bound)], count)),
    )?;
    families.load("transfers", "Requests that carry files.", load.transfers)?;
    families.load(
        "body_bytes",
        "Bytes of bodies that are held in memory.",
        load.body_bytes,
    )
}

fn instances(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let pool = &host.pool;
    families.load(
        "instance_memory_bytes",
        "Linear memory of all instances, in bytes.",
        host.admission.load().instance_bytes,
    )?;
    families.gauges(
        "instances_idle",
        "Idle instances, by kind. Those of the kind query keep what searches read.",
        KINDS.map(|(name, kind)| ([("kind", name)], super::to_f64(pool.idle(kind).0))),
    )?;
    families.gauges(
        "instances_idle_memory_bytes",
        "Linear memory of idle instances, in bytes.",
        KINDS.map(|(name, kind)| ([("kind", name)], super::to_f64(pool.idle(kind).1))),
    )?;
    families.counters(
        "instances_made",
        "Instances that were made, by kind.",
        KINDS.map(|(name, kind)| ([("kind", name)], pool.counts.of(kind).made.get())),
    )?;
    families.counters(
        "instances_reused",
        "Requests for which an idle instance was there, by kind.",
        KINDS.map(|(name, kind)| ([("kind", name)], pool.counts.of(kind).reused.get())),
    )?;
    families.counters(
        "instance_faults",
        "Requests and passes of maintenance to which an instance gave no answer.",
        pool.counts
            .faults()
            .map(|(reason, count)| ([("reason", reason)], count)),
    )
}

fn records(counts: Option<RecordsCounts>, families: &mut Families<'_>) -> fmt::Result {
    let counted = counts.is_some();
    let counts = counts.unwrap_or_default();
    let alone = |value: u64| counted.then_some(([], value));
    families.counters(
        "commits",
        "Commits of records that were decided.",
        alone(counts.commits),
    )?;
    families.counters(
        "commit_conflicts",
        "Commits whose checks did not hold. The component decides them again.",
        alone(counts.conflicts),
    )?;
    families.counters(
        "commit_groups",
        "Transactions that held the commits, each with one sync.",
        alone(counts.groups),
    )?;
    families.gauges(
        "commits_queued",
        "Commits that wait for the writer.",
        counted.then(|| ([], super::to_f64(counts.queued))),
    )?;
    let syncs: Option<([_; 0], DurationCounts)> = counted.then_some(([], counts.syncs));
    families.histograms("commit_sync_seconds", "Time of making a transaction durable.", syncs)?;
    families.gauges(
        "records_bytes",
        "Size of the records' database with its log, in bytes.",
        counts.bytes.map(|bytes| ([], u64_to_f64(bytes))),
    )
}

fn forge(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let calls = host.services.forge.calls();
    let ended = calls.each().flat_map(|(call, counts)| {
        CallResult::ALL.map(|result| {
            let labels = [("call", call.name()), ("result", result.name())];
            (labels, counts.ended(result))
        })
    });
    families.counters(
        "forge_calls",
        "Calls of the forge, by what was asked and how it ended.",
        ended,
    )?;
    let seconds = calls
        .each()
        .map(|(call, counts)| ([("call", call.name())], counts.seconds.read()));
    families.histograms("forge_call_seconds", "Time of calls of the forge.", seconds)?;
    families.counter(
        "forge_cache_hits",
        "Decisions about callers that were known from an earlier call.",
        calls.cache_hits.get(),
    )?;
    families.counter(
        "forge_cache_misses",
        "Decisions about callers for which a forge was asked whose answers are kept.",
        calls.cache_misses.get(),
    )
}

fn maintenance(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let counts = host.maintenance.counts();
    let (scheduled, lag) = host.maintenance.backlog();
    families.counter(
        "maintenance_passes",
        "Passes of compaction that succeeded.",
        counts.passes,
    )?;
    families.counter(
        "maintenance_failures",
        "Passes of maintenance that failed.",
        counts.failures,
    )?;
    families.counter(
        "maintenance_set_aside",
        "Runs that were set aside because they cannot be compacted.",
        counts.set_aside,
    )?;
    families.gauge(
        "maintenance_projects",
        "Projects that are scheduled for maintenance.",
        super::to_f64(scheduled),
    )?;
    families.gauge(
        "maintenance_lag_seconds",
        "Time for which the project that is due first has waited.",
        lag.as_secs_f64(),
    )
}

fn storage(host: &HostState, families: &mut Families<'_>) -> fmt::Result {
    let last = host.storage_usage.last();
    let projects = last.as_ref().map_or(&[][..], |last| &last.projects);
    let bytes = projects
        .iter()
        .map(|(id, usage)| ([("project", id.as_str())], u64_to_f64(usage.bytes)));
    families.gauges(
        "project_file_bytes",
        "Bytes of the files of a project when last measured.",
        bytes,
    )?;
    let files = projects
        .iter()
        .map(|(id, usage)| ([("project", id.as_str())], u64_to_f64(usage.files)));
    families.gauges(
        "project_files",
        "Number of files of a project when last measured.",
        files,
    )?;
    let at = last.as_ref().and_then(|last| last.at.duration_since(UNIX_EPOCH).ok());
    families.gauges(
        "storage_measured_seconds",
        "Time of that measurement, in seconds since the Unix epoch.",
        at.map(|at| ([], at.as_secs_f64())),
    )
}
