//! Searches for registered models.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{names, search};

#[test]
fn a_search_finds_by_name_and_tags() {
    let tracker = Tracker::fresh();
    for (name, tag) in [("alpha", "1"), ("Alps", "2"), ("beta", "1")] {
        let tags = json!([{"key": "t", "value": tag}, {"key": "a b", "value": "x"}]);
        tracker
            .post("registered-models/create", json!({"name": name, "tags": tags}))
            .ok();
    }
    for (filter, expected) in [
        ("", &["Alps", "alpha", "beta"][..]),
        ("name = 'alpha'", &["alpha"]),
        ("name='alp'", &[]),
        ("name != 'alpha'", &["Alps", "beta"]),
        ("name LIKE 'alp%25'", &["alpha"]),
        ("name ILIKE 'alp%25'", &["Alps", "alpha"]),
        ("name IN ('beta', 'Alps', 'none')", &["Alps", "beta"]),
        ("name NOT IN ('beta')", &["Alps", "alpha"]),
        ("attribute.name = 'beta' AND tags.t = '1'", &["beta"]),
        ("tag.`a b` = 'x' AND tags.t != '1'", &["Alps"]),
        ("tags.none != 'x'", &[]),
    ] {
        assert_eq!(
            names(&search(&tracker, &format!("filter={filter}"))),
            expected,
            "{filter}"
        );
    }
    for bad in [
        "name > 'a'",
        "timestamp = 1",
        "attributes.name = 'a'",
        "params.a = 'b'",
        "tags.t IS NULL",
        "name = 5",
        "id = 'x'",
    ] {
        let refused = tracker.get(&format!("registered-models/search?filter={bad}"));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn pages_by_name_or_another_order_have_no_gap_or_duplicate() {
    let tracker = Tracker::fresh();
    let made: Vec<String> = (0..7).map(|number| format!("m{number}")).collect();
    for name in made.iter().rev() {
        tracker.model(name);
    }
    let walk = |more: &str| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = search(&tracker, &format!("max_results=3&page_token={token}{more}"));
            found.extend(names(&page).into_iter().map(str::to_owned));
            match page["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => return found,
            }
        }
    };
    for order in [
        "",
        "&order_by=name",
        "&order_by=timestamp DESC",
        "&order_by=last_updated_timestamp&order_by=name ASC",
    ] {
        assert_eq!(walk(order), made, "{order}");
    }
    assert!(walk("&order_by=name DESC").iter().eq(made.iter().rev()));
    assert_eq!(
        walk("&filter=name IN ('m5','m1','m3','m0','x')"),
        ["m0", "m1", "m3", "m5"]
    );
    assert_eq!(walk("&filter=name LIKE '%25%25'"), made);
    for bad in [
        "max_results=0",
        "max_results=1001",
        "max_results=x",
        "page_token=zz",
        "page_token=00",
        "order_by=creation_timestamp",
        "order_by=attribute.name",
        "order_by=timestamp&order_by=last_updated_timestamp",
        "order_by=tags.t",
        "order_by=",
    ] {
        let refused = tracker.get(&format!("registered-models/search?{bad}"));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn prompts_are_hidden_unless_asked_for() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let mark = |value: &str| json!([{"key": "mlflow.prompt.is_prompt", "value": value}]);
    tracker
        .post("registered-models/create", json!({"name": "p", "tags": mark("true")}))
        .ok();
    tracker
        .post("registered-models/create", json!({"name": "q", "tags": mark("false")}))
        .ok();
    let found = |filter: &str| {
        let page = search(&tracker, &format!("filter={filter}"));
        names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let key = "tags.`mlflow.prompt.is_prompt`";
    for hiding in [
        String::new(),
        format!("{key} != 'true'"),
        format!("tag.{} = 'false'", "mlflow.prompt.is_prompt"),
    ] {
        assert_eq!(found(&hiding), ["m", "q"], "{hiding}");
    }
    assert_eq!(found(&format!("{key} = 'true'")), ["p"]);
    assert_eq!(found(&format!("{key} != 'false'")), ["p"]);
    assert_eq!(found(&format!("name = 'p' AND {key} = 'true'")), ["p"]);
    assert_eq!(found("name = 'p'"), [""; 0]);
}
