//! All runs of a comparison in one drawing: parallel coordinates, a metric against a param, and a metric by a param.

use std::collections::BTreeMap;

use maud::{Markup, html};
use mlforge_ui::chart::{BoxGroup, BoxPlot, Dot, Line, Mark, ParallelChart, ScatterChart, Value, Vertical, as_logged};
use mlforge_ui::number::is_number;
use mlforge_ui::words::fill;

use super::asked::Asked;
use super::charts::options;
use crate::pages::columns::{self, Column, differs};
use crate::request::site::Site;

/// Largest number of axes of params. The metric has one more.
const AXES_MAX: usize = 7;
/// Largest number of boxes.
const BOXES_MAX: usize = 8;
const PARALLEL_PX: u32 = 260;
const HEIGHT: u32 = 230;

/// The section. Nothing, if there is no metric, fewer than two runs, or no param that differs.
pub(super) fn section(site: &Site, asked: &Asked<'_>, columns: &[Column], metric: Option<&str>) -> Markup {
    let words = site.words();
    let differing = differing(columns);
    let Some(metric) = metric.filter(|_| columns.len() > 1 && !differing.is_empty()) else {
        return html! {};
    };
    let chosen = differing.iter().copied().find(|name| *name == asked.param);
    let param = chosen.or_else(|| differing.first().copied()).unwrap_or_default();
    html! {
        section aria-labelledby="together" {
            div.bar {
                h2 #together { (words.compare.sweep) }
                (choice(site, asked, &differing, param))
                span.mut { (fill(words.compare.axes, &[&(AXES_MAX + 1).to_string()])) }
            }
            (parallel(columns, &differing, metric).draw(words))
            div.half {
                @if let Some(chart) = scatter(columns, param, metric) { (chart.draw(words)) }
                @if let Some(chart) = boxes(columns, param, metric) { (chart.draw(words)) }
            }
        }
    }
}

/// The params whose values differ.
fn differing(columns: &[Column]) -> Vec<&str> {
    let names = columns::param_names(columns).into_iter();
    let differs = |name: &&str| {
        differs(
            &columns
                .iter()
                .map(|column| column.params.get(*name))
                .collect::<Vec<_>>(),
        )
    };
    names.filter(differs).collect()
}

/// The form that chooses a param.
fn choice(site: &Site, asked: &Asked<'_>, differing: &[&str], param: &str) -> Markup {
    let words = site.words();
    let fields = html! {
        label.vh for="param" { (words.compare.parameter) }
        input #param name="param" list="params" value=(param) autocomplete="off";
        (options("params", differing.iter().copied()))
        button.btn { (words.common.show) }
    };
    asked.form(site, &["param"], &fields)
}

fn parallel<'a>(columns: &'a [Column], differing: &[&'a str], metric: &'a str) -> ParallelChart<'a> {
    let lines = columns.iter().enumerate().map(|(index, column)| Line {
        name: &column.name,
        mark: Mark::nth(index),
    });
    let params = differing.iter().take(AXES_MAX).map(|name| Vertical {
        name,
        values: columns
            .iter()
            .map(|column| column.params.get(*name).map(|value| Value::Text(&value.text)))
            .collect(),
    });
    let metric = Vertical {
        name: metric,
        values: columns
            .iter()
            .map(|column| value_of(column, metric).map(Value::Number))
            .collect(),
    };
    ParallelChart {
        height: PARALLEL_PX,
        lines: lines.collect(),
        axes: params.chain([metric]).collect(),
    }
}

fn value_of(column: &Column, metric: &str) -> Option<f64> {
    column.metrics.get(metric).map(|point| as_logged(point.value))
}

/// A metric against a param. `None`: the values of the param are no numbers.
fn scatter<'a>(columns: &'a [Column], param: &'a str, metric: &'a str) -> Option<ScatterChart<'a>> {
    let mut dots = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let Some(text) = column.params.get(param).map(|value| value.text.as_str()) else {
            continue;
        };
        if !is_number(text) {
            return None;
        }
        if let (Some(y), Ok(x)) = (value_of(column, metric), text.trim().parse()) {
            dots.push(Dot {
                name: &column.name,
                x,
                y,
                mark: Mark::nth(index),
            });
        }
    }
    (!dots.is_empty()).then_some(ScatterChart {
        x_name: param,
        y_name: metric,
        height: HEIGHT,
        dots,
    })
}

/// A metric by the values of a param. `None`: no two runs have the same value, or there are more than `BOXES_MAX`.
fn boxes<'a>(columns: &'a [Column], param: &'a str, metric: &'a str) -> Option<BoxPlot<'a>> {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for column in columns {
        if let (Some(value), Some(y)) = (column.params.get(param), value_of(column, metric)) {
            groups.entry(&value.text).or_default().push(y);
        }
    }
    let is_worth = groups.len() <= BOXES_MAX && groups.values().any(|values| values.len() > 1);
    let groups = groups.into_iter().map(|(name, values)| BoxGroup { name, values });
    is_worth.then(|| BoxPlot {
        y_name: metric,
        by: param,
        height: HEIGHT,
        groups: groups.collect(),
    })
}
