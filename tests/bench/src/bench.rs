//! One run of the benchmark: baselines first, then the groups of scenarios, each line compared with the baselines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::client::{Call, Client, Target};
use crate::fixture::Fixture;
use crate::limits::{self, BareServer, Flush, shared_rate};
use crate::load::{self, Measured, Plan};
use crate::options::Options;
use crate::report::{self, Compared};
use crate::scenario::{Bound, Scenario, Turn};

/// The longest measurement of a baseline.
const BASELINE_TIME_MAX: Duration = Duration::from_secs(1);
/// Flushes of each kind that are timed before a line of writes, and again after it.
const FLUSHES: usize = 20;
/// The shortest and the longest warm-up.
const WARM_UP_MIN: Duration = Duration::from_millis(100);
const WARM_UP_MAX: Duration = Duration::from_millis(500);

static BARE: Scenario = Scenario::new("baseline_hyper", Bound::Http, nothing);
static HEALTH: Scenario = Scenario::new("baseline_health", Bound::Http, |_, _| Call {
    path: "/-/health".to_owned(),
    body: None,
});
static EMPTY: Scenario = Scenario {
    status: 404,
    ..Scenario::new("baseline_empty", Bound::Http, nothing)
};

fn nothing(fixture: &Fixture, _: &Turn) -> Call {
    fixture.target.get("nothing")
}

/// Requests a second by number of connections.
type Rates = BTreeMap<usize, f64>;

/// The state of a run.
pub(crate) struct Bench {
    /// How to measure.
    pub(crate) options: Options,
    /// What to measure.
    pub(crate) target: Target,
    server: Option<u32>,
    flush_dir: PathBuf,
    hyper: Rates,
    empty: Rates,
    series: u64,
    /// Wrong answers so far.
    pub(crate) errors: u64,
}

impl Bench {
    /// A run that has measured nothing yet. The directory is for timing flushes on the server's disk.
    pub(crate) fn new(options: Options, target: Target, server: Option<u32>, flush_dir: &Path) -> Self {
        let (hyper, empty) = (Rates::new(), Rates::new());
        Self {
            options,
            target,
            server,
            flush_dir: flush_dir.to_owned(),
            hyper,
            empty,
            series: 0,
            errors: 0,
        }
    }

    /// Measures what the other lines are compared with.
    pub(crate) async fn baselines(&mut self) -> Result<()> {
        report::print_head();
        let bare = BareServer::start()?;
        let fixture = Arc::new(Fixture::bare(&Target::parse(&bare.url, None)?));
        let server = self.server.take();
        self.hyper = self.baseline(&fixture, &BARE).await?;
        self.server = server;
        drop(bare);
        let fixture = Arc::new(Fixture::bare(&self.target));
        if self.server.is_some() {
            self.baseline(&fixture, &HEALTH).await?;
        }
        self.empty = self.baseline(&fixture, &EMPTY).await?;
        Ok(())
    }

    async fn baseline(&mut self, fixture: &Arc<Fixture>, scenario: &'static Scenario) -> Result<Rates> {
        let time = self.options.time.min(BASELINE_TIME_MAX);
        let mut rates = Rates::new();
        for connections in self.options.concurrency.clone() {
            let measured = self.measure(fixture, scenario, connections, time).await?;
            let compared = Compared {
                hyper: self.hyper.get(&connections).copied(),
                ..Compared::default()
            };
            report::print_line(scenario.name, connections, &measured, &compared);
            rates.insert(connections, measured.rate);
        }
        Ok(rates)
    }

    /// Measures and prints the lines of one scenario; returns the rate at the lowest concurrency.
    pub(crate) async fn lines(
        &mut self,
        fixture: &Arc<Fixture>,
        scenario: &'static Scenario,
        name: &str,
    ) -> Result<Option<f64>> {
        let first = self.first_answer(fixture, scenario).await?;
        if first.status == 501 {
            report::print_word(name, "not implemented");
            return Ok(None);
        }
        if let Err(error) = scenario.check(fixture, &first) {
            self.errors += 1;
            report::print_word(name, &format!("!!! WRONG ANSWER: {error:#}"));
            return Ok(None);
        }
        let json = (scenario.bound == Bound::Json)
            .then(|| limits::json_rate(&first.body))
            .flatten();
        let mut rate = None;
        for connections in self.options.concurrency.clone() {
            if connections <= scenario.concurrency_max {
                let mut flush = Flush::default();
                self.sample(scenario, &mut flush)?;
                let measured = self.measure(fixture, scenario, connections, self.options.time).await?;
                self.sample(scenario, &mut flush)?;
                let compared = self.compared(connections, json, &flush);
                report::print_line(name, connections, &measured, &compared);
                rate = rate.or(Some(measured.rate));
            }
        }
        Ok(rate)
    }

    async fn first_answer(&mut self, fixture: &Fixture, scenario: &Scenario) -> Result<crate::client::Answer> {
        self.series += 1;
        let turn = Turn {
            series: self.series,
            ..Turn::default()
        };
        Client::connect(&fixture.target)
            .await?
            .send((scenario.call)(fixture, &turn))
            .await
    }

    async fn measure(
        &mut self,
        fixture: &Arc<Fixture>,
        scenario: &'static Scenario,
        connections: usize,
        time: Duration,
    ) -> Result<Measured> {
        self.series += 1;
        let warm_up = (time / 5).clamp(WARM_UP_MIN, WARM_UP_MAX);
        let plan = Plan {
            connections,
            series: self.series,
            warm_up,
            time,
            server: self.server,
        };
        let measured = load::measure(fixture, scenario, plan).await?;
        self.errors += measured.errors;
        Ok(measured)
    }

    fn sample(&self, scenario: &Scenario, flush: &mut Flush) -> Result<()> {
        match scenario.bound {
            Bound::Flush => flush.sample(&self.flush_dir, FLUSHES),
            Bound::Json | Bound::Http => Ok(()),
        }
    }

    fn compared(&self, connections: usize, json: Option<f64>, flush: &Flush) -> Compared {
        let bounds = [
            ("flush", shared_rate(&flush.appended, connections)),
            ("in place", shared_rate(&flush.in_place, connections)),
            ("json", json),
        ];
        Compared {
            hyper: self.hyper.get(&connections).copied(),
            empty: self.empty.get(&connections).copied(),
            bounds: bounds
                .into_iter()
                .filter_map(|(name, rate)| Some((name, rate?)))
                .collect(),
        }
    }
}
