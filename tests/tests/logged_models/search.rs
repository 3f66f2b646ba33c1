//! Searches for logged models.

use serde_json::json;

use super::{id, names, search, walk, with_models};

/// The names as sorted letters. Models made at the same time are ordered by their random ids.
fn sorted(mut names: Vec<String>) -> String {
    names.sort_unstable();
    names.concat()
}

#[test]
fn a_filter_chooses_models() {
    let (tracker, _) = with_models();
    for (filter, datasets, expected) in [
        ("", json!([]), "abcde"),
        ("name = 'a'", json!([]), "a"),
        ("name IN ('a', 'd', 'z')", json!([]), "ad"),
        ("name != 'a' AND name NOT IN ('b')", json!([]), "cde"),
        ("name = a", json!([]), "a"),
        ("attributes.name ILIKE 'A%'", json!([]), "a"),
        ("params.p = '1'", json!([]), "ab"),
        ("params.p = 1", json!([]), "ab"),
        ("params.p LIKE '1%'", json!([]), "abd"),
        ("params.nothing != '1'", json!([]), ""),
        ("tags.`k k` = 'C'", json!([]), "c"),
        ("status = 'READY'", json!([]), "be"),
        ("status IN ('PENDING', 'FAILED')", json!([]), "acd"),
        ("status != READY", json!([]), "acd"),
        ("model_type = 't'", json!([]), "ab"),
        ("experiment_id = '0'", json!([]), "ace"),
        (
            "creation_timestamp > 0 AND last_updated_timestamp_ms <= 1700000000000",
            json!([]),
            "abcde",
        ),
        ("creation_time < 5", json!([]), ""),
        ("metrics.acc >= 3", json!([]), "ab"),
        ("metrics.acc < 3", json!([]), "cd"),
        ("metrics.acc = 9", json!([]), ""),
        ("metrics.acc >= 1", json!([{"dataset_name": "train"}]), "bcd"),
        (
            "metrics.acc >= 1",
            json!([{"dataset_name": "train", "dataset_digest": "2"}]),
            "",
        ),
        (
            "metrics.acc >= 4",
            json!([{"dataset_name": "train", "dataset_digest": "1"}, {"dataset_name": "test"}]),
            "a",
        ),
        ("", json!([{"dataset_name": "test"}]), "ab"),
        ("name != 'b'", json!([{"dataset_name": "test"}]), "a"),
    ] {
        let body = json!({"experiment_ids": ["0", "1"], "filter": filter, "datasets": datasets});
        assert_eq!(
            sorted(names(&search(&tracker, body.clone()).ok())),
            expected,
            "{filter} {datasets}"
        );
        assert_eq!(
            sorted(walk(&tracker, &body, 1)),
            expected,
            "{filter} {datasets}, page by page"
        );
    }
    for bad in [
        "metric.acc > 1",
        "status = 'ready'",
        "status LIKE 'R%'",
        "name > 'a'",
        "nothing = 'a'",
        "name = 'a' OR name = 'b'",
        "metrics.acc > 'x'",
        "params.p IS NULL",
        "run.name = 'a'",
    ] {
        search(&tracker, json!({"filter": bad})).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn an_order_is_total_and_its_pages_have_no_gap_or_duplicate() {
    let (tracker, models) = with_models();
    let by = |field: &str, ascending: bool, dataset: &str| json!({"field_name": field, "ascending": ascending, "dataset_name": dataset});
    let default: Vec<String> = models
        .iter()
        .map(|model| model["info"]["name"].as_str().unwrap().to_owned())
        .collect();
    let mut by_id = models.clone();
    by_id.sort_by_key(id);
    assert_eq!(names(&json!({ "models": by_id })), default);
    for (order, expected) in [
        (json!([]), &*default.concat()),
        (json!([by("name", true, "")]), "abcde"),
        (json!([by("name", false, "")]), "edcba"),
        (json!([{"field_name": "name"}]), "abcde"),
        (json!([by("status", true, ""), by("name", false, "")]), "daebc"),
        (json!([by("experiment_id", false, ""), by("name", true, "")]), "bdace"),
        (json!([by("metrics.acc", true, "")]), "dcbae"),
        (json!([by("metrics.acc", false, "")]), "abcde"),
        (json!([by("metrics.acc", false, "train")]), "dcbae"),
        (json!([by("metrics.acc", true, "test"), by("name", true, "")]), "bacde"),
        (
            json!([
                by("metrics.none", true, ""),
                by("name", true, ""),
                by("name", false, "")
            ]),
            "abcde",
        ),
    ] {
        let body = json!({"experiment_ids": ["0", "1"], "order_by": order});
        for count in [1, 2, 5] {
            assert_eq!(
                walk(&tracker, &body, count).concat(),
                expected,
                "{order}, {count} a page"
            );
        }
    }
    for bad in ["nothing", "", "tags.k", "metric.acc", "attributes.name"] {
        search(&tracker, json!({"order_by": [{"field_name": bad}]})).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn a_search_requires_experiments_and_accepts_only_its_own_tokens() {
    let (tracker, _) = with_models();
    for bad in [
        json!({"experiment_ids": []}),
        json!({"experiment_ids": ["x"]}),
        json!({"max_results": 0}),
        json!({"max_results": 50_001}),
        json!({"datasets": [{"dataset_digest": "1"}]}),
        json!({"page_token": "x"}),
        json!({"page_token": "00"}),
    ] {
        search(&tracker, bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let by_name = json!([{"field_name": "name", "ascending": true}]);
    let token = search(&tracker, json!({"max_results": 1, "order_by": by_name})).ok()["next_page_token"].take();
    search(&tracker, json!({"page_token": token})).fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(search(&tracker, json!({"experiment_ids": ["77"]})).ok(), json!({}));
}
