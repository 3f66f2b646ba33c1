//! A tiny chart in a table.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::scale::Scale;
use super::{Point, as_logged, float, reduce};

/// Number of buckets of a sparkline: a bucket is about four pixels wide.
const BUCKETS: usize = 20;
/// Width and height within the edges, and the edge, in pixels.
const WIDTH: f64 = 82.0;
const HEIGHT: f64 = 14.0;
const EDGE_X: f64 = 2.0;
const EDGE_Y: f64 = 3.0;

/// Draws values in 88 × 20 pixels, on a scale of their own. It shows a shape; the number beside it is the value. The last
/// finite value has a dot. The line breaks at a value that is NaN or infinite.
pub fn sparkline(label: &str, values: &[f64]) -> Markup {
    let points: Vec<Point> = values
        .iter()
        .enumerate()
        .map(|(index, value)| Point {
            x: float(index),
            y: as_logged(*value),
        })
        .collect();
    let (lines, end) = lines(&points);
    html! {
        svg.spark viewBox="0 0 88 20" role="img" aria-label=(label) {
            @for line in &lines { polyline points=(line) {} }
            @if let Some((x, y)) = end { circle cx=(short(x)) cy=(short(y)) r="2" {} }
        }
    }
}

/// The lines, and the place of the last finite value.
fn lines(points: &[Point]) -> (Vec<String>, Option<(f64, f64)>) {
    let along = Scale::of(points.iter().map(|point| point.x), false);
    let up = Scale::of(points.iter().map(|point| point.y), false);
    let (Some(along), Some(up)) = (along, up) else {
        return (Vec::new(), None);
    };
    let (mut lines, mut line, mut end) = (Vec::new(), String::new(), None);
    for point in reduce(points, BUCKETS) {
        if !point.y.is_finite() {
            lines.push(std::mem::take(&mut line));
            continue;
        }
        let x = EDGE_X + WIDTH * along.place(point.x);
        let y = EDGE_Y + HEIGHT * (1.0 - up.place(point.y));
        // Writing to a text cannot fail.
        _ = write!(
            line,
            "{}{},{}",
            if line.is_empty() { "" } else { " " },
            short(x),
            short(y)
        );
        end = Some((x, y));
    }
    lines.push(line);
    lines.retain(|line| line.contains(' '));
    (lines, end)
}

/// A coordinate with one digit after the point.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sparkline_is_small_whatever_it_shows(values in proptest::collection::vec(any::<f64>(), 0..500)) {
            let markup = sparkline("x", &values).into_string();
            prop_assert!(!markup.contains("NaN") && !markup.contains("inf"), "{markup}");
            prop_assert!(markup.len() < 4_000, "{}", markup.len());
        }
    }

    #[test]
    fn the_last_value_has_a_dot() {
        assert_eq!(
            sparkline("a", &[1.0, 2.0, f64::NAN]).into_string(),
            "<svg class=\"spark\" viewBox=\"0 0 88 20\" role=\"img\" aria-label=\"a\"><polyline points=\"2,17 43,3\"></polyline>\
             <circle cx=\"43\" cy=\"3\" r=\"2\"></circle></svg>"
        );
        assert!(!sparkline("a", &[]).into_string().contains("circle"));
        assert!(sparkline("a", &[5.0]).into_string().contains("circle"));
    }
}
