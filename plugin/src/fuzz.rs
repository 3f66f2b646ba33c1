//! Properties that hold for any bytes: the bodies of the fuzz targets in `fuzz/`. The tests here run each
//! body with random bytes, so that the properties are tested without a fuzzer too.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use crate::api::otlp;
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::artifact_name;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::source::Source;
use crate::request::params::{Params, from_body, from_query};
use crate::search::cursor::{Cursor, Pages};
use crate::search::experiments::{ExperimentFilter, ExperimentOrder};
use crate::search::like::Pattern;
use crate::search::models::{ModelOrder, ModelSearch};
use crate::search::runs::{RunFilter, RunOrder};
use crate::search::traces::TraceSearch;
use crate::search::versions::{VersionOrder, VersionSearch};
use crate::store::columnar::block::Block;
use crate::store::columnar::columns;
use crate::store::columnar::dirty::DirtyMarker;
use crate::store::columnar::packed_run::PackedRun;
use crate::store::columnar::zone_map::ZoneMap;
use crate::store::{codec, keys};

/// A filter is parsed or refused. The message for a refused one is short, however long the filter.
pub fn run_filter(bytes: &[u8]) {
    if let Err(error) = RunFilter::parse(&text(bytes)) {
        assert!(format!("{error:?}").len() < 2_000);
    }
}

/// Filters of experiments, models and versions are parsed or refused with a short message.
pub fn experiment_filter(bytes: &[u8]) {
    let text = text(bytes);
    let errors = [
        ExperimentFilter::parse(&text).err(),
        ModelSearch::parse(&text).err(),
        VersionSearch::parse(&text).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(format!("{error:?}").len() < 2_000);
    }
}

/// Items of an `order_by`, one on each line, are parsed or refused. A parsed order accepts any bytes as a
/// sort key or refuses them.
pub fn order(bytes: &[u8]) {
    let text = text(bytes);
    let items: Vec<&str> = text.lines().collect();
    if let Ok(order) = RunOrder::parse(&items) {
        let _ = (order.is_listing(), order.read_key(bytes).map(|key| key.bytes().len()));
    }
    if let Ok(order) = ExperimentOrder::parse(&items) {
        let _ = (order.is_listing(), order.read_key(bytes).map(|key| key.bytes().len()));
    }
    if let Ok(order) = ModelOrder::parse(&items) {
        let _ = (order.read_key(bytes), ModelOrder::listed_name(bytes));
    }
    if let Ok(order) = VersionOrder::parse(&items) {
        let _ = (order.read_key(bytes), VersionOrder::listing_cursor(bytes));
    }
}

/// The first line, as a LIKE pattern, matches the rest exactly if the simplest matcher says so.
pub fn like(bytes: &[u8]) {
    let text = text(bytes);
    let (pattern, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), rest.chars().collect());
    assert_eq!(Pattern::new(pattern, false).matches(rest), plainly(&p, &t));
    let _ = Pattern::new(pattern, true).matches(rest);
}

/// True if a pattern matches, by the table of all prefixes of the pattern and of the text.
fn plainly(pattern: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match sign {
                '%' => reached[at] || (at > 0 && next[at - 1]),
                sign => at > 0 && reached[at - 1] && (*sign == '_' || *sign == text[at - 1]),
            };
        }
        reached = next;
    }
    reached[text.len()]
}

/// A page token is refused, or its cursor is written as the same token.
pub fn page_token(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(Some(cursor)) = Cursor::parse(&text, |_| true) {
        assert_eq!(cursor.to_token(), text.to_ascii_lowercase());
        let pages = Pages::of(bytes);
        assert_eq!(pages.after(&pages.token(&cursor), |_| true), Ok(Some(cursor)));
    }
    let _ = Pages::of(1).after(&text, |_| true);
}

/// Stored bytes are refused as damaged, or the value read is written as the same bytes.
pub fn codec(bytes: &[u8]) {
    let Some((version, rest)) = bytes.split_first() else {
        return;
    };
    // The version byte is one that exists in half of all cases, so that the rest is read.
    let stored = [&[version & 1], rest].concat();
    let written = [
        codec::read_run(RunId([7; 16]), &stored).map(|run| codec::write_run(&run)),
        codec::read_experiment(ExperimentId(7), &stored).map(|experiment| codec::write_experiment(&experiment)),
        codec::read_dataset(&stored).map(|dataset| codec::write_dataset(&dataset)),
        codec::link::read_input(&stored).map(|(tags, at)| codec::link::write_input(&tags, at)),
        codec::link::read_model_input(&stored).map(codec::link::write_model_input),
        codec::link::read_model_output(&stored).map(|(step, at)| codec::link::write_model_output(step, at)),
        codec::registry::read_model(ModelId(7), &stored).map(|model| codec::registry::write_model(&model)),
        codec::registry::read_version(ModelId(7), 7, &stored).map(|version| codec::registry::write_version(&version)),
        codec::job::read_lookup(&stored).map(|lookup| codec::job::write_lookup(&lookup)),
        codec::read_number(&stored).map(codec::write_number),
        codec::read_text(&stored).map(String::into_bytes),
    ];
    let packed = [
        DirtyMarker::read(&stored).map(|dirty_marker| dirty_marker.write().len()),
        ZoneMap::read(&stored).map(|zones| zones.write().len()),
    ];
    for length in packed.into_iter().flatten() {
        assert_eq!(length, stored.len());
    }
    // Its numbers can be written in several lengths.
    if let Ok(packed) = PackedRun::read(&stored) {
        assert_eq!(
            PackedRun::read(&packed.write()).map(|packed| packed.row),
            Ok(packed.row)
        );
    }
    // Its numbers can too, and NaN has many bit patterns.
    if let Ok(points) = codec::read_chunk(&stored) {
        let again = codec::read_chunk(&codec::write_chunk(&points)).unwrap();
        assert_eq!(format!("{again:?}"), format!("{points:?}"));
    }
    if let Ok(block) = Block::read(rest) {
        (0..600).for_each(|slot| _ = (block.get(slot), block.number(slot)));
    }
    columns::read_stage(Some(rest));
    for written in written.into_iter().flatten() {
        assert_eq!(written, stored);
    }
}

/// A key is parsed or refused.
pub fn keys(bytes: &[u8]) {
    let _ = (keys::run_part(bytes), keys::experiment_tag_key(bytes));
    let _ = (
        keys::dirty_run_of(bytes),
        keys::block_number(bytes),
        keys::listed_experiment_sort_key(bytes),
    );
    let _ = (
        keys::upload_of(bytes),
        keys::deleted_run(bytes),
        keys::tombstone_of(bytes),
    );
    let _ = keys::registry::version_itself(bytes);
    let _ = (
        keys::point_of(bytes),
        keys::point_at(bytes),
        keys::read_newest_point(bytes),
    );
    let _ = (keys::registry::model_part(bytes), keys::registry::version_part(bytes));
    let _ = (keys::registry::rank_of(bytes), keys::registry::update_of(bytes));
    let _ = (keys::registry::link_of(bytes), keys::registry::version_number(bytes));
    if let Some((name, digest, false)) = keys::read_dataset_use(bytes) {
        let key = keys::dataset_use(ExperimentId(0), &name, &digest, None);
        assert!(keys::read_dataset_use(&key).is_some());
    }
}

/// A body and a query are parsed or refused, and so is each parameter as every type.
pub fn params(bytes: &[u8]) {
    let text = text(bytes);
    for fields in [from_body(bytes), from_query(&text)].into_iter().flatten() {
        let params = Params::new(&fields);
        for name in fields.names() {
            let _ = (params.text(name), params.required_text(name), params.texts(name));
            let _ = (params.integer(name), params.required_float(name));
            let _ = params.choice(name, &[(1, "ONE", 1), (2, "TWO", 2)]);
            let _ = params.required_object(name).map(|inner| inner.name("field"));
            for item in params.objects(name).into_iter().flatten() {
                let _ = item.required_integer("key");
            }
        }
        // Parsed fields can be written, and are parsed again as the same fields.
        let again = serde_json::to_vec(&fields).unwrap();
        assert_eq!(from_body(&again), Ok(fields));
    }
}

/// A body of OpenTelemetry is read or refused, in both of its forms.
pub fn otlp(bytes: &[u8]) {
    let _ = (otlp::reads(false, bytes), otlp::reads(true, bytes));
    let _ = (
        codec::spans::read_batch(bytes).is_ok(),
        TraceSearch::parse(&text(bytes)).is_ok(),
    );
}

/// A path is refused, or its text names the same path again. No accepted path leads elsewhere.
pub fn artifact_path(bytes: &[u8]) {
    let text = text(bytes);
    for purpose in [Purpose::Read, Purpose::Write] {
        for path in [
            ArtifactPath::parse(&text, purpose),
            ArtifactPath::parse_encoded(&text, purpose),
        ] {
            let Ok(path) = path else { continue };
            let again = ArtifactPath::parse(path.as_str(), purpose).unwrap();
            assert_eq!(again.as_str(), path.as_str());
            for path in path.earlier().iter().chain([&path]) {
                let is_idle = |name| matches!(name, "" | "." | "..");
                assert!(!path.as_str().split('/').any(is_idle), "{path}");
                assert!(!path.as_str().chars().any(char::is_control));
            }
        }
    }
    let listed = artifact_name::listed(&text);
    assert_eq!(artifact_name::listed(&listed), listed);
    let _ = Source::parse(&text, false, &["s3".to_owned()]);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of any kind, words of the query languages in any order, or fragments of JSON and of queries.
    fn anything() -> impl Strategy<Value = Vec<u8>> {
        let words =
            "(metrics|params|tag|dataset|run|[.`\"' \n]|m|a|>=|!=|LIKE|IN|NOT|IS|NULL|AND|[(),]|1|-2.5|%|_|DESC)";
        prop_oneof![
            any::<Vec<u8>>(),
            proptest::string::string_regex(&format!("{words}{{0,20}}"))
                .unwrap()
                .prop_map(String::into_bytes),
            "[ab%_ü]{0,12}\n[abü]{0,12}".prop_map(String::into_bytes),
            "[0-9a-fA-F+]{0,8}".prop_map(String::into_bytes),
            "(\\{\"a\":)?[\\[\\]{}\",:0-9eE.+\\-a-c ]{0,30}\\}?".prop_map(String::into_bytes),
            "([abn]=[%+0-9A-F&;=]{0,6}&?){0,4}".prop_map(String::into_bytes),
            "(runs:/|models:/|mlflow-artifacts:/)?(%|%25|2e|2|0|\\\\|\\.|/|:|;|a|B|\\+|%step%|%timestamp%){0,12}"
                .prop_map(String::into_bytes),
            (0u8..2, any::<Vec<u8>>()).prop_map(|(first, rest)| [vec![first, 0, 0, 0], rest].concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn every_property_holds_for_random_bytes(bytes in anything()) {
            for body in [run_filter, experiment_filter, order, like, page_token, codec, keys, params, otlp, artifact_path] {
                body(&bytes);
            }
        }
    }
}
