//! The metrics of traces, spans and assessments, and the ways to put their values together.

use super::percentile::percentile;

/// The things that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Traces.
    Traces,
    /// Spans.
    Spans,
    /// Assessments.
    Assessments,
}

impl Measured {
    /// All of them, with the numbers and names of MLflow's protocol.
    pub const ALL: [(i64, &'static str, Measured); 3] = [
        (1, "TRACES", Measured::Traces),
        (2, "SPANS", Measured::Spans),
        (3, "ASSESSMENTS", Measured::Assessments),
    ];
}

/// A way to put values together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Their number.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// A percentile.
    Percentile,
    /// The least.
    Least,
    /// The greatest.
    Greatest,
}

impl Kind {
    /// All of them, with the numbers and names of MLflow's protocol.
    pub const ALL: [(i64, &'static str, Kind); 6] = [
        (1, "COUNT", Kind::Count),
        (2, "SUM", Kind::Sum),
        (3, "AVG", Kind::Average),
        (4, "PERCENTILE", Kind::Percentile),
        (5, "MIN", Kind::Least),
        (6, "MAX", Kind::Greatest),
    ];

    /// MLflow's word for it.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, _, kind)| *kind == self)
            .map_or("", |(_, word, _)| word)
    }
}

/// A metric: its name, the ways in which its values are put together, and the dimensions by which they are grouped.
#[derive(Debug)]
pub struct Metric {
    /// The things whose metric it is.
    pub of: Measured,
    /// The name.
    pub name: &'static str,
    /// The ways to put values together.
    pub kinds: &'static [Kind],
    /// The dimensions.
    pub dimensions: &'static [&'static str],
}

const COUNTED: &[Kind] = &[Kind::Count];
const SPREAD: &[Kind] = &[Kind::Average, Kind::Percentile, Kind::Least, Kind::Greatest];
const SUMMED: &[Kind] = &[Kind::Sum, Kind::Average, Kind::Percentile, Kind::Least, Kind::Greatest];

const fn metric(
    of: Measured,
    name: &'static str,
    kinds: &'static [Kind],
    dimensions: &'static [&'static str],
) -> Metric {
    Metric {
        of,
        name,
        kinds,
        dimensions,
    }
}

/// All metrics.
pub const METRICS: [Metric; 15] = [
    metric(
        Measured::Traces,
        "trace_count",
        COUNTED,
        &["trace_name", "trace_status"],
    ),
    metric(Measured::Traces, "session_count", COUNTED, &[]),
    metric(Measured::Traces, "latency", SPREAD, &["trace_name"]),
    metric(Measured::Traces, "input_tokens", SUMMED, &["trace_name"]),
    metric(Measured::Traces, "output_tokens", SUMMED, &["trace_name"]),
    metric(Measured::Traces, "total_tokens", SUMMED, &["trace_name"]),
    metric(Measured::Traces, "cache_read_input_tokens", SUMMED, &["trace_name"]),
    metric(Measured::Traces, "cache_creation_input_tokens", SUMMED, &["trace_name"]),
    metric(
        Measured::Spans,
        "span_count",
        COUNTED,
        &[
            "span_name",
            "span_type",
            "span_status",
            "span_model_name",
            "span_model_provider",
        ],
    ),
    metric(Measured::Spans, "latency", SPREAD, &["span_name", "span_status"]),
    metric(
        Measured::Spans,
        "input_cost",
        SUMMED,
        &["span_model_name", "span_model_provider"],
    ),
    metric(
        Measured::Spans,
        "output_cost",
        SUMMED,
        &["span_model_name", "span_model_provider"],
    ),
    metric(
        Measured::Spans,
        "total_cost",
        SUMMED,
        &["span_model_name", "span_model_provider"],
    ),
    metric(
        Measured::Assessments,
        "assessment_count",
        COUNTED,
        &["assessment_name", "assessment_value"],
    ),
    metric(Measured::Assessments, "assessment_value", SPREAD, &["assessment_name"]),
];

/// A way to put values together, with its percentage if it is a percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregation {
    /// The way.
    pub kind: Kind,
    /// The percentage, from 0 to 100.
    pub percent: f64,
}

impl Aggregation {
    /// The values put together. `None`: there are none.
    pub fn of(self, sorted: &[f64]) -> Option<f64> {
        let count = f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
        let sum = || sorted.iter().sum::<f64>();
        if sorted.is_empty() {
            return None;
        }
        match self.kind {
            Kind::Count => Some(count),
            Kind::Sum => Some(sum()),
            Kind::Average => Some(sum() / count),
            Kind::Percentile => percentile(sorted, self.percent),
            Kind::Least => sorted.first().copied(),
            Kind::Greatest => sorted.last().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_together_in_every_way() {
        let of = |kind| Aggregation { kind, percent: 50.0 }.of(&[1.0, 2.0, 6.0]);
        let all = [
            Kind::Count,
            Kind::Sum,
            Kind::Average,
            Kind::Percentile,
            Kind::Least,
            Kind::Greatest,
        ]
        .map(of);
        assert_eq!(all, [Some(3.0), Some(9.0), Some(3.0), Some(2.0), Some(1.0), Some(6.0)]);
        assert_eq!(
            Aggregation {
                kind: Kind::Count,
                percent: 0.0
            }
            .of(&[]),
            None
        );
    }
}
