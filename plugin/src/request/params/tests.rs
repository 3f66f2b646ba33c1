#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn fields(json: &str) -> Object<'_> {
    from_body(json.as_bytes()).unwrap()
}

#[test]
fn names_are_read_in_both_spellings_and_null_is_absent() {
    let body = fields(r#"{"run_id": "a", "pageToken": "b", "other": null, "unknown": {}}"#);
    let params = Params::new(&body);
    assert_eq!(params.text("run_id"), Ok(Some("a")));
    assert_eq!(params.text("page_token"), Ok(Some("b")));
    assert_eq!(params.text("other"), Ok(None));
}

#[test]
fn integers_come_as_numbers_whole_floats_or_texts() {
    let body = fields(r#"{"a": 5, "b": "-5", "c": 5.0, "d": 5.5, "e": "x", "f": 1e300, "g": 9223372036854775807}"#);
    let params = Params::new(&body);
    assert_eq!(params.integer("a"), Ok(Some(5)));
    assert_eq!(params.integer("b"), Ok(Some(-5)));
    assert_eq!(params.integer("c"), Ok(Some(5)));
    assert_eq!(params.integer("g"), Ok(Some(i64::MAX)));
    for wrong in ["d", "e", "f"] {
        assert!(matches!(params.integer(wrong), Err(Error::Invalid(_))), "{wrong}");
    }
}

#[test]
fn nan_and_infinities_are_read_as_texts() {
    let body = fields(r#"{"a": "NaN", "b": "-Infinity", "c": 1, "d": "1.5", "e": "inf", "f": []}"#);
    let params = Params::new(&body);
    assert!(params.required_float("a").unwrap().is_nan());
    assert_eq!(params.required_float("b"), Ok(f64::NEG_INFINITY));
    assert_eq!(params.required_float("c"), Ok(1.0));
    assert_eq!(params.required_float("d"), Ok(1.5));
    assert!(params.required_float("e").is_err() && params.required_float("f").is_err());
}

#[test]
fn a_missing_value_is_named_with_its_path() {
    let body = fields(r#"{"metrics": [{"key": "a"}, {"key": ""}]}"#);
    let metrics = Params::new(&body).objects("metrics").unwrap();
    let error = metrics[1].required_text("key").unwrap_err();
    assert!(matches!(error, Error::Invalid(text) if text.contains("'metrics[1].key'")));
    let body = fields(r#"{"datasets": [{}, {"tags": [{"key": "a"}, {}], "dataset": {"name": 5}}]}"#);
    let datasets = Params::new(&body).objects("datasets").unwrap();
    let error = datasets[1].objects("tags").unwrap()[1]
        .required_text("key")
        .unwrap_err();
    assert!(matches!(error, Error::Invalid(text) if text.contains("'datasets[1].tags[1].key'")));
    let error = datasets[1]
        .required_object("dataset")
        .unwrap()
        .text("name")
        .unwrap_err();
    assert!(matches!(error, Error::Invalid(text) if text.contains("'datasets[1].dataset.name'")));
}

#[test]
fn a_body_may_be_encoded_twice_or_follow_a_byte_order_mark() {
    for same in [r#""{\"a\": 1}""#, "\u{feff}{\"a\": 1}"] {
        assert_eq!(fields(same), fields(r#"{"a": 1}"#));
    }
    assert_eq!(fields("\u{feff}"), Object::default());
    for bad in ["[]", "1", "{", "\"[]\"", "\u{feff}\u{feff}{}", "{}\u{feff}"] {
        assert!(matches!(from_body(bad.as_bytes()), Err(Error::Invalid(_))), "{bad}");
    }
    assert_eq!(fields("  "), Object::default());
}

#[test]
fn a_query_is_decoded_and_repeated_names_make_a_list() {
    let query = from_query("a=1&b=x+y%2Fz&a=2&c&%ff").unwrap_err();
    assert!(matches!(query, Error::Invalid(_)));
    let query = from_query("a=1&b=x+y%2Fz%zz&a=2&c").unwrap();
    let params = Params::new(&query);
    assert_eq!(params.texts("a"), Ok(vec!["1", "2"]));
    assert_eq!(params.text("b"), Ok(Some("x y/z%zz")));
    assert_eq!(params.text("c"), Ok(Some("")));
}

proptest! {
    #[test]
    fn any_body_and_query_are_read_without_a_panic(body in any::<Vec<u8>>(), query in ".*") {
        let _ = (from_body(&body), from_query(&query));
    }
}
