//! Measures the cost of the sandbox: `cargo run --profile dist -p mlforge-tests --example engine_cost`. Each line
//! is the fastest of several rounds, in one thread and without a socket.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::{Host, Limits, Plugin};
use mlforge_tests::{GuestHost, StaticForge, TEST_GUEST};

const ROUNDS: u32 = 15;
const REQUESTS: u32 = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let reused = GuestHost::new().host;
    let fresh = GuestHost::with(|builder| builder.isolate(true)).host;
    let mount = "/api/v4/projects/1/ml/mlflow";
    println!(
        "health, native              {:8.1} µs",
        cost(&reused, "/-/health".into()).await
    );
    println!(
        "refused, native             {:8.1} µs",
        cost(&reused, "/api/v4/projects/3/ml/mlflow/x".into()).await
    );
    println!(
        "hello, component            {:8.1} µs",
        cost(&reused, format!("{mount}/hello")).await
    );
    println!(
        "echo, component             {:8.1} µs",
        cost(&reused, format!("{mount}/echo")).await
    );
    println!(
        "get, component and memory   {:8.1} µs",
        cost(&reused, format!("{mount}/read")).await
    );
    println!(
        "hello, fresh instance       {:8.1} µs",
        cost(&fresh, format!("{mount}/hello")).await
    );
    start("test component", TEST_GUEST)?;
    start("mlforge component", mlforge_component::COMPONENT)
}

/// Microseconds for one request.
async fn cost(host: &Host, uri: String) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request::get(&uri)
                .header("private-token", "developer")
                .body(Full::<Bytes>::default());
            let request = request.expect("a request");
            _ = host.handle(request).await.into_body().collect().await;
        }
        best = best.min(began.elapsed());
    }
    best.as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

/// Measures the start from bytes to a host that is ready to serve, without and with a cache.
fn start(name: &str, component: &'static [u8]) -> anyhow::Result<()> {
    let cache = tempfile::tempdir()?;
    for kind in ["cold", "warm", "warm"] {
        let began = Instant::now();
        let plugin = Plugin::compile(component, Some(Path::new(cache.path())), &Limits::default())?;
        let builder = Host::builder().plugin(plugin).records(Arc::new(MemoryRecords::new()));
        builder
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::new(StaticForge::new()))
            .build()?;
        println!(
            "start, {name}, {kind} cache {:8.1} ms",
            began.elapsed().as_secs_f64() * 1e3
        );
    }
    Ok(())
}
