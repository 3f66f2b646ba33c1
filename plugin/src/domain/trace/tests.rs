//! Traces of every kind, for properties.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::assessment::{Assessment, Content, SourceType};
use super::id::TraceId;
use super::{Trace, TraceState};
use crate::domain::id::ExperimentId;

fn a_map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-c]{1,2}|mlflow.trace.session", "[x-z]{0,2}", 0..4)
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        ("true|0.9|\"yes\"|5.0", any::<Option<String>>()).prop_map(|(value, error)| Content::Feedback { value, error }),
        "42.0|\"Berlin\"".prop_map(|value| Content::Expectation { value }),
        any::<(String, String)>().prop_map(|(format, text)| Content::Serialized { format, text }),
        any::<String>().prop_map(|name| Content::Issue { name }),
    ]
}

prop_compose! {
    fn assessment()(
        texts in any::<[String; 3]>(), name in "[pq]", content in content(), metadata in a_map(), more in any::<[Option<String>; 3]>(),
        source in 0usize..4, times in any::<(i64, i64)>(), valid in any::<bool>(),
    ) -> Assessment {
        let ([id, source_id, _], [span, rationale, overrides]) = (texts, more);
        Assessment {
            id, name, span, source_type: SourceType::ALL[source].2, source: source_id, created_ms: times.0, updated_ms: times.1,
            content, rationale, metadata, overrides, valid,
        }
    }
}

prop_compose! {
    /// Traces of few values, so that some are alike.
    pub(crate) fn a_trace()(
        id in "[a-z]{1,8}", experiment in 0u64..3, state in 0usize..4, start_ms in 0i64..20, duration_ms in prop::option::of(0i64..5),
        texts in any::<[Option<String>; 3]>(), flags in any::<(bool, bool)>(), batches in 0u64..3, tags in a_map(), metadata in a_map(),
        assessments in prop::collection::vec(assessment(), 0..3), runs in prop::collection::btree_set("[rs]", 0..2),
        prompts in prop::collection::btree_set("p/[12]", 0..2),
    ) -> Trace {
        let [client_request_id, request_preview, response_preview] = texts;
        Trace {
            id: TraceId::stored(&id), experiment: ExperimentId(experiment), state: TraceState::ALL[state].2, start_ms, duration_ms,
            client_request_id, request_preview, response_preview, is_final: flags.0, artifact_uri: format!("u/{id}"), tags, metadata,
            assessments, runs, prompts, batches, has_usage: flags.1,
        }
    }
}
