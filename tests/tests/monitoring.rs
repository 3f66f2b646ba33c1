//! Metrics, readiness, and the listener for those who watch a server.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlforge::MonitoringListener;
use mlforge::storage::{ProjectId, StorageError};
use mlforge_tests::GuestHost;
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::{File, Tracker};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn asked(tracker: &Tracker, path: &str) -> File {
    tracker.anonymous("GET", path, &[], "")
}

fn watched() -> Tracker {
    Tracker::with(|builder| builder.public_metrics(true))
}

/// The value of the series that begins so. `None`: there is none.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series))?;
    Some(line.trim().parse().unwrap())
}

/// The names of all families.
fn names(metrics: &str) -> BTreeSet<String> {
    let described = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    described
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// The words of a text that look like a name of a metric.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let is_name = |word: &&str| ["mlforge_", "process_"].iter().any(|prefix| word.starts_with(prefix));
    words.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn metrics_are_not_on_the_public_listener_unless_configured() {
    assert_eq!(asked(&Tracker::fresh(), "/-/metrics").status, 404);
    let file = asked(&watched(), "/-/metrics");
    assert_eq!(file.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(file.ok().contains("\nmlforge_build_info{version=\""));
}

#[test]
fn a_request_counts_by_the_name_of_its_route_and_its_status() {
    let tracker = watched();
    let run = tracker.run(&tracker.experiment("e"), 0);
    tracker.get(&format!("runs/get?run_id={run}")).ok();
    tracker
        .get("runs/get?run_id=none")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.get("no-such-route").fails(404, "ENDPOINT_NOT_FOUND");
    asked(&tracker, "/-/health").ok();
    let metrics = asked(&tracker, "/-/metrics").ok();
    let ended = |method: &str, route: &str, code: &str| {
        let series = format!("mlforge_requests_total{{method=\"{method}\",route=\"{route}\",code=\"{code}\"}}");
        value(&metrics, &series)
    };
    assert_eq!(ended("GET", "/api/2.0/mlflow/runs/get", "200"), Some(1.0), "{metrics}");
    assert_eq!(ended("GET", "/api/2.0/mlflow/runs/get", "404"), Some(1.0), "{metrics}");
    assert_eq!(
        ended("POST", "/api/2.0/mlflow/runs/create", "200"),
        Some(1.0),
        "{metrics}"
    );
    assert_eq!(ended("any", "other", "404"), Some(1.0), "{metrics}");
    assert_eq!(ended("GET", "/-/health", "200"), Some(1.0), "{metrics}");
    assert!(
        !metrics.contains("no-such-route") && !metrics.contains(&run),
        "{metrics}"
    );
    let series = "mlforge_request_seconds_count{method=\"GET\",route=\"/api/2.0/mlflow/runs/get\"}";
    assert_eq!(value(&metrics, series), Some(2.0), "{metrics}");
}

#[test]
fn calls_of_the_forge_are_counted_by_their_results() {
    let GuestHost { host, forge } = GuestHost::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let developer = mlforge_tests::Caller::new(&host, "developer", "1");
    runtime.block_on(async {
        for _ in 0..3 {
            developer.get("/hello").await;
        }
        mlforge_tests::Caller::new(&host, "nobody", "1").get("/hello").await;
    });
    let metrics = host.metrics();
    let calls = |result: &str| {
        value(
            &metrics,
            &format!("mlforge_forge_calls_total{{call=\"resolve\",result=\"{result}\"}}"),
        )
    };
    assert_eq!(
        (calls("answered"), calls("refused"), calls("failed")),
        (Some(3.0), Some(1.0), Some(0.0)),
        "{metrics}"
    );
    assert_eq!(forge.calls(), 4);
}
#[test]
fn the_storage_of_projects_is_shown_once_it_is_measured() {
    let GuestHost { host, .. } = GuestHost::new();
    assert!(!host.metrics().contains("project=\"1\""));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(host.measure_storage(&[ProjectId(1)])).unwrap();
    let metrics = host.metrics();
    assert_eq!(
        value(&metrics, "mlforge_project_files{project=\"1\"}"),
        Some(0.0),
        "{metrics}"
    );
    assert_eq!(
        value(&metrics, "mlforge_project_file_bytes{project=\"1\"}"),
        Some(0.0),
        "{metrics}"
    );
}

#[test]
fn the_documents_name_exactly_the_metrics_that_exist() {
    let existing = names(&GuestHost::new().host.metrics());
    let page = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    assert_eq!(named(&page), existing, "docs/monitoring.md");
    let dashboard = fs::read_to_string(root().join("docs/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let shown: BTreeSet<String> = named(&dashboard.to_string());
    let is_known = |name: &&String| {
        let plain = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        existing.contains(*name) || plain.is_some_and(|plain| existing.contains(plain))
    };
    let unknown: Vec<&String> = shown.iter().filter(|name| !is_known(name)).collect();
    assert!(shown.len() > 10 && unknown.is_empty(), "no metrics: {unknown:?}");
}

#[test]
fn a_server_is_ready_while_its_storage_answers() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let records = InterceptedRecords::new(move |_| {
        let is_broken = broken.load(Ordering::SeqCst);
        if is_broken {
            Err(StorageError::Unavailable("full".into()).into())
        } else {
            Ok(())
        }
    });
    let GuestHost { host, .. } = GuestHost::with(|builder| builder.records(Arc::new(records)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let ready = async || {
            let request = http::Request::get("/-/ready").body(http_body_util::Empty::<bytes::Bytes>::new());
            host.handle(request.unwrap()).await.status().as_u16()
        };
        assert_eq!(ready().await, 200);
        is_broken.store(true, Ordering::SeqCst);
        // An outcome is used again for a second.
        assert_eq!(ready().await, 200);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        assert_eq!(ready().await, 503);
    });
}

/// Sends a request on a connection of its own.
async fn talk(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn watchers_have_a_listener_which_tells_that_the_server_stops() {
    let GuestHost { host, .. } = GuestHost::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let watched = host.clone();
    let watching = tokio::spawn(async move {
        let listener = MonitoringListener::Tcp(listener);
        watched.serve_monitoring(listener, std::future::pending()).await;
    });
    for (path, begins, holds) in [
        ("/-/metrics", "HTTP/1.0 200", "mlforge_build_info"),
        ("/metrics", "HTTP/1.0 200", "mlforge_build_info"),
        ("/-/ready", "HTTP/1.0 200", "ready"),
        ("/-/health", "HTTP/1.0 200", "OK"),
        (
            "/api/v4/projects/1/ml/mlflow/hello",
            "HTTP/1.0 404",
            "ENDPOINT_NOT_FOUND",
        ),
        ("/", "HTTP/1.0 404", "ENDPOINT_NOT_FOUND"),
    ] {
        let answer = talk(address, path).await;
        assert!(answer.starts_with(begins) && answer.contains(holds), "{path}: {answer}");
    }
    let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
    host.serve(public, std::future::ready(())).await.unwrap();
    let answer = talk(address, "/-/ready").await;
    assert!(
        answer.starts_with("HTTP/1.0 503") && answer.contains("stopping"),
        "{answer}"
    );
    watching.abort();
}
