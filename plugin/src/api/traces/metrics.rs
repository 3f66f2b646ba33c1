//! The endpoints that measure traces, for charts of MLflow's web pages.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json;
use crate::api::paging::page_size;
use crate::domain::id::ExperimentId;
use crate::domain::name::missing;
use crate::domain::trace::measure::{Aggregation, Kind, METRICS, Measured, Metric};
use crate::domain::trace::value::float_text;
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::filter::Predicate;
use crate::search::traces::TraceSearch;
use crate::store::traces::metrics::{Group, MetricQuery, correlate, measure};
use crate::store::traces::walk::Times;

/// Number of data points of an answer, by default and at most.
const POINTS_DEFAULT: i64 = 1_000;
const POINTS_MAX: i64 = 10_000;
/// Largest number of filters of a request, of aggregations and of experiments.
const FILTERS_MAX: usize = 50;
const AGGREGATIONS_MAX: usize = 20;
const EXPERIMENTS_MAX: usize = 1_000;

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_points: Vec<DataPoint<'a>>,
}

#[derive(Serialize)]
struct DataPoint<'a> {
    metric_name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dimensions: BTreeMap<&'a str, String>,
    values: BTreeMap<String, f64>,
}

/// Measures traces, spans or assessments of experiments.
pub async fn query(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let within = experiments(params)?;
    let metric = metric(params)?;
    let aggregations = aggregations(params, metric)?;
    let dimensions = params.texts("dimensions")?;
    if let Some(wrong) = dimensions.iter().find(|name| !metric.dimensions.contains(name)) {
        return Err(Error::Invalid(format!(
            "Found invalid dimension(s): ['{}']. Supported dimensions: {:?}",
            wrong, metric.dimensions
        )));
    }
    let filters = Filters::of(params, metric.of)?;
    let (interval_ms, times) = times(params)?;
    let query = MetricQuery {
        of: metric.of,
        name: metric.name,
        dimensions: &dimensions,
        interval_ms,
        times,
        spans: TraceSearch::parse(&filters.spans.join(" AND "))?,
        assessment_name: filters.assessment_name.as_deref(),
        assessment_kind: filters.assessment_kind.as_deref(),
    };
    let search = TraceSearch::parse(&filters.traces.join(" AND "))?;
    let count = page_size(params, POINTS_DEFAULT, POINTS_MAX)?;
    let groups = measure(&within, search, &query).await?;
    let points = groups.into_iter().take(count);
    json(&Answer {
        data_points: points
            .map(|group| point(metric, &dimensions, &aggregations, group))
            .collect(),
    })
}

fn experiments(params: &Params<'_>) -> Result<Vec<ExperimentId>> {
    let texts = params.texts("experiment_ids")?;
    if texts.is_empty() {
        return Err(missing("experiment_ids"));
    }
    if texts.len() > EXPERIMENTS_MAX {
        let count = texts.len();
        return Err(Error::Invalid(format!(
            "{count} experiment_ids: at most {EXPERIMENTS_MAX} are allowed"
        )));
    }
    ExperimentId::parse_all(&texts)
}

/// The metric that a request names.
fn metric(params: &Params<'_>) -> Result<&'static Metric> {
    let of = params
        .choice("view_type", &Measured::ALL)?
        .ok_or_else(|| missing("view_type"))?;
    let name = params.required_text("metric_name")?;
    let of_view = || METRICS.iter().filter(|metric| metric.of == of);
    let known = of_view().find(|metric| metric.name == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = of_view().map(|metric| metric.name).collect();
        Error::Invalid(format!("metric_name must be one of {names:?}, got '{name}'"))
    })
}

fn aggregations(params: &Params<'_>, metric: &Metric) -> Result<Vec<Aggregation>> {
    let asked = params.objects("aggregations")?;
    if asked.is_empty() {
        return Err(missing("aggregations"));
    }
    if asked.len() > AGGREGATIONS_MAX {
        let count = asked.len();
        return Err(Error::Invalid(format!(
            "{count} aggregations: at most {AGGREGATIONS_MAX} are allowed"
        )));
    }
    asked.iter().map(|asked| aggregation(asked, metric)).collect()
}

fn aggregation(asked: &Params<'_>, metric: &Metric) -> Result<Aggregation> {
    let kind = asked.choice("aggregation_type", &Kind::ALL)?;
    let kind = kind.ok_or_else(|| missing("aggregation_type"))?;
    if !metric.kinds.contains(&kind) {
        let words: Vec<&str> = metric.kinds.iter().map(|kind| kind.word()).collect();
        return Err(Error::Invalid(format!(
            "Found invalid aggregation_type(s): ['{}']. Supported aggregation types: {words:?}",
            kind.word()
        )));
    }
    let percent = match (kind, asked.is_given("percentile_value")) {
        (Kind::Percentile, true) => asked.required_float("percentile_value")?,
        (Kind::Percentile, false) => {
            let text = "Percentile value is required for PERCENTILE aggregation";
            return Err(Error::Invalid(text.to_owned()));
        }
        (_, true) => {
            let text = "Percentile value is only allowed for PERCENTILE aggregation type";
            return Err(Error::Invalid(text.to_owned()));
        }
        (_, false) => 0.0,
    };
    if !(0.0..=100.0).contains(&percent) {
        return Err(Error::Invalid(format!(
            "Percentile value must be between 0 and 100, got {percent}"
        )));
    }
    Ok(Aggregation { kind, percent })
}

/// The length of an interval in milliseconds, and the times of traces.
fn times(params: &Params<'_>) -> Result<(Option<i64>, Times)> {
    let (from_ms, until_ms) = (params.integer("start_time_ms")?, params.integer("end_time_ms")?);
    let seconds = params.integer("time_interval_seconds")?.filter(|seconds| *seconds != 0);
    if seconds.is_some() && (from_ms.is_none() || until_ms.is_none()) {
        let text = "start_time_ms and end_time_ms are required if time_interval_seconds is set";
        return Err(Error::Invalid(text.to_owned()));
    }
    let length = seconds.map(|seconds| seconds.checked_mul(1_000).filter(|length| *length > 0));
    if length == Some(None) {
        let text = "Invalid value for parameter 'time_interval_seconds' supplied: it must be a positive integer.";
        return Err(Error::Invalid(text.to_owned()));
    }
    let times = Times {
        from_ms: from_ms.unwrap_or(i64::MIN),
        // The end is included.
        before_ms: until_ms.map(|ms| ms.saturating_add(1)),
    };
    Ok((length.flatten(), times))
}

/// The filters of a request, by what they are about, in the language of searches.
#[derive(Default)]
struct Filters {
    traces: Vec<String>,
    spans: Vec<String>,
    assessment_name: Option<String>,
    assessment_kind: Option<String>,
}

impl Filters {
    fn of(params: &Params<'_>, measured: Measured) -> Result<Self> {
        let texts = params.texts("filters")?;
        if texts.len() > FILTERS_MAX {
            let count = texts.len();
            return Err(Error::Invalid(format!(
                "{count} filters: at most {FILTERS_MAX} are allowed"
            )));
        }
        let mut filters = Filters::default();
        for text in texts {
            filters.add(text.trim(), measured)?;
        }
        Ok(filters)
    }

    fn add(&mut self, text: &str, measured: Measured) -> Result<()> {
        let invalid = |why: &str| Err(Error::Invalid(format!("Invalid filter: '{text}'. {why}")));
        let only = |view: Measured| measured == view;
        let (view, rest) = text.split_once('.').unwrap_or((text, ""));
        match view {
            "trace" => {
                let words = [
                    ("tag.", "tags."),
                    ("metadata.", "metadata."),
                    ("status", "attributes.status"),
                ];
                let word = words.iter().find(|(word, _)| rest.starts_with(word));
                let Some((word, own)) = word else {
                    return invalid("Valid entities of traces are status, tag and metadata.");
                };
                let clause = format!("{own}{}", rest.get(word.len()..).unwrap_or_default());
                value_of(&clause)?;
                self.traces.push(clause);
                Ok(())
            }
            "span" if only(Measured::Spans) => {
                value_of(text)?;
                self.spans.push(text.to_owned());
                Ok(())
            }
            "assessment" if only(Measured::Assessments) => {
                let value = value_of(&format!("tags.{rest}"))?;
                match rest.split([' ', '=']).next() {
                    Some("name") => self.assessment_name = Some(value),
                    Some("type") => self.assessment_kind = Some(value),
                    _ => return invalid("Valid entities of assessments are name and type."),
                }
                Ok(())
            }
            "span" | "assessment" => {
                invalid("Filtering by spans or assessments is only supported for their own view type.")
            }
            _ => invalid("Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'."),
        }
    }
}

/// The value in a filter of one comparison with `=`.
fn value_of(clause: &str) -> Result<String> {
    let search = TraceSearch::parse(clause)?;
    match search.only_test() {
        Some(Predicate::Text { among, wanted: true }) if among.len() == 1 => {
            Ok(among.first().cloned().unwrap_or_default())
        }
        Some(_) => Err(Error::Invalid(format!(
            "Invalid comparator in filter '{clause}': only the '=' operator is supported"
        ))),
        None => Err(Error::Invalid(format!(
            "Invalid filter: '{clause}'. Expected one filter clause."
        ))),
    }
}

fn point<'a>(metric: &'a Metric, dimensions: &[&'a str], aggregations: &[Aggregation], group: Group) -> DataPoint<'a> {
    let named = dimensions.iter().copied().zip(group.dimensions);
    let interval = group.interval.map(|ms| ("time_bucket", interval_text(ms)));
    let value = |aggregation: &Aggregation| {
        let name = match aggregation.kind {
            Kind::Percentile => format!("P{}", float_text(aggregation.percent)),
            kind => kind.word().to_owned(),
        };
        Some((name, aggregation.of(&group.values)?))
    };
    DataPoint {
        metric_name: metric.name,
        dimensions: interval.into_iter().chain(named).collect(),
        values: aggregations.iter().filter_map(value).collect(),
    }
}

/// A time as Python's `isoformat` writes it.
fn interval_text(ms: i64) -> String {
    let text = crate::api::wire::traces::time_text(ms);
    format!("{}+00:00", text.trim_end_matches('Z'))
}

#[derive(Serialize)]
struct Correlation {
    #[serde(skip_serializing_if = "Option::is_none")]
    npmi: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    npmi_smoothed: Option<f64>,
    filter1_count: u32,
    filter2_count: u32,
    joint_count: u32,
    total_count: u32,
}

/// Says how often two filters find the same traces.
pub async fn correlation(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let within = experiments(params)?;
    let base = params.text("base_filter")?.unwrap_or_default();
    let joined = |name: &str| -> Result<TraceSearch> {
        let own = params.required_text(name)?;
        match base {
            "" => TraceSearch::parse(own),
            base => TraceSearch::parse(&format!("{base} AND {own}")),
        }
    };
    let others = [joined("filter_string1")?, joined("filter_string2")?];
    let counts = correlate(&within, TraceSearch::parse(base)?, others).await?;
    json(&Correlation {
        npmi: counts.correlation(),
        npmi_smoothed: counts.smoothed(),
        filter1_count: counts.first,
        filter2_count: counts.second,
        joint_count: counts.both,
        total_count: counts.total,
    })
}
