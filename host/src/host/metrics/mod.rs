//! The metrics of a host in Prometheus' text form. Everything is read and written anew for each scrape; nothing is collected in
//! between.

mod families;
mod process;
mod storage_usage;

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Response, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

pub(crate) use self::process::Started;
pub(crate) use self::storage_usage::StorageUsage;
use crate::host::{Host, HostState};
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::limits::budget::Load;
use crate::metrics::DurationCounts;

/// The first word of the names of all metrics of this program.
const PREFIX: &str = "mlforge";

impl Host {
    /// The metrics in Prometheus' text form, as `/-/metrics` shows them.
    pub fn metrics(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape(Arc::clone(self.state()))));
        let mut text = String::new();
        // Writing to a text does not fail.
        _ = prometheus_text::encode(&mut text, &registry);
        text
    }

    /// Answers a scrape.
    pub(crate) fn answer_metrics(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.metrics()));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(prometheus_text::CONTENT_TYPE),
        );
        response
    }

    /// Answers a scrape of somebody who is not signed in, unless the metrics are kept off the public listener.
    pub(crate) fn answer_public_metrics(&self) -> Response<Body> {
        if self.state().config.public_metrics {
            self.answer_metrics()
        } else {
            HttpError::EndpointNotFound.into()
        }
    }
}

/// One scrape of a host.
struct Scrape(Arc<HostState>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        families::write(&self.0, Families { encoder })
    }
}

/// The writer of metric families: a name, a sentence, and a value for each set of labels.
struct Families<'a> {
    encoder: DescriptorEncoder<'a>,
}

/// The labels of a value: names and values.
type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

impl Families<'_> {
    /// Writes a family of counters. Their names end with `_total`.
    fn counters<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, u64)>,
    ) -> fmt::Result {
        let name = format!("{PREFIX}_{name}");
        let mut family = self.encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            let mut metric = family.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, u64, f64>(&value, None)?;
        }
        Ok(())
    }

    /// Writes a counter without labels.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help, [([], value)])
    }

    /// Writes a family of numbers that go up and down.
    fn gauges<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, f64)>,
    ) -> fmt::Result {
        self.plain_gauges(&format!("{PREFIX}_{name}"), help, values)
    }

    /// Writes numbers under a name that other programs use too.
    fn plain_gauges<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, f64)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Writes a number without labels.
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.gauges(name, help, [([], value)])
    }

    /// Writes the use of something bounded, and the bound as `name_max`.
    fn load(&mut self, name: &str, help: &str, load: Load) -> fmt::Result {
        self.gauge(name, help, to_f64(load.used))?;
        self.gauge(
            &format!("{name}_max"),
            &format!("Bound of {PREFIX}_{name}."),
            to_f64(load.max),
        )
    }

    /// Writes a family of histograms of seconds.
    fn histograms<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'v, N>, DurationCounts)>,
    ) -> fmt::Result {
        let name = format!("{PREFIX}_{name}");
        let mut family = self
            .encoder
            .encode_descriptor(&name, help, None, MetricType::Histogram)?;
        for (labels, value) in values {
            let mut metric = family.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(value.sum_s, value.count(), &value.classes, None)?;
        }
        Ok(())
    }
}

/// A number as metrics have it. Those above 2⁵³ are rounded.
fn to_f64(number: usize) -> f64 {
    u64_to_f64(crate::convert::to_u64(number))
}

/// A number as metrics have it. Those above 2⁵³ are rounded.
#[allow(clippy::cast_precision_loss, reason = "no metric needs more digits than an f64 has")]
fn u64_to_f64(number: u64) -> f64 {
    number as f64
}
