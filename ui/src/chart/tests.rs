//! Tests of charts: no coordinate is ever something else than a number, and what is said of the values is true.

use proptest::prelude::*;

use super::*;
use crate::{Language, Words};

fn chart(series: Vec<Series<'_>>, axis: Axis, is_log: bool, smoothing: Option<f64>) -> LineChart<'_> {
    LineChart {
        id: "c",
        title: "loss",
        axis,
        is_log,
        smoothing,
        height: 170,
        series,
    }
}

fn series<'a>(name: &'a str, mark: Mark, values: &[f64]) -> Series<'a> {
    let points = values
        .iter()
        .enumerate()
        .map(|(index, y)| Point { x: float(index), y: *y });
    Series {
        name,
        points: points.collect(),
        mark,
        is_running: false,
    }
}

fn english() -> &'static Words {
    Words::of(Language::English)
}

/// The values of the attributes that hold coordinates.
fn coordinates(svg: &str) -> Vec<&str> {
    let names = [
        " x=\"",
        " y=\"",
        "x1=\"",
        "x2=\"",
        "y1=\"",
        "y2=\"",
        " cx=\"",
        " cy=\"",
        "points=\"",
        " width=\"",
        " height=\"",
    ];
    let values = names.iter().flat_map(|name| svg.split(name).skip(1));
    values.map(|rest| rest.split('"').next().unwrap()).collect()
}

fn check(markup: &str) -> std::result::Result<(), TestCaseError> {
    for value in coordinates(markup) {
        let is_fit = value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".,-% ".contains(&byte));
        prop_assert!(is_fit && !value.is_empty(), "{value} in {markup}");
    }
    Ok(())
}

fn any_points() -> impl Strategy<Value = Vec<Point>> {
    let number = || prop_oneof![4 => -1e3..1e3, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(f64::MAX)];
    proptest::collection::vec((number(), number()).prop_map(|(x, y)| Point { x, y }), 0..60)
}

proptest! {
    #[test]
    fn every_coordinate_is_a_number(
        lines in proptest::collection::vec((any_points(), 0u8..8, any::<bool>()), 0..5),
        axis in prop_oneof![Just(Axis::Step), Just(Axis::Time), Just(Axis::Relative), Just(Axis::Run)],
        is_log in any::<bool>(),
        smoothing in proptest::option::of(any::<f64>()),
    ) {
        let series = lines.into_iter().map(|(points, colour, is_running)| Series {
            name: "run",
            points,
            mark: Mark::Chosen(colour),
            is_running,
        });
        let chart = chart(series.collect(), axis, is_log, smoothing);
        check(&chart.draw(Words::of(Language::Korean)).into_string())?;
        check(&file(english(), &chart))?;
    }

    #[test]
    fn every_coordinate_of_other_charts_is_a_number(values in proptest::collection::vec(any::<f64>(), 0..30)) {
        let dots = values.iter().zip(values.iter().rev());
        let dots = dots.map(|(x, y)| Dot { name: "run", x: *x, y: *y, mark: Mark::nth(0) }).collect();
        check(&ScatterChart { x_name: "a", y_name: "b", height: 230, dots }.draw(english()).into_string())?;
        let groups = vec![BoxGroup { name: "a", values: values.clone() }, BoxGroup { name: "b", values: Vec::new() }];
        check(&BoxPlot { y_name: "a", by: "b", height: 230, groups }.draw(english()).into_string())?;
        let bars = values.iter().map(|value| Bar { name: "a", value: Some(*value), mark: Mark::Context });
        check(&BarChart { id: "", title: "a", bars: bars.collect() }.draw(english()).into_string())?;
        let axes = (0..3).map(|axis| Vertical {
            name: "a",
            values: values.iter().map(|value| (axis != 1).then_some(Value::Number(*value))).collect(),
        });
        let lines = values.iter().map(|_| Line { name: "a", mark: Mark::Context });
        let chart = ParallelChart { height: 260, lines: lines.collect(), axes: axes.collect() };
        check(&chart.draw(english()).into_string())?;
    }
}

#[test]
fn a_line_breaks_at_what_is_no_number_and_the_caption_says_so() {
    let values = [1.0, 2.0, f64::NAN, 3.0, 4.0, f64::MAX, 5.0];
    let chart = chart(vec![series("a", Mark::Chosen(1), &values)], Axis::Step, false, None);
    let markup = chart.draw(english()).into_string();
    assert_eq!(markup.matches("<polyline").count(), 2, "{markup}");
    assert!(markup.contains("2 values are NaN or infinite"), "{markup}");
    assert!(markup.contains(">NaN</td>") && markup.contains(">∞</td>"), "{markup}");
    // The last point has no neighbour.
    assert!(markup.contains("<circle"), "{markup}");
}

#[test]
fn a_log_scale_says_which_values_it_cannot_show() {
    let values = [0.0, 0.1, 10.0, -1.0];
    let chart = chart(vec![series("a", Mark::Chosen(1), &values)], Axis::Step, true, None);
    let markup = chart.draw(english()).into_string();
    assert!(
        markup.contains("by step, log scale, 2 values are not above 0"),
        "{markup}"
    );
}

#[test]
fn an_empty_chart_says_so() {
    for values in [&[][..], &[f64::NAN]] {
        let chart = chart(vec![series("a", Mark::Chosen(1), values)], Axis::Step, false, None);
        let markup = chart.draw(english()).into_string();
        assert!(
            markup.contains("There is no number to draw.") && !markup.contains("<svg"),
            "{markup}"
        );
    }
}

#[test]
fn the_raw_line_is_behind_the_smoothed_one() {
    let chart = chart(
        vec![series("a", Mark::Chosen(1), &[1.0, 5.0, 2.0])],
        Axis::Step,
        false,
        Some(0.9),
    );
    let markup = chart.draw(english()).into_string();
    assert!(markup.contains("smoothed 0.9 over the raw line"), "{markup}");
    assert!(
        markup.find("l s1 raw").unwrap() < markup.find("\"l s1\"").unwrap(),
        "{markup}"
    );
}

#[test]
fn names_stand_at_the_ends_of_lines_in_colour_only() {
    let lines = vec![
        series("good-run", Mark::Chosen(1), &[1.0, 2.0]),
        series("grey-run", Mark::Context, &[2.0, 3.0]),
    ];
    let markup = chart(lines, Axis::Step, false, None).draw(english()).into_string();
    assert!(
        markup.contains(">good-run</text>") && !markup.contains(">grey-run</text>"),
        "{markup}"
    );
    assert!(markup.contains("<title>grey-run</title>"), "{markup}");
}

#[test]
fn a_chart_of_many_long_lines_is_small() {
    let values: Vec<f64> = (0..10_000).map(|index| f64::from(index * 7919 % 1000)).collect();
    let lines = (0..20).map(|index| series("a", Mark::nth(index), &values)).collect();
    let size = chart(lines, Axis::Step, false, Some(0.9))
        .draw(english())
        .into_string()
        .len();
    assert!(size < 20_000, "{size}");
}

#[test]
fn a_chart_shows_the_names_of_users_as_text() {
    let name = "<script>alert(1)</script>\u{202e}";
    let chart = LineChart {
        title: name,
        ..chart(
            vec![
                series(name, Mark::Chosen(1), &[1.0]),
                series(name, Mark::Context, &[1.0, 2.0]),
            ],
            Axis::Step,
            false,
            None,
        )
    };
    for text in [chart.draw(english()).into_string(), file(english(), &chart)] {
        assert!(!text.contains("<script>"), "{text}");
    }
    assert!(!file(english(), &chart).contains('\u{202e}'));
}
