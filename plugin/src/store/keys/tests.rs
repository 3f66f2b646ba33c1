//! Keys read back, and their bytes sort as the key table says.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::metric::Point;
use crate::host::records::KEY_BYTES_MAX;
use proptest::prelude::*;

fn a_point() -> impl Strategy<Value = Point> {
    (any::<f64>(), any::<i64>(), any::<i64>()).prop_map(|(value, time, step)| Point::new(value, time, step))
}

/// Returns the rank of a value among points: NaN counts as 0 and sorts after it.
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
        prop_assert_eq!(a.by_time(&b), order);
    }

    #[test]
    fn the_newest_point_is_the_greatest_by_step_time_value(a in a_point(), b in a_point()) {
        let order = (a.step, a.timestamp_ms).cmp(&(b.step, b.timestamp_ms))
            .then(rank(a).0.total_cmp(&rank(b).0)).then(rank(a).1.cmp(&rank(b).1));
        prop_assert_eq!(newest_point(a).cmp(&newest_point(b)), order);
        prop_assert_eq!(a.by_step(&b), order);
    }

    #[test]
    fn a_history_holds_the_points_and_chunks_of_its_metric_alone(name in any::<String>(), other in any::<String>(), at in a_point()) {
        let run = RunId([7; 16]);
        for (span, key) in [
            (history(run, &name, None), super::point(run, &other, at)),
            (chunks(run, &name, None), chunk(run, &other, at)),
        ] {
            prop_assert_eq!(span.start <= key && key < span.end, name == other);
        }
        let (parts, key) = (run_parts(run), high_water_mark(run, &other));
        prop_assert!(key < parts.start);
    }

    #[test]
    fn a_history_after_a_point_holds_the_greater_points(after in a_point(), at in a_point(), name in ".{0,20}") {
        let run = RunId([7; 16]);
        for (span, key) in [
            (history(run, &name, Some(after)), super::point(run, &name, at)),
            (chunks(run, &name, Some(after)), chunk(run, &name, at)),
        ] {
            prop_assert_eq!(span.start <= key && key < span.end, after.by_time(&at).is_lt());
        }
    }

    #[test]
    fn a_chunk_key_and_a_point_sort_key_read_back(at in a_point(), name in ".{0,20}") {
        prop_assert!(same(point_of(&chunk(RunId([7; 16]), &name, at)).unwrap(), at));
        prop_assert!(same(point_at(&point_sort_key(at)).unwrap(), at));
    }

    #[test]
    fn histories_hold_the_points_chunks_and_high_water_marks_of_one_run(id in any::<[u8; 16]>(), other in any::<[u8; 16]>(), at in a_point(), name in any::<String>()) {
        let spans = histories(RunId(id));
        let run = RunId(other);
        for key in [super::point(run, &name, at), chunk(run, &name, at), high_water_mark(run, &name)] {
            let inside = spans.iter().filter(|span| span.start <= key && key < span.end);
            prop_assert_eq!(inside.count(), usize::from(id == other));
        }
    }

    #[test]
    fn runs_are_ordered_newest_first_then_by_id(a in any::<(i64, [u8; 16])>(), b in any::<(i64, [u8; 16])>()) {
        let sort_key = |(time, id): (i64, [u8; 16])| run_sort_key(time, RunId(id));
        prop_assert_eq!(sort_key(a).cmp(&sort_key(b)), b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        prop_assert_eq!(run_of_sort_key(&sort_key(a)), (a.0, RunId(a.1)));
    }

    #[test]
    fn a_dirty_marker_reads_back_and_lies_in_the_span_of_its_experiment(experiment in 0_u64..u64::MAX, other in any::<u64>(), id in any::<[u8; 16]>()) {
        let key = dirty_marker(ExperimentId(experiment), RunId(id));
        prop_assert_eq!(dirty_run_of(&key), Some((ExperimentId(experiment), RunId(id))));
        let (all, some) = (all_dirty_markers(), dirty_markers(ExperimentId(other)));
        prop_assert!(all.start <= key && key < all.end);
        prop_assert_eq!(some.start <= key && key < some.end, experiment == other);
    }

    #[test]
    fn blocks_lie_in_the_range_of_their_column(names in any::<(String, String)>(), number in any::<u32>(), range in any::<(u32, u32)>()) {
        let columns =
            [Column::Metric(names.0.clone()), Column::Param(names.0), Column::Tag(names.1.clone()), Column::Metric(names.1)];
        let [searched, ..] = &columns;
        let (first, last) = (range.0.min(range.1), range.0.max(range.1));
        let experiment = ExperimentId(4);
        let span = blocks(experiment, searched, first, last);
        for column in &columns {
            let key = block(experiment, column, number);
            prop_assert_eq!(block_number(&key), Some(number));
            let inside = column == searched && first <= number && number <= last;
            prop_assert_eq!(span.start <= key && key < span.end, inside);
        }
    }

    #[test]
    fn parts_of_a_run_read_back_and_lie_in_its_span(id in any::<[u8; 16]>(), other in any::<[u8; 16]>(), name in any::<String>()) {
        let span = run_parts(RunId(id));
        let inside = |key: &Vec<u8>| span.start <= *key && *key < span.end;
        for key in [run(RunId(id)), packed_run(RunId(id)), run_metric(RunId(id), &name), run_param(RunId(id), &name), run_tag(RunId(id), &name)] {
            prop_assert!(inside(&key) && run(RunId(id)) <= key);
        }
        let (metric, param) = (run_metric(RunId(id), &name), run_param(RunId(id), &name));
        prop_assert_eq!(run_part(&metric), Some(RunPart::Metric(&name)));
        prop_assert_eq!(run_part(&param), Some(RunPart::Param(&name)));
        prop_assert_eq!(inside(&run_tag(RunId(other), &name)), id == other);
        let packed = packed_run(RunId(id));
        prop_assert_eq!(run_part(&packed), Some(RunPart::PackedRun));
        let [own, values] = run_values(RunId(id));
        let lies = |span: &Span, key: Vec<u8>| span.start <= key && key < span.end;
        for key in [run(RunId(id)), packed_run(RunId(id))] {
            prop_assert!(lies(&own, key.clone()) && !lies(&values, key));
        }
        for key in [run_metric(RunId(id), &name), run_param(RunId(id), &name), run_tag(RunId(id), &name)] {
            prop_assert!(lies(&values, key.clone()) && !lies(&own, key));
        }
        for key in [run_input(RunId(id), &name, &name), run_model_input(RunId(id), &name)] {
            prop_assert!(!lies(&values, key.clone()) && !lies(&own, key));
        }
    }

    #[test]
    fn an_input_names_its_dataset(name in any::<String>(), digest in any::<String>()) {
        let key = run_input(RunId([7; 16]), &name, &digest);
        let Some(RunPart::Input(rest)) = run_part(&key) else { panic!("no input") };
        prop_assert_eq!(name_and_digest(rest), Some((name, digest)));
    }

    #[test]
    fn the_use_of_a_dataset_reads_back_and_fits_into_a_key(
        name in any::<String>(), digest in any::<String>(), context in any::<Option<String>>()
    ) {
        let key = dataset_use(ExperimentId(9), &name, &digest, context.as_deref());
        let span = dataset_uses(ExperimentId(9));
        prop_assert!(span.start <= key && key < span.end);
        prop_assert_eq!(read_dataset_use(&key), Some((name, digest, context.is_some())));
        let long = |chars: usize| "\u{10000}".repeat(chars);
        prop_assert!(dataset_use(ExperimentId(9), &long(500), &long(36), Some(&long(500))).len() <= KEY_BYTES_MAX);
    }

    #[test]
    fn the_longest_texts_fit_into_a_key(digest in "[a-z]{0,36}") {
        let long = |chars: usize| "\u{10000}".repeat(chars);
        let (experiment, run) = (ExperimentId(u64::MAX), RunId([255; 16]));
        for key in [
            dataset(experiment, &long(500), &long(36)),
            run_input(run, &long(500), &long(36)),
            audited_logging(i64::MAX, run, &long(5_000)),
            block(experiment, &Column::Tag("\0".repeat(1_250)), u32::MAX),
            dataset_use(experiment, &"\0".repeat(500), &digest, Some(&long(500))),
        ] {
            prop_assert!(key.len() <= KEY_BYTES_MAX, "{} bytes", key.len());
        }
    }

    #[test]
    fn listed_experiments_are_ordered_newest_first_then_by_number(a in any::<(i64, u64)>(), b in any::<(i64, u64)>()) {
        let key = |(time, id)| listed_experiment(Stage::Deleted, time, ExperimentId(id));
        prop_assert_eq!(key(a).cmp(&key(b)), b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let key = key(a);
        let (sort_key, id) = listed_experiment_sort_key(&key).unwrap();
        prop_assert_eq!((sort_key, id), (&experiment_sort_key(a.0, id)[..], ExperimentId(a.1)));
    }

    #[test]
    fn any_bytes_read_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = (run_part(&bytes), point_of(&bytes), dirty_run_of(&bytes), block_number(&bytes), listed_experiment_sort_key(&bytes));
        let _ = (experiment_tag_key(&bytes), read_newest_point(&bytes), read_dataset_use(&bytes), point_at(&bytes));
    }
}
