//! Metrics of traces, of their spans and of their assessments, put together by dimensions and intervals of time. Also the
//! correlation of two searches.

use std::collections::{BTreeMap, BTreeSet};

use super::packed::{Measurable, RETRIES_MAX, Visited, visit_all};
use super::walk::{Times, newest};
use super::{read, usage};
use crate::convert::to_f64;
use crate::domain::id::ExperimentId;
use crate::domain::trace::Trace;
use crate::domain::trace::assessment::{Assessment, Content};
use crate::domain::trace::correlation::Counts;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::measure::Measured;
use crate::domain::trace::span::Span;
use crate::domain::trace::value::Value;
use crate::error::{Error, Result};
use crate::search::traces::TraceSearch;

/// Largest number of traces that are looked at, and of those whose spans are.
const TRACES_MAX: usize = 200_000;
const TRACES_WITH_SPANS_MAX: usize = 5_000;
/// Largest number of groups.
const GROUPS_MAX: usize = 10_000;
/// Nanoseconds of a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// The attributes of a span with its model, and with its cost.
const MODEL_ATTRIBUTE: &str = "mlflow.llm.model";
const PROVIDER_ATTRIBUTE: &str = "mlflow.llm.provider";
const COST_ATTRIBUTE: &str = "mlflow.llm.cost";

/// The values that are asked for.
pub struct MetricQuery<'a> {
    /// The things that are measured.
    pub of: Measured,
    /// The name of the metric.
    pub name: &'a str,
    /// The dimensions by which values are grouped.
    pub dimensions: &'a [&'a str],
    /// The length of an interval of time in milliseconds, by which they are grouped first. `None`: they are not.
    pub interval_ms: Option<i64>,
    /// The times of traces.
    pub times: Times,
    /// The condition on spans.
    pub spans: TraceSearch,
    /// The name that assessments have, and their kind. `None`: any.
    pub assessment_name: Option<&'a str>,
    /// As for the name: `feedback` or `expectation`.
    pub assessment_kind: Option<&'a str>,
}

/// Some values that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The start of the interval in milliseconds since the Unix epoch.
    pub interval: Option<i64>,
    /// The values of the dimensions, in their order.
    pub dimensions: Vec<String>,
    /// The values, sorted.
    pub values: Vec<f64>,
}

/// The groups while traces are visited.
struct Groups<'q> {
    query: &'q MetricQuery<'q>,
    groups: BTreeMap<(Option<i64>, Vec<String>), Vec<f64>>,
    /// The sessions of each interval that were counted.
    sessions: BTreeSet<(Option<i64>, String)>,
}

impl<'q> Groups<'q> {
    fn new(query: &'q MetricQuery<'q>) -> Self {
        Groups {
            query,
            groups: BTreeMap::new(),
            sessions: BTreeSet::new(),
        }
    }

    /// The groups by interval, then by dimensions.
    fn sorted(self) -> Vec<Group> {
        let groups = self.groups.into_iter().take(GROUPS_MAX);
        let group = |((interval, dimensions), mut values): ((Option<i64>, Vec<String>), Vec<f64>)| {
            values.sort_by(f64::total_cmp);
            Group {
                interval,
                dimensions,
                values,
            }
        };
        groups.map(group).collect()
    }
    fn interval(&self, ms: i64) -> Option<i64> {
        self.query
            .interval_ms
            .map(|length| ms.div_euclid(length).saturating_mul(length))
    }

    /// Adds a value. One without a value, or without one of the dimensions, does not count.
    fn add<'a>(&mut self, ms: i64, value: Option<f64>, dimension: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>) {
        let names = self.query.dimensions.iter();
        let dimensions: Option<Vec<String>> = names.map(|name| dimension(name).map(Into::into)).collect();
        if let (Some(value), Some(dimensions)) = (value, dimensions) {
            self.groups
                .entry((self.interval(ms), dimensions))
                .or_default()
                .push(value);
        }
    }

    fn add_trace(&mut self, trace: &Measurable<'_>) {
        let value = match self.query.name {
            "trace_count" => Some(1.0),
            "session_count" => {
                let session = trace.session;
                let session = session.map(|session| (self.interval(trace.start_ms), session.to_owned()));
                session
                    .is_some_and(|session| self.sessions.insert(session))
                    .then_some(1.0)
            }
            "latency" => trace.duration_ms.map(to_f64),
            tokens => trace
                .usage
                .and_then(|usage| usage::tokens_in(usage, tokens))
                .map(to_f64),
        };
        self.add(trace.start_ms, value, |name| match name {
            "trace_name" => trace.name.map(Into::into),
            _ => Some(trace.state.into()),
        });
    }

    fn add_assessment(&mut self, trace: &Trace, one: &Assessment) {
        let kind = match one.content {
            Content::Feedback { .. } => "feedback",
            Content::Expectation { .. } | Content::Serialized { .. } => "expectation",
            Content::Issue { .. } => "issue",
        };
        let query = self.query;
        let is_asked = query.assessment_name.is_none_or(|name| name == one.name)
            && query.assessment_kind.is_none_or(|asked| asked == kind);
        if !one.valid || !is_asked {
            return;
        }
        let value = match query.name {
            "assessment_count" => Some(1.0),
            _ => number_of(one.content.value()),
        };
        self.add(trace.start_ms, value, |name| match name {
            "assessment_name" => Some(one.name.as_str().into()),
            _ => Some(one.content.value().into()),
        });
    }

    fn add_span(&mut self, trace: &(i64, TraceId), span: &Span) {
        let text = |key: &str| {
            span.attribute(key)
                .and_then(Value::as_text)
                .map(|text| text.to_owned().into())
        };
        let value = match self.query.name {
            "span_count" => Some(1.0),
            "latency" => {
                let ms = span.end_ns.saturating_sub(span.start_ns) / NS_PER_MS;
                i64::try_from(ms).ok().map(to_f64)
            }
            cost => match span.attribute(COST_ATTRIBUTE).and_then(|costs| costs.get(cost)) {
                Some(Value::Float(cost)) => Some(*cost),
                Some(Value::Integer(cost)) => Some(to_f64(*cost)),
                _ => None,
            },
        };
        // MLflow puts spans into the interval of their own start.
        let own_ms = i64::try_from(span.start_ns / NS_PER_MS).unwrap_or(trace.0);
        self.add(own_ms, value, |name| match name {
            "span_name" => Some(span.name.clone().into()),
            "span_type" => Some(span.kind_of_work().to_owned().into()),
            "span_model_name" => text(MODEL_ATTRIBUTE),
            "span_model_provider" => text(PROVIDER_ATTRIBUTE),
            _ => Some(span.status.name().into()),
        });
    }
}

/// The number that an assessment's value means: that of a number, and 1 or 0 for yes and no.
fn number_of(json: &str) -> Option<f64> {
    match json.trim_matches('"').trim().to_lowercase().as_str() {
        "true" if !json.starts_with('"') => Some(1.0),
        "false" if !json.starts_with('"') => Some(0.0),
        "yes" => Some(1.0),
        "no" => Some(0.0),
        _ => json.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Measures the traces of experiments that a search finds. Groups come by interval, then by dimensions.
pub async fn measure(within: &[ExperimentId], search: TraceSearch, query: &MetricQuery<'_>) -> Result<Vec<Group>> {
    if let Some(groups) = by_columns(within, &search, query).await? {
        return Ok(groups.sorted());
    }
    let mut groups = Groups::new(query);
    let of_spans = query.of == Measured::Spans;
    let max = if of_spans { TRACES_WITH_SPANS_MAX } else { TRACES_MAX };
    let mut with_spans: Vec<(i64, TraceId)> = Vec::new();
    let is_cut = newest(within, search, query.times, max, |trace| match query.of {
        Measured::Traces => groups.add_trace(&Measurable::of(&trace)),
        Measured::Assessments => trace
            .assessments
            .iter()
            .for_each(|one| groups.add_assessment(&trace, one)),
        Measured::Spans if trace.batches > 0 => with_spans.push((trace.start_ms, trace.id)),
        Measured::Spans => {}
    })
    .await?;
    if is_cut {
        return Err(too_many(max));
    }
    for trace in &with_spans {
        let spans = match read::spans(&trace.1).await {
            // One trace with very large spans must not hide the others.
            Err(Error::TooLarge(_)) => continue,
            spans => spans?,
        };
        for span in spans
            .iter()
            .filter(|span| query.spans.matches_spans(std::slice::from_ref(*span)))
        {
            groups.add_span(trace, span);
        }
    }
    Ok(groups.sorted())
}

/// Measures all traces of one experiment with its columns. `None`: they do not tell what is asked for.
async fn by_columns<'q>(
    within: &[ExperimentId],
    search: &TraceSearch,
    query: &'q MetricQuery<'q>,
) -> Result<Option<Groups<'q>>> {
    let [experiment] = within else {
        return Ok(None);
    };
    if query.of != Measured::Traces || !search.is_everything() {
        return Ok(None);
    }
    let with_usage = !matches!(query.name, "trace_count" | "session_count" | "latency");
    for _ in 0..RETRIES_MAX {
        let mut groups = Groups::new(query);
        match visit_all(*experiment, query.times, (TRACES_MAX, with_usage), |trace| {
            groups.add_trace(trace)
        })
        .await?
        {
            Visited::All => return Ok(Some(groups)),
            Visited::Some => return Err(too_many(TRACES_MAX)),
            Visited::Nothing => {}
        }
    }
    Ok(None)
}

fn too_many(max: usize) -> Error {
    Error::TooLarge(format!(
        "More than {max} traces would be measured. Ask for a shorter time, or for the traces of a tag, session or run."
    ))
}

/// Counts the traces that a search finds, and those among them that two others find.
pub async fn correlate(within: &[ExperimentId], base: TraceSearch, others: [TraceSearch; 2]) -> Result<Counts> {
    let times = Times {
        from_ms: i64::MIN,
        before_ms: None,
    };
    let mut found: Vec<BTreeSet<TraceId>> = Vec::new();
    for search in std::iter::once(base).chain(others) {
        let mut ids = BTreeSet::new();
        if newest(within, search, times, TRACES_MAX, |trace| {
            ids.insert(trace.id);
        })
        .await?
        {
            return Err(too_many(TRACES_MAX));
        }
        found.push(ids);
    }
    let [base, first, second] = found.as_slice() else {
        return Ok(Counts::default());
    };
    let count = |holds: &dyn Fn(&TraceId) -> bool| {
        let count = base.iter().filter(|id| holds(id)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    Ok(Counts {
        total: count(&|_| true),
        first: count(&|id| first.contains(id)),
        second: count(&|id| second.contains(id)),
        both: count(&|id| first.contains(id) && second.contains(id)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_judges_are_numbers_if_they_mean_one() {
        for (json, number) in [
            ("true", Some(1.0)),
            ("false", Some(0.0)),
            ("\"Yes\"", Some(1.0)),
            ("\"no\"", Some(0.0)),
            ("0.5", Some(0.5)),
            ("\"true\"", None),
            ("\"0.5\"", None),
            ("NaN", None),
            ("{}", None),
        ] {
            assert_eq!(number_of(json), number, "{json}");
        }
    }
}
