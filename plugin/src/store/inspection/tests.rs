#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::logged_model::{LoggedModelId, LoggedPoint, MeasuredOn};
use crate::domain::metric::Point;
use crate::domain::semver::SemVer;
use crate::domain::stage::ModelStage;
use crate::domain::trace::id::TraceId;
use crate::domain::trace::tests::a_trace;
use crate::store::codec;
use crate::store::keys::{Column, Family, FieldValue, Tombstone, registry};

const RUN: RunId = RunId([7; 16]);

fn family(key: &[u8]) -> Family {
    keys::read_key(key).unwrap().family
}

#[test]
fn keys_of_all_kinds_are_read_as_their_family() {
    let (experiment, model) = (ExperimentId(3), ModelId(4));
    let point = Point::new(0.5, 10, 2);
    let semver = SemVer::read("1.2.3-rc.1").unwrap();
    let logged = LoggedModelId([1; 16]);
    let trace = TraceId::stored("tr-1");
    let measured = LoggedPoint {
        key: "loss".into(),
        dataset: MeasuredOn::default(),
        run: RUN,
        point,
    };
    for (key, expected) in [
        (keys::experiment_counter(), Family::ExperimentCounter),
        (keys::experiment(experiment), Family::Experiment),
        (keys::experiment_name("a b"), Family::ExperimentName),
        (keys::experiment_tag(experiment, "t"), Family::ExperimentTag),
        (
            keys::listed_experiment(Stage::Active, 1, experiment),
            Family::ListedExperiment,
        ),
        (keys::dataset(experiment, "n\0", "d"), Family::Dataset),
        (keys::dataset_use(experiment, "n", "d", None), Family::DatasetUse),
        (keys::dataset_use(experiment, "n", "d", Some("c")), Family::DatasetUse),
        (keys::dirty_marker(experiment, RUN), Family::DirtyMarker),
        (keys::block(experiment, &Column::StartTime, 9), Family::Block),
        (keys::block(experiment, &Column::Metric("m".into()), 9), Family::Block),
        (keys::row_keys(experiment, 9), Family::RowKeys),
        (keys::zones(experiment), Family::Zones),
        (keys::high_water_mark(RUN, "m"), Family::HighWaterMark),
        (keys::run(RUN), Family::Run),
        (keys::packed_run(RUN), Family::PackedRun),
        (keys::run_input(RUN, "n", "d"), Family::RunInput),
        (keys::run_metric(RUN, "m"), Family::RunMetric),
        (keys::run_tag(RUN, "m"), Family::RunTag),
        (keys::point(RUN, "m\0n", point), Family::Point),
        (keys::chunk(RUN, "m", point), Family::Chunk),
        (keys::traces::trace(&trace), Family::Trace),
        (keys::traces::batch(&trace, 3), Family::SpanBatch),
        (keys::tombstone(&Tombstone::Run(RUN)), Family::TombstoneWithRemains),
        (keys::tombstone(&Tombstone::Version(model, 3)), Family::Tombstone),
        (keys::audited_change(5, 6), Family::AuditRecord),
        (keys::audited_logging(5, RUN, "x"), Family::AuditedLogging),
        (keys::logged_models::model(logged), Family::LoggedModel),
        (keys::logged_models::newest(logged, &measured), Family::LoggedNewest),
        (keys::logged_models::point(logged, &measured), Family::LoggedPoint),
        (registry::model_counter(), Family::ModelCounter),
        (registry::model(model), Family::Model),
        (registry::versions_guard(experiment), Family::VersionsGuard),
        (
            registry::version_of_run(experiment, RUN, model, 1),
            Family::VersionOfRun,
        ),
        (
            registry::ranked_version(model, ModelStage::None, &semver, 1),
            Family::RankedVersion,
        ),
        (registry::semver(model, "1.0.0"), Family::SemVer),
        (registry::updated_in_model(model, 1, 2), Family::UpdatedInModel),
        (registry::updated(1, model, 2), Family::Updated),
        (registry::version(model, 2), Family::Version),
        (registry::version_alias(model, 2, "a"), Family::VersionAlias),
    ] {
        assert_eq!(family(&key), expected, "{key:02x?}");
    }
    for key in [&b""[..], b"?", b"e123", b"r"] {
        assert_eq!(keys::read_key(key), None, "{key:?}");
    }
}

#[test]
fn the_fields_of_a_key_are_those_of_which_it_was_built() {
    let key = keys::read_key(&keys::point(RUN, "a\0b", Point::new(0.5, 10, -2))).unwrap();
    assert_eq!((key.id("run"), key.text("metric")), (Some(RUN), Some("a\0b")));
    assert_eq!(key.point(), Some(Point::new(0.5, 10, -2)));
    let key = keys::read_key(&registry::updated_in_model(ModelId(1), 99, 2)).unwrap();
    assert_eq!((key.number("model"), key.number("number")), (Some(1), Some(2)));
    assert!(key.fields.contains(&("updated", FieldValue::Time(99))));
}

#[test]
fn a_record_is_one_line() {
    let record = inspect(&keys::experiment_name("a\nb"), &codec::write_number(12)).unwrap();
    assert_eq!(record.to_string(), "ExperimentName name=\"a\\nb\" → 12");
    let record = inspect(&keys::dirty_marker(ExperimentId(3), RUN), b"").unwrap_err();
    assert!(record.to_string().contains("at key 71"), "{record}");
}

proptest! {
    #[test]
    fn every_place_of_a_trace_is_of_a_family(trace in a_trace()) {
        for place in keys::traces::places(&trace) {
            let read = keys::read_key(&place).unwrap();
            prop_assert!(matches!(read.family, Family::ListedTrace | Family::ListedTraceByValue | Family::JudgedInSession));
            prop_assert_eq!(read.text("trace"), Some(trace.id.as_str()));
        }
        let record = inspect(&keys::traces::trace(&trace.id), &codec::traces::write_trace(&trace)).unwrap();
        prop_assert!(record.to_string().starts_with("Trace trace="));
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(key in any::<Vec<u8>>(), value in any::<Vec<u8>>(), first in "[a-zA-Z]") {
        _ = inspect(&key, &value);
        _ = inspect(&[first.as_bytes(), &key].concat(), &value);
    }
}
