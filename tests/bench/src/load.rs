//! Load on a server: a number of workers, each with its own connection, send one request after the other for
//! a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::task::JoinSet;

use crate::client::{Answer, Call, Client};
use crate::fixture::Fixture;
use crate::numbers::{float, nanos, percentile};
use crate::process::{CpuSpent, CpuTimes};
use crate::scenario::{Scenario, Turn};

/// Maximum number of latencies that one worker stores in one measurement. Later answers are counted only.
const SAMPLES_MAX: usize = 1 << 20;
/// A worker stops after this number of wrong answers.
const ERRORS_MAX: u64 = 20;
/// Maximum time for the last answers after the end of a measurement.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(180);

/// The parameters of a measurement.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// Number of workers, each with a connection.
    pub(crate) connections: usize,
    /// See `Turn::series`.
    pub(crate) series: u64,
    /// The time before the measurement.
    pub(crate) warm_up: Duration,
    /// The time of the measurement.
    pub(crate) time: Duration,
    /// The process ids of the servers that this program started.
    pub(crate) servers: &'a [u32],
    /// The first process of the database that this program started.
    pub(crate) database: Option<u32>,
}

/// The result of a measurement.
pub(crate) struct Measured {
    /// Right answers a second.
    pub(crate) rate: f64,
    /// Latencies in nanoseconds, ascending.
    latencies: Vec<u64>,
    /// Number of right answers.
    pub(crate) answers: u64,
    /// Number of wrong answers and broken connections, including those of the warm-up and of the additional
    /// worker.
    pub(crate) errors: u64,
    /// The first error.
    pub(crate) first_error: Option<String>,
    /// CPU time from the first to the last request.
    pub(crate) cpu: CpuSpent,
}

impl Measured {
    /// A percentile of the latencies, in nanoseconds.
    pub(crate) fn latency(&self, percent: usize) -> Option<u64> {
        percentile(&self.latencies, percent)
    }
}

/// Loads the server and measures it.
pub(crate) async fn measure(fixture: &Arc<Fixture>, scenario: &'static Scenario, plan: Plan<'_>) -> Result<Measured> {
    let mut workers = Vec::new();
    for number in 0..plan.connections {
        workers.push(Worker::new(fixture, scenario, scenario.call, plan, number).await?);
    }
    if let Some(beside) = scenario.beside {
        let mut worker = Worker::new(fixture, scenario, beside, plan, plan.connections).await?;
        worker.is_beside = true;
        workers.push(worker);
    }
    let mut workers = phase(workers, plan.warm_up).await?;
    for worker in &mut workers {
        worker.begin();
    }
    let before = CpuTimes::now(plan.servers, plan.database);
    let workers = phase(workers, plan.time).await?;
    let cpu = CpuTimes::now(plan.servers, plan.database).since(&before);
    Ok(sum(workers, cpu))
}

/// One connection and the results measured on it.
struct Worker {
    fixture: Arc<Fixture>,
    scenario: &'static Scenario,
    call: fn(&Fixture, &Turn) -> Call,
    client: Client,
    turn: Turn,
    is_beside: bool,
    is_checked: bool,
    latencies: Vec<u64>,
    answers: u64,
    errors: u64,
    first_error: Option<String>,
    elapsed: Duration,
}

impl Worker {
    async fn new(
        fixture: &Arc<Fixture>,
        scenario: &'static Scenario,
        call: fn(&Fixture, &Turn) -> Call,
        plan: Plan<'_>,
        number: usize,
    ) -> Result<Self> {
        Ok(Self {
            client: Client::connect(fixture.door(number)).await?,
            fixture: Arc::clone(fixture),
            scenario,
            call,
            turn: Turn {
                worker: number,
                series: plan.series,
                ..Turn::default()
            },
            is_beside: false,
            is_checked: false,
            latencies: Vec::new(),
            answers: 0,
            errors: 0,
            first_error: None,
            elapsed: Duration::ZERO,
        })
    }

    /// Forgets all results except errors.
    fn begin(&mut self) {
        self.latencies.clear();
        self.answers = 0;
    }

    /// Sends requests until the time is over, at least one.
    async fn work(mut self, time: Duration) -> Result<Self> {
        let started = Instant::now();
        loop {
            if let Err(error) = self.send().await {
                self.errors += 1;
                self.first_error.get_or_insert(format!("{error:#}"));
                if self.errors > ERRORS_MAX {
                    break;
                }
                // The connection may have broken in the middle of an answer.
                self.client.reconnect().await?;
            }
            if started.elapsed() >= time {
                break;
            }
        }
        self.elapsed = started.elapsed();
        Ok(self)
    }

    async fn send(&mut self) -> Result<()> {
        let call = (self.call)(&self.fixture, &self.turn);
        self.turn.round += 1;
        let started = Instant::now();
        let keeps = self.scenario.keeps_answers || !self.is_checked;
        let status = if keeps {
            let answer = self.client.send(call).await?;
            self.check(&answer)?;
            if self.scenario.keeps_answers {
                self.turn.last = answer.body;
            }
            answer.status
        } else {
            self.client.send_and_drop(call).await?
        };
        let latency = nanos(started.elapsed());
        if status != self.expected_status() {
            return Err(anyhow!("status {status} instead of {}", self.expected_status()));
        }
        self.answers += 1;
        if self.latencies.len() < SAMPLES_MAX {
            self.latencies.push(latency);
        }
        Ok(())
    }

    fn expected_status(&self) -> u16 {
        if self.is_beside { 200 } else { self.scenario.status }
    }

    /// Checks the first answer in detail.
    fn check(&mut self, answer: &Answer) -> Result<()> {
        if !self.is_checked && !self.is_beside {
            self.scenario.check(&self.fixture, answer)?;
        }
        self.is_checked = true;
        Ok(())
    }
}

async fn phase(workers: Vec<Worker>, time: Duration) -> Result<Vec<Worker>> {
    let mut running = JoinSet::new();
    for worker in workers {
        running.spawn(worker.work(time));
    }
    let all = async {
        let mut done = Vec::new();
        while let Some(worker) = running.join_next().await {
            done.push(worker??);
        }
        Ok::<_, anyhow::Error>(done)
    };
    tokio::time::timeout(time + LAST_ANSWERS_MAX, all)
        .await
        .context("the server does not answer any more")?
}

fn sum(workers: Vec<Worker>, cpu: CpuSpent) -> Measured {
    let mut all = Measured {
        rate: 0.0,
        latencies: Vec::new(),
        answers: 0,
        errors: 0,
        first_error: None,
        cpu,
    };
    for worker in workers {
        all.errors += worker.errors;
        all.first_error = all.first_error.or(worker.first_error);
        if !worker.is_beside {
            all.rate += float(worker.answers) / worker.elapsed.as_secs_f64().max(1e-9);
            all.answers += worker.answers;
            all.latencies.extend(worker.latencies);
        }
    }
    all.latencies.sort_unstable();
    all
}
