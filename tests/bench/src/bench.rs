//! A run of the benchmark: baselines first, then the groups of scenarios, each line compared with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::baseline::BaselineServer;
use crate::client::{Call, Client, Target};
use crate::fixture::Fixture;
use crate::groups::artifacts;
use crate::limits::{self, Flush, shared_rate};
use crate::load::{self, Measured, Plan};
use crate::native::NativeStore;
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
static HEALTH: Scenario = Scenario::new("baseline_health", Bound::Http, |_, _| Call::get("/-/health".to_owned()));
static EMPTY: Scenario = Scenario {
    status: 404,
    ..Scenario::new("baseline_empty", Bound::Http, nothing)
};

fn nothing(fixture: &Fixture, _: &Turn) -> Call {
    fixture.target.get("nothing")
}

/// Requests a second by number of connections.
type Rates = BTreeMap<usize, f64>;

/// The state of one run of the benchmark.
pub(crate) struct Bench {
    /// The options of the command line.
    pub(crate) options: Options,
    /// The server under test.
    pub(crate) target: Target,
    server: Option<u32>,
    flush_dir: PathBuf,
    hyper: Rates,
    empty: Rates,
    /// The baseline server of a group with its fixture. It handles the same requests without component and
    /// forge.
    bare: Option<(BaselineServer, Arc<Fixture>)>,
    series: u64,
    /// Number of wrong answers so far.
    pub(crate) errors: u64,
}

impl Bench {
    /// A run that has measured nothing yet. `flush_dir` is on the server's disk; flushes are timed there.
    pub(crate) fn new(options: Options, target: Target, server: Option<u32>, flush_dir: &Path) -> Self {
        let (hyper, empty) = (Rates::new(), Rates::new());
        Self {
            options,
            target,
            server,
            flush_dir: flush_dir.to_owned(),
            hyper,
            empty,
            bare: None,
            series: 0,
            errors: 0,
        }
    }

    /// Measures the rates that the other lines are compared with.
    pub(crate) async fn baselines(&mut self) -> Result<()> {
        report::print_head();
        let bare = BaselineServer::small()?;
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

    /// Starts the baseline server for lines with files.
    pub(crate) async fn serve_bare_files(&mut self) -> Result<()> {
        let bare = BaselineServer::files(&self.flush_dir)?;
        let fixture = artifacts::prepare_bare(&Target::parse(&bare.url, None)?).await?;
        self.bare = Some((bare, Arc::new(fixture)));
        Ok(())
    }

    /// Starts the baseline server that logs metrics without a component.
    pub(crate) fn serve_natively(&mut self) -> Result<()> {
        let bare = BaselineServer::metrics(&self.flush_dir)?;
        let fixture = Fixture {
            runs: NativeStore::runs(),
            ..Fixture::bare(&Target::parse(&bare.url, None)?)
        };
        self.bare = Some((bare, Arc::new(fixture)));
        Ok(())
    }

    /// The rate of the same requests to the baseline server. `None`: the scenario has no baseline.
    async fn bare_rate(
        &mut self,
        scenario: &'static Scenario,
        connections: usize,
    ) -> Result<Option<(&'static str, f64)>> {
        let Some((name, (_, fixture))) = scenario.bare_name().zip(self.bare.as_ref()) else {
            return Ok(None);
        };
        let fixture = Arc::clone(fixture);
        let server = self.server.take();
        let measured = self.measure(&fixture, scenario, connections, self.options.time).await;
        self.server = server;
        Ok(Some((name, measured?.rate)))
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
                let bare = self.bare_rate(scenario, connections).await?;
                let compared = self.compared(
                    connections,
                    json.map(|rate| ("json", rate)).into_iter().chain(bare),
                    &flush,
                );
                report::print_line(name, connections, &measured, &compared);
                report::print_flow(measured.rate, scenario.file_bytes);
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

    /// Measures one scenario with this number of connections for this time.
    pub(crate) async fn measure(
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
            servers: self.server.as_slice(),
            database: None,
        };
        let measured = load::measure(fixture, scenario, plan).await?;
        self.errors += measured.errors;
        Ok(measured)
    }

    fn sample(&self, scenario: &Scenario, flush: &mut Flush) -> Result<()> {
        match scenario.bound {
            Bound::Flush => flush.sample(&self.flush_dir, FLUSHES),
            Bound::Json | Bound::Http | Bound::File => Ok(()),
        }
    }

    fn compared(
        &self,
        connections: usize,
        bounds: impl Iterator<Item = (&'static str, f64)>,
        flush: &Flush,
    ) -> Compared {
        let flushes = [
            ("flush", shared_rate(&flush.appended, connections)),
            ("in place", shared_rate(&flush.in_place, connections)),
        ];
        let flushes = flushes.into_iter().filter_map(|(name, rate)| Some((name, rate?)));
        Compared {
            hyper: self.hyper.get(&connections).copied(),
            empty: self.empty.get(&connections).copied(),
            bounds: flushes.chain(bounds).collect(),
        }
    }
}
