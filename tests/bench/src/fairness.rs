//! The latency of a quiet project, alone and beside a project that floods the server with requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tokio::sync::oneshot;

use crate::bench::Bench;
use crate::client::{Client, Target};
use crate::fixture::Fixture;
use crate::groups::writes;
use crate::load::Measured;
use crate::neighbours::{measure_all, print_line, search};
use crate::numbers::{float, readable};
use crate::report::say;
use crate::scenario::{Bound, Scenario, Turn};
use crate::server::Launcher;

/// The name for `--only`.
pub(crate) const NAME: &str = "fairness";

/// Number of connections of the quiet project.
const CONNECTIONS: usize = 1;
/// Number of runs of each project.
const RUNS: u64 = 200;
/// Members of the flooding project, and connections of each. One caller alone has only a part of the project's share.
const MEMBERS: usize = 3;
const CONNECTIONS_OF_MEMBER: usize = 32;

/// The requests of the quiet project.
static SCENARIOS: &[Scenario] = &[
    Scenario::new("fairness_get_run", Bound::Http, |fixture, turn| {
        fixture
            .target
            .get(&format!("runs/get?run_id={}", fixture.run(turn.worker)))
    }),
    Scenario::new("fairness_log_metric", Bound::Http, |fixture, turn| {
        writes::log_metric(fixture, turn, turn.worker)
    }),
    Scenario::new("fairness_search_runs", Bound::Http, search),
];

/// Measures the quiet project alone, beside the flooding one, and alone again.
pub(crate) async fn measure(bench: &mut Bench, launcher: &Launcher) -> Result<()> {
    let (number, token) = launcher.project("bench/fair", "fair", "developer")?;
    let quiet = Arc::new(filled(&bench.target.of_project(&number, &token)?).await?);
    let flooded = filled(&bench.target).await?;
    let mut members = Vec::new();
    for member in 0..MEMBERS {
        let token = launcher.member("1", &format!("flooding-{member}"), "developer")?;
        members.push(bench.target.of_project("1", &token)?);
    }
    let before = measure_first(bench, &quiet)?;
    let (stop, answers) = flood(members, flooded)?;
    let begun = Instant::now();
    let beside = measure_first(bench, &quiet)?;
    let rate = float(answers.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64();
    drop(stop);
    let after = measure_first(bench, &quiet)?;
    for (((scenario, before), beside), after) in SCENARIOS.iter().zip(before).zip(beside).zip(after) {
        print_line(scenario.name, CONNECTIONS, [&before, &after], &beside);
    }
    say!("the flooding project meanwhile: {} requests/s", readable(rate));
    Ok(())
}

/// Measures the quiet project on a thread of its own, which gets a core as soon as it needs one. So it stands for a client on
/// another machine, whose own wait for a core is none of the server's latency.
fn measure_first(bench: &mut Bench, quiet: &Arc<Fixture>) -> Result<Vec<Measured>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        if !become_first() {
            say!("the quiet client has no real-time priority, so its own wait for a core counts");
        }
        runtime.block_on(measure_all(bench, quiet, SCENARIOS, CONNECTIONS))
    };
    thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .map_err(|_| anyhow!("the quiet client panicked"))?
    })
}

async fn filled(target: &Target) -> Result<Fixture> {
    let mut fixture = Fixture::with_experiment(target, NAME).await?;
    fixture.fill(RUNS).await?;
    fixture.add_runs(RUNS).await?;
    Ok(fixture)
}

/// Sends requests of all kinds on all connections, on a thread of its own, until the returned sender is dropped. Also returns the
/// number of their answers.
///
/// The thread runs while a core has nothing else to do. It stands for clients on other machines, which take no time of the
/// server's cores. The server is flooded all the same, since it has a request of each connection.
fn flood(members: Vec<Target>, of: Fixture) -> Result<(oneshot::Sender<()>, Arc<AtomicU64>)> {
    let (stop, stopped) = oneshot::channel();
    let answers = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&answers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        for (number, target) in members.into_iter().enumerate() {
            let fixture = Arc::new(Fixture {
                target,
                experiment: of.experiment.clone(),
                runs: of.runs.clone(),
                ..Fixture::bare(&of.target)
            });
            for connection in 0..CONNECTIONS_OF_MEMBER {
                let worker = number * CONNECTIONS_OF_MEMBER + connection;
                tokio::spawn(send_all(Arc::clone(&fixture), worker, Arc::clone(&counted)));
            }
        }
        _ = stopped.await;
    };
    thread::Builder::new()
        .name(NAME.to_owned())
        .spawn(move || {
            become_idle();
            runtime.block_on(work);
        })
        .context("cannot start a thread for the flooding project")?;
    Ok((stop, answers))
}

/// Gives this thread Linux's policy for idle work. Elsewhere, or if Linux refuses it, the clients take time of the server's cores.
fn become_idle() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let thread = thread_priority::thread_native_id();
        _ = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, idle);
    }
}

/// Gives this thread Linux's lowest real-time priority, which is above all common threads. Returns false if Linux refuses it, as it
/// does to users without the right.
fn become_first() -> bool {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
        let first = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let thread = thread_priority::thread_native_id();
        thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, first).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Sends one request after the other on one connection. A refusal is an answer like any other.
async fn send_all(fixture: Arc<Fixture>, worker: usize, answers: Arc<AtomicU64>) -> Result<()> {
    let mut client = Client::connect(&fixture.target).await?;
    let mut turn = Turn {
        worker,
        ..Turn::default()
    };
    loop {
        for scenario in SCENARIOS {
            if client.send((scenario.call)(&fixture, &turn)).await.is_err() {
                client.reconnect().await?;
            }
            answers.fetch_add(1, Ordering::Relaxed);
        }
        turn.round += 1;
    }
}
