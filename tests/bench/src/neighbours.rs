//! The latency of a quiet project, alone and beside greedy clients. Those are readers of another project who
//! hold bodies, answers and files, and strangers who hold connections.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpSocket;
use tokio::sync::oneshot;

use crate::bench::Bench;
use crate::client::{Call, Client, Target};
use crate::fixture::{FIRST_START_MS, Fixture, text};
use crate::groups::writes;
use crate::load::Measured;
use crate::numbers::{float, millis, nanos, readable};
use crate::process::CpuTimes;
use crate::report::say;
use crate::scenario::{Bound, Scenario, Turn};
use crate::server::{Launcher, Server};

/// The name for `--only`.
pub(crate) const NAME: &str = "neighbours";

/// Number of connections of the quiet project.
const CONNECTIONS: usize = 4;
/// Number of runs of the quiet project, and of those that a search shows.
const RUNS: u64 = 200;
const PAGE: u64 = 20;
/// Number of readers of the other project.
const READERS: usize = 3;
/// Number of requests that each reader holds: with a body that never ends, and with a file that is not read.
const HELD_BODIES: usize = 300;
const HELD_FILES: usize = 60;
/// Number of connections without a request.
const STRANGERS: usize = 3_000;
/// The maximum size of the body of a search.
const BODY_BYTES: usize = 1 << 20;
/// More bytes than the buffers of two sockets hold.
const FILE_BYTES: usize = 32 << 20;
/// The time in which the greedy clients take everything that they can.
const BEGINNING: Duration = Duration::from_secs(5);
/// The time for which an answer is not read.
const HELD_FOR: Duration = Duration::from_secs(20);
/// The pause after a connection was cut, before the client connects again.
const PAUSE: Duration = Duration::from_secs(1);
/// Other addresses of this machine.
const READERS_ADDRESS: &str = "127.0.0.2:0";
const STRANGERS_ADDRESS: &str = "127.0.0.3:0";

/// The requests of the quiet project.
static SCENARIOS: &[Scenario] = &[
    Scenario::new("neighbours_log_metric", Bound::Http, |fixture, turn| {
        writes::log_metric(fixture, turn, turn.worker)
    }),
    Scenario::new("neighbours_get_run", Bound::Http, |fixture, turn| {
        fixture
            .target
            .get(&format!("runs/get?run_id={}", fixture.run(turn.worker)))
    }),
    Scenario::new("neighbours_search_runs", Bound::Http, search),
    Scenario::new("neighbours_upload", Bound::Http, |fixture, turn| {
        fixture
            .target
            .upload(&file(fixture, turn), Bytes::from_static(&[b'x'; 1_000]))
    }),
    Scenario::new("neighbours_download", Bound::Http, |fixture, turn| {
        fixture.target.download(&file(fixture, turn))
    }),
];

/// A search for the latest runs.
pub(crate) fn search(fixture: &Fixture, _: &Turn) -> Call {
    let body = json!({"experiment_ids": [fixture.experiment], "max_results": PAGE});
    fixture.target.post("runs/search", &body)
}

fn file(fixture: &Fixture, turn: &Turn) -> String {
    let (experiment, run) = (&fixture.experiment, fixture.run(turn.worker));
    format!("{experiment}/{run}/artifacts/file")
}

/// Measures the quiet project alone, and then beside its neighbours.
pub(crate) async fn measure(bench: &mut Bench, launcher: &Launcher, server: &Server) -> Result<()> {
    let quiet = launcher.project("bench/quiet", "quiet", "developer")?;
    let quiet = bench.target.of_project(&quiet.0, &quiet.1)?;
    let mut fixture = Fixture::with_experiment(&quiet, NAME).await?;
    fixture.fill(RUNS).await?;
    fixture.add_runs(RUNS).await?;
    let fixture = Arc::new(fixture);
    let large = large_file(&bench.target).await?;
    let time = bench.options.time;
    let before = measure_all(bench, &fixture, SCENARIOS, CONNECTIONS).await?;
    let mut readers = Vec::new();
    for number in 0..READERS {
        let user = format!("reader-{number}");
        let token = launcher.member("1", &user, "reporter")?;
        readers.push(bench.target.of_project("1", &token)?);
    }
    let stop = be_greedy(readers, large)?;
    tokio::time::sleep(BEGINNING).await;
    let cpu_before = CpuTimes::now(&[server.pid()], None);
    tokio::time::sleep(time).await;
    let spent = CpuTimes::now(&[server.pid()], None).since(&cpu_before);
    let cores = float(spent.server.unwrap_or_default()) / float((nanos(time) / 1_000).max(1));
    say!(
        "the neighbours themselves: {} cores of the server's CPU time",
        readable(cores)
    );
    let beside = measure_all(bench, &fixture, SCENARIOS, CONNECTIONS).await?;
    drop(stop);
    tokio::time::sleep(BEGINNING).await;
    let after = measure_all(bench, &fixture, SCENARIOS, CONNECTIONS).await?;
    for (((scenario, before), beside), after) in SCENARIOS.iter().zip(before).zip(beside).zip(after) {
        print_line(scenario.name, CONNECTIONS, [&before, &after], &beside);
    }
    Ok(())
}

/// Measures some scenarios on this many connections.
pub(crate) async fn measure_all(
    bench: &mut Bench,
    fixture: &Arc<Fixture>,
    scenarios: &'static [Scenario],
    connections: usize,
) -> Result<Vec<Measured>> {
    let (mut all, time) = (Vec::new(), bench.options.time);
    for scenario in scenarios {
        all.push(bench.measure(fixture, scenario, connections, time).await?);
    }
    Ok(all)
}

/// Prints one scenario. The project is measured alone before and after, since those two differ on a busy
/// machine. The latency beside its neighbours is compared with the slower of the two.
pub(crate) fn print_line(name: &str, connections: usize, alone: [&Measured; 2], beside: &Measured) {
    let [before, after] = alone;
    let p99 = |measured: &Measured| measured.latency(99).unwrap_or_default();
    let shown = |measured: &Measured| readable(millis(p99(measured)));
    let slower = p99(before).max(p99(after)).max(1);
    say!(
        "{name:<43}{connections:>4}  p99 {} ms beside neighbours, {} and {} ms alone: {} times; {} errors",
        shown(beside),
        shown(before),
        shown(after),
        readable(float(p99(beside)) / float(slower)),
        beside.errors,
    );
    if let Some(error) = &beside.first_error {
        say!("!!! {name}: {error}");
    }
}

/// Uploads a large file to the neighbours' project; returns its path.
async fn large_file(target: &Target) -> Result<String> {
    let mut client = Client::connect(target).await?;
    let body = json!({"experiment_id": "0", "start_time": FIRST_START_MS});
    let made = client.ask(target.post("runs/create", &body)).await?;
    let path = format!("0/{}/artifacts/large", text(&made, "/run/info/run_id")?);
    let answer = client.send(target.upload(&path, vec![0; FILE_BYTES].into())).await?;
    ensure!(answer.status == 200, "an upload: {}", answer.brief());
    Ok(path)
}

/// Holds as much as the server allows, on a thread of its own, until the returned sender is dropped.
fn be_greedy(readers: Vec<Target>, file: String) -> Result<oneshot::Sender<()>> {
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        for reader in readers {
            let body = reader.post("runs/search", &" ".repeat(BODY_BYTES - 2));
            // Its last byte is never sent.
            let body = raw(&reader, &body, 1);
            let file = raw(&reader, &reader.download(&file), 0);
            for (request, count) in [(body, HELD_BODIES), (file, HELD_FILES)] {
                let request: Arc<[u8]> = request.into();
                for _ in 0..count {
                    tokio::spawn(hold(reader.clone(), READERS_ADDRESS, Arc::clone(&request)));
                }
            }
            for _ in 0..STRANGERS / READERS {
                tokio::spawn(hold(reader.clone(), STRANGERS_ADDRESS, Arc::from(*b"GET /")));
            }
        }
        _ = stopped.await;
    };
    thread::Builder::new()
        .name("neighbours".to_owned())
        .spawn(move || runtime.block_on(work))
        .context("cannot start a thread for the neighbours")?;
    Ok(stop)
}

/// Sends a request and reads nothing of the answer, repeatedly.
async fn hold(target: Target, from: &'static str, request: Arc<[u8]>) {
    loop {
        // A failed or cut connection is tried again.
        _ = hold_once(&target, from, &request).await;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hold_once(target: &Target, from: &str, request: &[u8]) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(from.parse()?)?;
    let mut stream = socket.connect(target.address()?).await?;
    stream.write_all(request).await?;
    let ready = stream.ready(Interest::READABLE).await?;
    if ready.is_read_closed() || ready.is_error() {
        return Ok(());
    }
    if request.ends_with(b" ") || stream.peek(&mut [0]).await? == 0 {
        // The answer is a refusal, or the connection ended.
        return Ok(());
    }
    // A cut does not show while there are bytes to be read, so the client gives the connection up after some
    // time.
    tokio::time::sleep(HELD_FOR).await;
    Ok(())
}

/// The bytes of a request without the last ones of its body.
fn raw(target: &Target, call: &Call, without: usize) -> Vec<u8> {
    let body = call.body.get(..call.body.len() - without).unwrap_or_default();
    let head = target.head(call);
    [head.as_bytes(), body].concat()
}
