//! Parallel coordinates: an axis for each param and metric, and a line for each run.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::label::cut;
use super::line_plot::{percent, pixels};
use super::scale::Scale;
use super::scatter::spread;
use super::{Mark, UNITS, as_logged, float, ticks};
use crate::number::is_number;
use crate::words::{Words, fill};

/// Largest number of words of an axis. Below them is the place of all other values.
const WORDS_MAX: usize = 12;
/// The part of the width that is free at each side, in per cent, for the labels of the outer axes.
const SIDE: f64 = 7.0;

/// A run.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub name: &'a str,
    /// The mark with which it is drawn.
    pub mark: Mark,
}

/// A value on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number.
    Number(f64),
    /// A text. It is a number if all texts of the axis are.
    Text(&'a str),
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Vertical<'a> {
    /// The name of the param or metric.
    pub name: &'a str,
    /// The value of each line. `None`: the run has none, and its line breaks here.
    pub values: Vec<Option<Value<'a>>>,
}

/// A chart of parallel coordinates.
#[derive(Clone, Debug)]
pub struct ParallelChart<'a> {
    /// Height of the plot area in pixels.
    pub height: u32,
    /// The lines. Those in colour are drawn on top.
    pub lines: Vec<Line<'a>>,
    /// The axes, from the left. Each has a value for each line.
    pub axes: Vec<Vertical<'a>>,
}

/// The places of an axis.
enum Places<'a> {
    Numbers(Scale),
    /// The words from the top, and true if other values are below them.
    Words(Vec<&'a str>, bool),
}

impl<'a> Vertical<'a> {
    /// `None`: no line has a value.
    fn places(&self) -> Option<Places<'a>> {
        let numbers: Option<Vec<f64>> = self.values.iter().flatten().map(number).collect();
        if let Some(numbers) = numbers {
            return Some(Places::Numbers(spread(numbers.into_iter())?));
        }
        let (mut words, mut has_others) = (Vec::new(), false);
        for value in self.values.iter().flatten() {
            match value {
                Value::Text(text) if words.contains(text) => {}
                Value::Text(text) if words.len() < WORDS_MAX => words.push(*text),
                _ => has_others = true,
            }
        }
        words.sort_unstable();
        Some(Places::Words(words, has_others))
    }
}

/// The number of a value. `None`: it is a word.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Number(number) => Some(as_logged(*number)),
        Value::Text(text) if is_number(text) => text.trim().parse().ok(),
        Value::Text(_) => None,
    }
}

impl Places<'_> {
    /// The place of a value: 0 below and 1 above. `None`: it has none.
    fn place(&self, value: &Value<'_>) -> Option<f64> {
        match (self, value) {
            (Places::Numbers(scale), value) => {
                let number = number(value).filter(|number| scale.can_draw(*number))?;
                Some(scale.place(number))
            }
            (Places::Words(words, has_others), value) => {
                let index = words.iter().position(|word| *value == Value::Text(word));
                Some(word_place(
                    index.unwrap_or(words.len()),
                    words.len() + usize::from(*has_others),
                ))
            }
        }
    }

    /// The labels, with their places.
    fn labels(&self, words_of_page: &Words) -> Vec<(f64, String)> {
        match self {
            Places::Numbers(scale) => {
                let ticks = ticks::numbers(*scale).into_iter();
                ticks.map(|tick| (scale.place(tick.value), tick.label)).collect()
            }
            Places::Words(words, has_others) => {
                let others = has_others.then_some(words_of_page.charts.others);
                let all: Vec<&str> = words.iter().copied().chain(others).collect();
                let place = |(index, word): (usize, &&str)| (word_place(index, all.len()), cut(word));
                all.iter().enumerate().map(place).collect()
            }
        }
    }
}

/// The place of a word: the first is at the top, and the last at the bottom.
fn word_place(index: usize, count: usize) -> f64 {
    match count {
        0 | 1 => 0.5,
        _ => 1.0 - float(index.min(count - 1)) / float(count - 1),
    }
}

impl ParallelChart<'_> {
    /// Draws the figure. The same values are in the table of the page.
    pub fn draw(&self, words: &Words) -> Markup {
        let placed: Vec<_> = self
            .axes
            .iter()
            .filter_map(|axis| axis.places().map(|places| (axis, places)))
            .collect();
        let title = words.charts.parallel;
        let count = fill(words.charts.runs, &[&self.lines.len().to_string()]);
        html! {
            figure.pan tabindex="0" role="group" aria-label=(fill(words.charts.scrolls, &[title])) {
                figcaption { (title) span.mut.small { (count) } }
                svg.plot.nl height=(self.height) role="img" aria-label={ (title) ", " (count) } {
                    svg viewBox="0 0 1000 1000" width="100%" height="100%" preserveAspectRatio="none" overflow="visible" {
                        @for (index, line) in self.drawing_order() { (line_of(&placed, index, line)) }
                    }
                    @for (index, (axis, places)) in placed.iter().enumerate() {
                        (self.axis(words, axis.name, places, across(index, placed.len())))
                    }
                }
            }
        }
    }

    /// The lines with their numbers, the grey ones first.
    fn drawing_order(&self) -> impl Iterator<Item = (usize, &Line<'_>)> {
        let grey = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.mark.colour().is_none());
        let chosen = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.mark.colour().is_some());
        grey.chain(chosen.rev())
    }

    fn axis(&self, words: &Words, name: &str, places: &Places<'_>, x: f64) -> Markup {
        let height = f64::from(self.height);
        let x_text = percent(x);
        let is_log = matches!(places, Places::Numbers(scale) if scale.is_log);
        let is_last = x > 90.0;
        html! {
            line.axis x1=(x_text) x2=(x_text) y2="100%" {}
            text x=(x_text) y=(pixels(height + 20.0)) text-anchor="middle" {
                (cut(name)) @if is_log { " (log)" }
            }
            @for (place, label) in places.labels(words) {
                @let y = (1.0 - place) * height + 4.0;
                @if is_last {
                    text x=(x_text) dx="-8" y=(pixels(y)) text-anchor="end" { (label) }
                } @else {
                    text x=(x_text) dx="8" y=(pixels(y)) { (label) }
                }
            }
        }
    }
}

/// The place of an axis in per cent.
fn across(index: usize, count: usize) -> f64 {
    match count {
        0 | 1 => 50.0,
        _ => SIDE + (100.0 - 2.0 * SIDE) * float(index) / float(count - 1),
    }
}

/// The line of a run, in pieces if it lacks a value.
fn line_of(placed: &[(&Vertical<'_>, Places<'_>)], index: usize, line: &Line<'_>) -> Markup {
    let mut pieces = vec![String::new()];
    for (nth, (axis, places)) in placed.iter().enumerate() {
        let value = axis.values.get(index).copied().flatten();
        let Some(place) = value.and_then(|value| places.place(&value)) else {
            pieces.push(String::new());
            continue;
        };
        let (x, y) = (across(nth, placed.len()) / 100.0 * UNITS, (1.0 - place) * UNITS);
        if let Some(piece) = pieces.last_mut() {
            let space = if piece.is_empty() { "" } else { " " };
            // Writing to a text cannot fail.
            _ = write!(piece, "{space}{x:.0},{y:.0}");
        }
    }
    html! {
        @for piece in pieces.iter().filter(|piece| piece.contains(' ')) {
            polyline class=(line.mark.line()) points=(piece) { title { (cut(line.name)) } }
        }
    }
}
