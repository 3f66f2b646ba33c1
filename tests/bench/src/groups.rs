//! The groups of scenarios. Each prepares the data of its scenarios; then they are measured in the table's
//! order.

use std::sync::Arc;

use anyhow::Result;

use crate::bench::Bench;
use crate::client::Target;
use crate::fixture::Fixture;
use crate::numbers::float;
use crate::options::Options;
use crate::report::say;
use crate::scenario::Scenario;

pub(crate) mod artifacts;
mod many_traces;
mod reads;
mod registry;
mod search;
mod traces;
pub(crate) mod writes;

/// Scenarios that share their data.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    /// The requests of a training run.
    Writes,
    /// Reads of one run, one experiment, one history.
    Reads,
    /// Models and their versions.
    Registry,
    /// Files of a run.
    Artifacts,
    /// Traces with their spans.
    Traces,
    /// Searches in an experiment with this number of traces.
    ManyTraces(u64),
    /// Searches in an experiment with this number of runs.
    Search(u64),
}

impl Group {
    /// The groups with a selected scenario. The one that fills the server most comes last.
    pub(crate) fn wanted(options: &Options) -> Vec<Self> {
        let searches = options.runs.iter().copied().map(Self::Search);
        let groups = [Self::Writes, Self::Reads, Self::Registry, Self::Artifacts, Self::Traces]
            .into_iter()
            .chain(options.traces.iter().copied().map(Self::ManyTraces))
            .chain(searches);
        groups.filter(|group| group.is_wanted(options)).collect()
    }

    /// The name of the group.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Writes => "writes".to_owned(),
            Self::Reads => "reads".to_owned(),
            Self::Registry => "registry".to_owned(),
            Self::Artifacts => "artifacts".to_owned(),
            Self::Traces => "traces".to_owned(),
            Self::ManyTraces(traces) => format!("traces_{traces}"),
            Self::Search(runs) => format!("search_runs_{runs}"),
        }
    }

    /// Makes the data.
    pub(crate) async fn prepare(self, target: &Target) -> Result<Fixture> {
        match self {
            Self::Writes => writes::prepare(target).await,
            Self::Reads => reads::prepare(target).await,
            Self::Registry => registry::prepare(target).await,
            Self::Artifacts => artifacts::prepare(target).await,
            Self::Traces => traces::prepare(target).await,
            Self::ManyTraces(traces) => many_traces::prepare(target, traces).await,
            Self::Search(runs) => search::prepare(target, runs).await,
        }
    }

    /// Measures the selected scenarios.
    pub(crate) async fn measure(self, bench: &mut Bench, fixture: Fixture) -> Result<()> {
        let fixture = Arc::new(fixture);
        match self {
            Self::Artifacts => bench.serve_bare_files().await?,
            Self::Writes => bench.serve_natively()?,
            Self::Reads | Self::Registry | Self::Traces | Self::ManyTraces(_) | Self::Search(_) => {}
        }
        for scenario in self.scenarios() {
            let name = self.line_name(scenario);
            if !bench.options.wants(&name) {
                continue;
            }
            let rate = bench.lines(&fixture, scenario, &name).await?;
            if let (true, Some(rate)) = (scenario.name == search::WALK, rate) {
                let pages = fixture.filled.div_ceil(search::WALK_PAGE);
                say!(
                    "    all {} runs in {pages} pages: {:.3} s",
                    fixture.filled,
                    float(pages) / rate
                );
            }
        }
        Ok(())
    }

    fn is_wanted(self, options: &Options) -> bool {
        let mut scenarios = self.scenarios().iter();
        scenarios.any(|scenario| options.wants(&self.line_name(scenario)))
    }

    /// The scenarios of the group.
    pub(crate) fn scenarios(self) -> &'static [Scenario] {
        match self {
            Self::Writes => writes::SCENARIOS,
            Self::Reads => reads::SCENARIOS,
            Self::Registry => registry::SCENARIOS,
            Self::Artifacts => artifacts::SCENARIOS,
            Self::Traces => traces::SCENARIOS,
            Self::ManyTraces(_) => many_traces::SCENARIOS,
            Self::Search(_) => search::SCENARIOS,
        }
    }

    /// The name of a scenario in the table.
    pub(crate) fn line_name(self, scenario: &Scenario) -> String {
        match self {
            Self::Writes | Self::Reads | Self::Registry | Self::Artifacts | Self::Traces => scenario.name.to_owned(),
            Self::ManyTraces(_) | Self::Search(_) => format!("{}_{}", self.name(), scenario.name),
        }
    }
}
