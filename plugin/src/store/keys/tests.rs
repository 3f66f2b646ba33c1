//! Keys read back, and their bytes have the order that their table promises.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn a_point() -> impl Strategy<Value = Point> {
    (any::<f64>(), any::<i64>(), any::<i64>()).prop_map(|(value, time, step)| Point::new(value, time, step))
}

/// The rank of a value among points: NaN counts as 0 and comes behind it.
fn rank(point: Point) -> (f64, bool) {
    (
        if point.value.is_nan() { 0.0 } else { point.value },
        point.value.is_nan(),
    )
}

fn same(a: Point, b: Point) -> bool {
    (a.timestamp_ms, a.step, a.value.to_bits()) == (b.timestamp_ms, b.step, b.value.to_bits())
}

proptest! {
    #[test]
    fn a_point_reads_back_from_its_key(point in a_point(), name in ".{0,20}") {
        let key = super::point(RunId([7; 16]), &name, point);
        prop_assert!(same(point_of(&key).unwrap(), point));
        prop_assert!(same(read_newest_point(&newest_point(point)).unwrap(), point));
    }

    #[test]
    fn histories_are_ordered_by_time_step_value(a in a_point(), b in a_point()) {
        let key = |point| super::point(RunId([7; 16]), "m", point);
        let order = (a.timestamp_ms, a.step).cmp(&(b.timestamp_ms, b.step))
            .then(rank(a).0.total_cmp(&rank(b).0)).then(rank(a).1.cmp(&rank(b).1));
        prop_assert_eq!(key(a).cmp(&key(b)), order);
    }

    #[test]
    fn the_newest_point_is_the_greatest_by_step_time_value(a in a_point(), b in a_point()) {
        let order = (a.step, a.timestamp_ms).cmp(&(b.step, b.timestamp_ms))
            .then(rank(a).0.total_cmp(&rank(b).0)).then(rank(a).1.cmp(&rank(b).1));
        prop_assert_eq!(newest_point(a).cmp(&newest_point(b)), order);
    }

    #[test]
    fn a_history_holds_the_points_of_its_metric_alone(name in any::<String>(), other in any::<String>(), point in a_point()) {
        let span = history(RunId([7; 16]), &name);
        let key = super::point(RunId([7; 16]), &other, point);
        prop_assert_eq!(span.start <= key && key < span.end, name == other);
    }

    #[test]
    fn runs_are_ordered_newest_first_then_by_id(a in any::<(i64, [u8; 16])>(), b in any::<(i64, [u8; 16])>()) {
        let key = |(time, id): (i64, [u8; 16])| started_run(ExperimentId(3), Stage::Active, time, RunId(id));
        prop_assert_eq!(key(a).cmp(&key(b)), b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let first = key(a);
        let (place, id) = started_run_place(&first).unwrap();
        prop_assert_eq!(id, RunId(a.1));
        prop_assert_eq!(place.to_vec(), started_run_place_of(a.0, id));
        let rest = started_runs_after(ExperimentId(3), Stage::Active, place);
        let second = key(b);
        prop_assert_eq!(rest.start <= second && second < rest.end, first < second);
    }

    #[test]
    fn parts_of_a_run_read_back_and_lie_in_its_span(id in any::<[u8; 16]>(), other in any::<[u8; 16]>(), name in any::<String>()) {
        let span = run_parts(RunId(id));
        let inside = |key: &Vec<u8>| span.start <= *key && *key < span.end;
        for key in [run(RunId(id)), run_metric(RunId(id), &name), run_param(RunId(id), &name), run_tag(RunId(id), &name)] {
            prop_assert!(inside(&key) && run(RunId(id)) <= key);
        }
        let (metric, param) = (run_metric(RunId(id), &name), run_param(RunId(id), &name));
        prop_assert_eq!(run_part(&metric), Some(RunPart::Metric(&name)));
        prop_assert_eq!(run_part(&param), Some(RunPart::Param(&name)));
        prop_assert_eq!(inside(&run_tag(RunId(other), &name)), id == other);
    }

    #[test]
    fn an_input_names_its_dataset(name in any::<String>(), digest in any::<String>()) {
        let key = run_input(RunId([7; 16]), &name, &digest);
        let Some(RunPart::Input(rest)) = run_part(&key) else { panic!("no input") };
        prop_assert_eq!(dataset_of_input(ExperimentId(9), rest), dataset(ExperimentId(9), &name, &digest));
    }

    #[test]
    fn listed_experiments_are_ordered_newest_first_then_by_number(a in any::<(i64, u64)>(), b in any::<(i64, u64)>()) {
        let key = |(time, id)| listed_experiment(Stage::Deleted, time, ExperimentId(id));
        prop_assert_eq!(key(a).cmp(&key(b)), b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let key = key(a);
        let (place, id) = listed_experiment_place(&key).unwrap();
        prop_assert_eq!((place, id), (&listed_experiment_place_of(a.0, id)[..], ExperimentId(a.1)));
    }

    #[test]
    fn any_bytes_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = (run_part(&bytes), point_of(&bytes), started_run_place(&bytes), listed_experiment_place(&bytes));
        let _ = (experiment_tag_key(&bytes), read_newest_point(&bytes));
    }
}
