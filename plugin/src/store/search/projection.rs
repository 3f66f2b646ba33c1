//! The parts of a run that a search asks for. A run that is read from its own records costs those parts, not
//! everything that was logged to it.

use super::super::query::SearchQuery;
use super::snapshot::SearchSnapshot;
use crate::domain::id::RunId;
use crate::domain::run::{FullRun, NAME_TAG};
use crate::error::{Error, Result};
use crate::host::records::{Span, scan_all};
use crate::search::runs::RunAttribute;
use crate::search::schema::Subject;
use crate::store::keys;
use crate::store::portion::{ByteBudget, ITEM_BYTES_MAX, as_stored};
use crate::store::runs::read::RunParts;

/// Largest number of runs that are read in one call.
const RUNS_AT_ONCE: usize = 500;

/// Largest number of spans of one call, unless one run has more.
const SPANS_AT_ONCE: usize = 10_000;

/// The values that are read of each run besides the run's record and its packed run.
#[derive(Debug, Default)]
pub(super) struct Projection {
    metrics: Vec<String>,
    params: Vec<String>,
    tags: Vec<String>,
    inputs: bool,
}

impl Projection {
    /// Returns the values that a filter and an order ask for.
    pub(super) fn of(query: &SearchQuery<RunAttribute>) -> Self {
        let mut asked = Projection::default();
        let clauses = query.filter.clauses.iter().map(|clause| &clause.subject);
        let terms = query.order.terms().iter().map(|term| &term.subject);
        for subject in clauses.chain(terms) {
            match subject {
                Subject::Metric(key) => asked.metrics.push(key.clone()),
                Subject::Param(key) => asked.params.push(key.clone()),
                Subject::Tag(key) => asked.tags.push(key.clone()),
                Subject::Dataset(_) | Subject::Named(..) => asked.inputs = true,
                Subject::Attribute(RunAttribute::RunName) => asked.tags.push(NAME_TAG.to_owned()),
                Subject::Attribute(_) => {}
            }
        }
        for keys in [&mut asked.metrics, &mut asked.params, &mut asked.tags] {
            keys.sort_unstable();
            keys.dedup();
        }
        asked
    }

    fn spans_of_each(&self) -> usize {
        1 + self.metrics.len() + self.params.len() + self.tags.len() + usize::from(self.inputs)
    }

    fn spans(&self, id: RunId) -> impl Iterator<Item = Span> {
        let metrics = self.metrics.iter().map(move |key| keys::run_metric(id, key));
        let params = self.params.iter().map(move |key| keys::run_param(id, key));
        let tags = self.tags.iter().map(move |key| keys::run_tag(id, key));
        let inputs = self.inputs.then(|| keys::run_inputs(id));
        let values = metrics.chain(params).chain(tags).map(Span::of_key);
        std::iter::once(keys::run_itself(id)).chain(inputs).chain(values)
    }

    /// Reads runs one after the other. `each` receives those that exist, with the values asked for and
    /// perhaps more. At most one of them is in memory at a time.
    pub(super) async fn read(
        &self,
        snapshot: &SearchSnapshot,
        ids: &[RunId],
        mut each: impl FnMut(&FullRun<'_>),
    ) -> Result<()> {
        let spans_of_each = self.spans_of_each();
        let at_once = (SPANS_AT_ONCE / spans_of_each).clamp(1, RUNS_AT_ONCE);
        for some in ids.chunks(at_once) {
            let spans = some.iter().flat_map(|id| self.spans(*id)).collect();
            let (mut parts, mut present) = (RunParts::default(), 0);
            let mut room = ByteBudget::new(ITEM_BYTES_MAX);
            scan_all(spans, usize::MAX, |index, key, value| {
                let run = index / spans_of_each;
                if run != present {
                    finish(snapshot, std::mem::take(&mut parts), &mut each)?;
                    present = run;
                    room.next_item();
                }
                let id = some.get(run).ok_or_else(|| Error::Corrupt("no such run".to_owned()))?;
                match room.takes(as_stored(key, value)) {
                    true => parts.add(*id, key, value),
                    false => Ok(()),
                }
            })
            .await?;
            finish(snapshot, parts, &mut each)?;
        }
        Ok(())
    }
}

/// Passes a run that was read whole to `each`, if it exists.
fn finish(snapshot: &SearchSnapshot, mut parts: RunParts, each: &mut impl FnMut(&FullRun<'_>)) -> Result<()> {
    let Some(run) = parts.run.take() else { return Ok(()) };
    let experiment = snapshot.lifecycles.get(&run.experiment);
    let stage = experiment.map_or(run.lifecycle.stage, |experiment| run.lifecycle.of_run(*experiment));
    each(&parts.assemble(&run, stage)?);
    Ok(())
}
