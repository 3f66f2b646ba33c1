//! The charts of an experiment's traces over time: their number, latency, errors and tokens.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::chart::{Axis, LineChart, Mark, Point, Series};
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::asked::Asked;
use super::{View, bar, facts};
use crate::convert::{to_f64, to_u64};
use crate::domain::trace::percentile::percentile;
use crate::domain::trace::{Trace, TraceState};
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::pages::experiment::head::{Head, Tab};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::traces::TraceSearch;
use crate::store::traces::walk::{self, Times};

/// Largest number of traces that are drawn.
const TRACES_MAX: usize = 2_000;
/// Number of intervals into which the time is cut.
const INTERVALS: usize = 40;
/// Height of a chart in pixels.
const HEIGHT: u32 = 170;

const HOUR_MS: i64 = 3_600_000;
/// The times that can be chosen, in hours.
const RANGES: [(&str, i64); 4] = [("hour", 1), ("day", 24), ("week", 168), ("month", 720)];

/// Shows the charts.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let asked = Asked::of(&call.params)?;
    let range = call.params.text("range")?.unwrap_or_default();
    let range = RANGES.iter().find(|(word, _)| *word == range);
    let head = Head::read(asked.experiment).await?;
    let search = match TraceSearch::read(asked.filter) {
        Ok(search) => search,
        Err(mistake) => return Ok(bar::mistaken(&call, &head, &asked, View::Charts, &mistake)),
    };
    let since_ms = range.map(|(_, hours)| now_ms().saturating_sub(hours * HOUR_MS));
    let times = Times {
        from_ms: since_ms.unwrap_or(i64::MIN),
        before_ms: None,
    };
    let mut traces: Vec<Trace> = Vec::new();
    let is_cut = walk::newest(&[asked.experiment], search, times, TRACES_MAX, |trace| {
        traces.push(trace)
    })
    .await?;
    let (site, words) = (call.site, call.site.words());
    Ok(head.page(&call, Tab::Traces).answer(&html! {
        (head.draw(&call, Tab::Traces))
        (bar::draw(site, &asked, View::Charts, false))
        div.bar {
            (ranges(site, &asked, range.map_or("", |(word, _)| word)))
            span.mut { (said(words, traces.len(), is_cut)) }
        }
        @if traces.is_empty() {
            p.mut { (words.traces.nothing_matches) }
        } @else {
            (charts(words, &traces))
        }
    }))
}

fn ranges(site: &Site, asked: &Asked<'_>, current: &str) -> Markup {
    let words = &site.words().traces;
    let texts = [
        words.newest,
        words.last_hour,
        words.last_day,
        words.last_week,
        words.last_month,
    ];
    let choices = std::iter::once("").chain(RANGES.iter().map(|(word, _)| *word));
    html! {
        nav.seg aria-label=(words.time) {
            @for (word, text) in choices.zip(texts) {
                a href=(asked.address(site, "/traces/charts").with_filled("range", word))
                    aria-current=[(word == current).then_some("true")] { (text) }
            }
        }
    }
}

fn said(words: &Words, count: usize, is_cut: bool) -> String {
    let text = if is_cut {
        words.traces.newest_of
    } else {
        words.traces.count_of
    };
    fill(text, &[&number::count(to_u64(count))])
}

/// The traces that began in one interval of time.
#[derive(Clone, Debug, Default)]
struct Interval {
    start_ms: i64,
    count: u32,
    errors: u32,
    /// The known durations in seconds, sorted.
    seconds: Vec<f64>,
    input: i64,
    output: i64,
}

impl Interval {
    fn add(&mut self, trace: &Trace) {
        self.count += 1;
        self.errors += u32::from(trace.state == TraceState::Error);
        self.seconds.extend(trace.duration_ms.map(|ms| to_f64(ms) / 1_000.0));
        let tokens = facts::tokens(trace);
        self.input = self.input.saturating_add(tokens.input.unwrap_or(0));
        self.output = self.output.saturating_add(tokens.output.unwrap_or(0));
    }
}

/// The intervals from the oldest trace to the newest, all of the same length.
fn intervals(traces: &[Trace]) -> Vec<Interval> {
    let starts = || traces.iter().map(|trace| trace.start_ms);
    let (first, last) = (starts().min().unwrap_or(0), starts().max().unwrap_or(0));
    let count = i64::try_from(INTERVALS).unwrap_or(1);
    let width = (last.saturating_sub(first) / count).saturating_add(1);
    let mut intervals = vec![Interval::default(); INTERVALS];
    for (index, interval) in (0_i64..).zip(intervals.iter_mut()) {
        interval.start_ms = first.saturating_add(index.saturating_mul(width));
    }
    for trace in traces {
        let index = trace.start_ms.saturating_sub(first) / width;
        if let Some(interval) = usize::try_from(index).ok().and_then(|index| intervals.get_mut(index)) {
            interval.add(trace);
        }
    }
    intervals
        .iter_mut()
        .for_each(|interval| interval.seconds.sort_by(f64::total_cmp));
    intervals
}

fn charts(words: &Words, traces: &[Trace]) -> Markup {
    let (own, intervals) = (&words.traces, intervals(traces));
    let of = |value: &dyn Fn(&Interval) -> Option<f64>| {
        let point = |interval: &Interval| {
            Some(Point {
                x: to_f64(interval.start_ms),
                y: value(interval)?,
            })
        };
        intervals.iter().filter_map(point).collect::<Vec<_>>()
    };
    let chart = |title: &str, lines: Vec<(&str, Vec<Point>)>| {
        let series = lines.into_iter().enumerate().map(|(index, (name, points))| Series {
            name,
            points,
            mark: Mark::nth(index),
            is_running: false,
        });
        LineChart {
            id: "",
            title,
            axis: Axis::Time,
            is_log: false,
            smoothing: None,
            height: HEIGHT,
            series: series.collect(),
        }
        .draw(words)
    };
    let latency = |percent| of(&|interval| percentile(&interval.seconds, percent));
    let share = |interval: &Interval| {
        (interval.count > 0).then(|| 100.0 * f64::from(interval.errors) / f64::from(interval.count))
    };
    html! {
        div.half {
            (chart(own.count_chart, vec![(own.title, of(&|interval| Some(f64::from(interval.count))))]))
            (chart(own.latency_chart, vec![("p50", latency(50.0)), ("p90", latency(90.0)), ("p99", latency(99.0))]))
            (chart(own.error_chart, vec![(own.error_chart, of(&share))]))
            (chart(own.token_chart, vec![
                (own.input, of(&|interval| Some(to_f64(interval.input)))),
                (own.output, of(&|interval| Some(to_f64(interval.output)))),
            ]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::domain::trace::id::TraceId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_trace_is_in_an_interval(starts in prop::collection::vec(any::<i32>(), 1..50)) {
            let trace = |start: &i32| Trace::new(TraceId::stored("t"), ExperimentId(1), "", i64::from(*start));
            let traces: Vec<Trace> = starts.iter().map(trace).collect();
            let intervals = intervals(&traces);
            let count: u32 = intervals.iter().map(|interval| interval.count).sum();
            prop_assert_eq!(u64::from(count), to_u64(traces.len()));
            prop_assert_eq!(intervals.len(), INTERVALS);
        }
    }
}
