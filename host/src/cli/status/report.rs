//! The lines of `mlforge status`: the few numbers that tell whether a server is well.

use super::sample::{Sample, Samples};

/// Number of routes and of projects that are shown.
const SHOWN: usize = 3;

/// Titles with their texts. `now` is the time in seconds since the Unix epoch.
pub(super) fn report(samples: &Samples, now: f64) -> Vec<(&'static str, String)> {
    let mut lines = vec![("server", server(samples, now)), ("requests", requests(samples))];
    lines.extend(busiest(samples).map(|text| ("  busiest", text)));
    lines.push(("load", load(samples)));
    lines.push(("instances", instances(samples)));
    lines.push(("records", records(samples)));
    lines.push(("forge", forge(samples)));
    lines.push(("maintenance", maintenance(samples)));
    lines.extend(largest(samples).map(|text| ("  largest", text)));
    lines
}

fn server(samples: &Samples, now: f64) -> String {
    let version = samples.of("mlforge_build_info").next();
    let version = version.map_or("?", |sample| sample.label("version"));
    let up = now - samples.sum("process_start_time_seconds");
    let memory = size(samples.sum("process_resident_memory_bytes"));
    format!("mlforge {version}, up {}, {memory} of memory", span(up))
}

fn requests(samples: &Samples) -> String {
    let name = "mlforge_requests_total";
    let of = |class: char| -> f64 {
        let ended = samples
            .of(name)
            .filter(|sample| sample.label("code").starts_with(class));
        ended.map(|sample| sample.value).sum()
    };
    let (all, refused, failed) = (samples.sum(name), of('4'), of('5'));
    let times = times(samples, "mlforge_request_seconds");
    format!("{all} ended, {refused} refused (4xx), {failed} failed (5xx){times}")
}

/// The routes with the most requests.
fn busiest(samples: &Samples) -> impl Iterator<Item = String> + use<> {
    let counts: Vec<&Sample> = samples.of("mlforge_request_seconds_count").collect();
    first(counts).into_iter().map(|sample| {
        let (method, route) = (sample.label("method"), sample.label("route"));
        format!("{} {method} {route}", sample.value)
    })
}

fn load(samples: &Samples) -> String {
    let parts = ["requests_running", "requests_queued", "transfers", "connections"].map(|name| {
        let name_in_metrics = format!("mlforge_{name}");
        let max = samples.sum(&format!("{name_in_metrics}_max"));
        let title = name.trim_start_matches("requests_");
        format!("{title} {} of {max}", samples.sum(&name_in_metrics))
    });
    parts.join(", ")
}

fn instances(samples: &Samples) -> String {
    let memory = size(samples.sum("mlforge_instance_memory_bytes"));
    let max = size(samples.sum("mlforge_instance_memory_bytes_max"));
    let idle = samples.sum("mlforge_instances_idle");
    let faults = samples.sum("mlforge_instance_faults_total");
    format!("{memory} of {max}, {idle} idle, {faults} faults")
}

fn records(samples: &Samples) -> String {
    let commits = samples.sum("mlforge_commits_total");
    let conflicts = samples.sum("mlforge_commit_conflicts_total");
    let bytes = size(samples.sum("mlforge_records_bytes"));
    let times = times(samples, "mlforge_commit_sync_seconds");
    format!("{bytes}, {commits} commits, {conflicts} conflicts{times}")
}

fn forge(samples: &Samples) -> String {
    let name = "mlforge_forge_calls_total";
    let failed = samples.sum_where(name, "result", "failed") + samples.sum_where(name, "result", "timed_out");
    let hits = samples.sum("mlforge_forge_cache_hits_total");
    let asked = hits + samples.sum("mlforge_forge_cache_misses_total");
    let known = if asked > 0.0 {
        format!(", {:.0} % of callers known from the cache", 100.0 * hits / asked)
    } else {
        String::new()
    };
    format!("{} calls, {failed} failed{known}", samples.sum(name))
}

fn maintenance(samples: &Samples) -> String {
    let lag = span(samples.sum("mlforge_maintenance_lag_seconds"));
    let projects = samples.sum("mlforge_maintenance_projects");
    let failures = samples.sum("mlforge_maintenance_failures_total");
    format!("{projects} projects scheduled, {lag} late, {failures} failures")
}

/// The projects with the most bytes of files.
fn largest(samples: &Samples) -> impl Iterator<Item = String> + use<> {
    let bytes: Vec<&Sample> = samples.of("mlforge_project_file_bytes").collect();
    let first = first(bytes);
    first
        .into_iter()
        .map(|sample| format!("project {}: {} of files", sample.label("project"), size(sample.value)))
}

/// The samples with the greatest values.
fn first(mut samples: Vec<&Sample>) -> Vec<Sample> {
    samples.sort_by(|one, other| other.value.total_cmp(&one.value));
    samples.into_iter().take(SHOWN).cloned().collect()
}

/// Median and 99th percentile of a histogram, as upper bounds. Empty: it has no value.
fn times(samples: &Samples, name: &str) -> String {
    let of = |part| samples.quantile(name, part);
    match (of(0.5), of(0.99)) {
        (Some(median), Some(slow)) => format!("; half within {}, 99 % within {}", bound(median), bound(slow)),
        _ => String::new(),
    }
}

fn bound(seconds: f64) -> String {
    if seconds.is_infinite() {
        "more than 30 s".to_owned()
    } else if seconds < 1.0 {
        format!("{} ms", seconds * 1000.0)
    } else {
        format!("{seconds} s")
    }
}

/// A span of time in its two largest units.
fn span(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .as_secs();
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {} min", whole / 3_600, whole / 60 % 60),
        _ => format!("{} d {} h", whole / 86_400, whole / 3_600 % 24),
    }
}

fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    for unit in units {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{value} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_units() {
        assert_eq!(
            (size(1023.0), size(1536.0), size(3e9)),
            ("1023 B".into(), "1.5 KiB".into(), "2.8 GiB".into())
        );
        assert_eq!(
            (span(59.9), span(61.0), span(90_000.0)),
            ("59 s".into(), "1 min 1 s".into(), "1 d 1 h".into())
        );
        assert_eq!((bound(0.0025), bound(10.0)), ("2.5 ms".into(), "10 s".into()));
    }

    #[test]
    fn a_report_adds_up_the_metrics() {
        let text = "\
            mlforge_requests_total{code=\"200\"} 7\nmlforge_requests_total{code=\"404\"} 2\n\
            mlforge_requests_total{code=\"503\"} 1\nmlforge_request_seconds_count{method=\"GET\",route=\"/a\"} 10\n\
            mlforge_request_seconds_bucket{le=\"0.005\"} 10\nmlforge_request_seconds_bucket{le=\"+Inf\"} 10\n\
            mlforge_forge_cache_hits_total 3\nmlforge_forge_cache_misses_total 1\n";
        let lines = report(&Samples::parse(text), 0.0);
        let of = |title: &str| lines.iter().find(|(of, _)| *of == title).unwrap().1.clone();
        assert_eq!(
            of("requests"),
            "10 ended, 2 refused (4xx), 1 failed (5xx); half within 5 ms, 99 % within 5 ms"
        );
        assert_eq!(of("  busiest"), "10 GET /a");
        assert!(
            of("forge").ends_with("75 % of callers known from the cache"),
            "{}",
            of("forge")
        );
    }
}
