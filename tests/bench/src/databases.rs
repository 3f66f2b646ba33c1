//! Equal requests to mlforge on SQLite, on PostgreSQL, and to several servers of that PostgreSQL, in turns: what disturbs the
//! machine disturbs all of them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use mlforge_postgres::Cluster;

use crate::client::{Client, Target};
use crate::fasttrackml::FastTrackMl;
use crate::fixture::Fixture;
use crate::groups::Group;
use crate::load::{self, Measured, Plan};
use crate::numbers::{float, millis, readable};
use crate::options::Options;
use crate::report::say;
use crate::scenario::{Scenario, Turn};
use crate::server::{Launcher, Server, WorkDir};

/// The word for a database server that this program starts.
const DEBIAN: &str = "debian";
/// The scenarios besides all searches.
const MEASURED: [&str; 6] = [
    "create_run",
    "log_metric",
    "log_metric_shared",
    "log_batch_10",
    "get_run",
    "registry_create_version",
];
/// Number of times that each line is measured.
const TURNS: usize = 2;

/// Largest number of runs that are sent to another server. It takes long for them.
const PEER_RUNS_MAX: u64 = 1_000;

/// Servers with the same records.
struct Subject {
    name: String,
    servers: Vec<Server>,
    targets: Vec<Target>,
    database: Option<Cluster>,
    // Dropped after the servers.
    _launchers: Vec<Launcher>,
}

/// Another server on the same PostgreSQL.
struct Peer {
    server: FastTrackMl,
    // Dropped after the server.
    _work: WorkDir,
}

/// One measured place: some of the servers of a subject.
struct Place {
    name: String,
    pids: Vec<u32>,
    database: Option<u32>,
    fixture: Arc<Fixture>,
    /// True if it is no mlforge, so that it may lack what a scenario asks for.
    is_peer: bool,
}

/// Measures; returns the number of wrong answers.
pub(crate) async fn measure(options: &Options, binary: &Path) -> Result<u64> {
    let subjects = [
        Subject::on_sqlite(options, binary)?,
        Subject::on_postgres(options, binary)?,
    ];
    let peer = Peer::start(options, &subjects).await?;
    say!(
        "\n{:<43}{:>4}  {:<22}{:>9}{:>9}{:>9}{:>10}{:>10}",
        "scenario",
        "c",
        "place",
        "req/s",
        "p50 ms",
        "p99 ms",
        "host µs",
        "db µs"
    );
    let (mut series, mut errors) = (0, 0);
    for group in Group::wanted(options) {
        let is_measured = |scenario: &&Scenario| {
            let is_named = matches!(group, Group::Search(_)) || MEASURED.contains(&scenario.name);
            is_named && options.wants(&group.line_name(scenario))
        };
        let scenarios: Vec<&'static Scenario> = group.scenarios().iter().filter(is_measured).collect();
        if scenarios.is_empty() {
            continue;
        }
        let mut places = Vec::new();
        for subject in &subjects {
            places.extend(subject.places(group).await?);
        }
        if let Some(peer) = peer.as_ref().filter(|_| Peer::takes_part(group)) {
            places.push(peer.place(group, &subjects).await?);
        }
        for scenario in scenarios {
            let name = group.line_name(scenario);
            errors += lines(options, &places, scenario, &name, &mut series).await?;
        }
    }
    drop(peer);
    for subject in subjects {
        subject
            .servers
            .into_iter()
            .try_for_each(|server| server.stop().map(drop))?;
    }
    Ok(errors)
}

/// Measures and prints the lines of one scenario; returns the number of wrong answers.
async fn lines(
    options: &Options,
    places: &[Place],
    scenario: &'static Scenario,
    name: &str,
    series: &mut u64,
) -> Result<u64> {
    let mut offered = Vec::new();
    for place in places {
        *series += 1;
        let turn = Turn {
            series: *series,
            ..Turn::default()
        };
        let mut client = Client::connect(&place.fixture.target).await?;
        let answer = client.send((scenario.call)(&place.fixture, &turn)).await?;
        match scenario.check(&place.fixture, &answer) {
            Ok(()) => offered.push(place),
            Err(error) if place.is_peer => say!("{name}, {}: left out, {error:#}", place.name),
            Err(error) => {
                say!("!!! {name}, {}: WRONG ANSWER: {error:#}", place.name);
                return Ok(1);
            }
        }
    }
    let mut errors = 0;
    let wanted = options
        .concurrency
        .iter()
        .filter(|count| **count <= scenario.concurrency_max);
    for connections in wanted {
        for place in offered.iter().cycle().take(offered.len() * TURNS) {
            *series += 1;
            let plan = Plan {
                connections: *connections,
                series: *series,
                warm_up: options.time / 5,
                time: options.time,
                servers: &place.pids,
                database: place.database,
            };
            let measured = load::measure(&place.fixture, scenario, plan).await?;
            errors += if place.is_peer { 0 } else { measured.errors };
            print(name, *connections, &place.name, &measured);
        }
    }
    Ok(errors)
}

fn print(name: &str, connections: usize, place: &str, measured: &Measured) {
    let latency = |percent| measured.latency(percent).map(|nanos| readable(millis(nanos)));
    let each = |micros: Option<u64>| micros.map(|micros| readable(float(micros) / float(measured.answers.max(1))));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    say!(
        "{name:<43}{connections:>4}  {place:<22}{:>9}{:>9}{:>9}{:>10}{:>10}",
        readable(measured.rate),
        or_dash(latency(50)),
        or_dash(latency(99)),
        or_dash(each(measured.cpu.server)),
        or_dash(each(measured.cpu.database)),
    );
    if let Some(error) = &measured.first_error {
        say!(
            "!!! {name}, {place}: {} ERRORS, the first one: {error}",
            measured.errors
        );
    }
}

impl Subject {
    fn on_sqlite(options: &Options, binary: &Path) -> Result<Self> {
        Self::start(options, binary, "SQLite", 1, None)
    }

    fn on_postgres(options: &Options, binary: &Path) -> Result<Self> {
        let wanted = options.database.as_deref().unwrap_or(DEBIAN);
        let cluster = match wanted {
            DEBIAN => Some(Cluster::start(&options.dir)?),
            _ => None,
        };
        let address = match &cluster {
            Some(cluster) => {
                cluster.query("postgres", "CREATE DATABASE bench TEMPLATE template0")?;
                format!("{}/bench", cluster.address())
            }
            None => wanted.to_owned(),
        };
        let mut subject = Self::start(options, binary, "PostgreSQL", options.hosts, Some(address))?;
        subject.database = cluster;
        Ok(subject)
    }

    fn start(options: &Options, binary: &Path, name: &str, hosts: usize, database: Option<String>) -> Result<Self> {
        let (mut launchers, mut servers, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut token: Option<String> = None;
        for number in 0..hosts {
            let work = WorkDir::make(&options.dir, &format!("mlforge-bench-{name}-{number}"))?;
            let mut launcher = Launcher::new(binary, work, options.server_log.clone())?;
            launcher.set_database(database.clone());
            let server = launcher.start()?;
            // The first start shows the token of them all.
            token = token.or_else(|| server.token.clone());
            let token = token
                .as_deref()
                .context("the first start showed no token: is the database new?")?;
            targets.push(Target::parse(&server.url, Some(token))?);
            servers.push(server);
            launchers.push(launcher);
        }
        Ok(Self {
            name: name.to_owned(),
            servers,
            targets,
            database: None,
            _launchers: launchers,
        })
    }

    /// Makes the data of a group. Returns one server of the subject as a place, and all of them if there are several.
    async fn places(&self, group: Group) -> Result<Vec<Place>> {
        let target = self.targets.first().context("no server")?;
        let fixture = group.prepare(target).await?;
        let pids: Vec<u32> = self.servers.iter().map(Server::pid).collect();
        let database = self.database_pid()?;
        let all = (self.targets.len() > 1).then(|| Place {
            name: format!("{}, {} servers", self.name, self.targets.len()),
            pids: pids.clone(),
            database,
            is_peer: false,
            fixture: Arc::new(Fixture {
                doors: self.targets.clone(),
                ..fixture.clone()
            }),
        });
        let one = Place {
            name: self.name.clone(),
            pids: pids.into_iter().take(1).collect(),
            database,
            is_peer: false,
            fixture: Arc::new(fixture),
        };
        Ok(std::iter::once(one).chain(all).collect())
    }

    /// The first process of the database. `None`: this program did not start it.
    fn database_pid(&self) -> Result<Option<u32>> {
        let pids = self.database.as_ref().map(Cluster::pids).transpose()?;
        Ok(pids.and_then(|pids| pids.first().copied()))
    }
}

impl Peer {
    /// Starts the server that the options name, on the cluster of a subject.
    async fn start(options: &Options, subjects: &[Subject]) -> Result<Option<Self>> {
        let Some(binary) = &options.fasttrackml else {
            return Ok(None);
        };
        let cluster = subjects.iter().find_map(|subject| subject.database.as_ref());
        let cluster = cluster.with_context(|| format!("--fasttrackml needs --database {DEBIAN}"))?;
        cluster.query("postgres", "CREATE DATABASE fasttrackml TEMPLATE template0")?;
        let work = WorkDir::make(&options.dir, "mlforge-bench-fasttrackml")?;
        let database = format!("{}/fasttrackml", cluster.address());
        let server = FastTrackMl::start(binary, &database, work.path()).await?;
        Ok(Some(Self { server, _work: work }))
    }

    /// True for the groups that it has endpoints for, and whose data it takes in a bearable time.
    fn takes_part(group: Group) -> bool {
        match group {
            Group::Writes | Group::Reads => true,
            Group::Search(runs) => runs <= PEER_RUNS_MAX,
            Group::Registry | Group::Artifacts | Group::Traces | Group::ManyTraces(_) => false,
        }
    }

    async fn place(&self, group: Group, subjects: &[Subject]) -> Result<Place> {
        let databases = subjects.iter().map(Subject::database_pid);
        let databases = databases.collect::<Result<Vec<_>>>()?;
        Ok(Place {
            name: "FastTrackML, PostgreSQL".to_owned(),
            pids: vec![self.server.pid()],
            database: databases.into_iter().flatten().next(),
            fixture: Arc::new(group.prepare(&self.server.target).await?),
            is_peer: true,
        })
    }
}
