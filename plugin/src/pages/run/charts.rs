//! Charts of a run's metrics.

use maud::Markup;
use mlforge_ui::Words;
use mlforge_ui::chart::{Axis, Mark, Point, Series, as_logged, sparkline};

use super::view::View;
use crate::convert::to_f64;
use crate::domain::metric;
use crate::pages::look::Look;
use crate::store::metrics::summary::Summary;

/// Height of a chart in pixels.
const HEIGHT: u32 = 170;

/// The chart of a metric.
pub fn chart(view: &View<'_>, look: Look, id: &str, metric: &str, summary: &Summary) -> Markup {
    let series = Series {
        name: metric,
        points: points(view, look.axis, summary),
        mark: Mark::Chosen(1),
        is_running: view.is_running(),
    };
    look.chart(id, metric, HEIGHT, vec![series]).draw(view.words)
}

fn points(view: &View<'_>, axis: Axis, summary: &Summary) -> Vec<Point> {
    let start_ms = view.full.run.start_time_ms;
    let x = |point: &metric::Point| match axis {
        // A chart of one run has no axis of runs.
        Axis::Step | Axis::Run => point.step,
        Axis::Time => point.timestamp_ms,
        Axis::Relative => point.timestamp_ms.saturating_sub(start_ms),
    };
    let drawn = |point: &metric::Point| Point {
        x: to_f64(x(point)),
        y: as_logged(point.value),
    };
    summary.drawn().iter().map(drawn).collect()
}

/// The shape of a metric.
pub fn spark(words: &Words, metric: &str, summary: &Summary) -> Markup {
    let mut points = summary.drawn().into_owned();
    points.sort_unstable_by(metric::Point::by_step);
    let values: Vec<f64> = points.iter().map(|point| as_logged(point.value)).collect();
    let label = mlforge_ui::words::fill(words.runs.shape_of, &[metric]);
    sparkline(&label, &values)
}
