//! `model-versions/search`: every search matches a plain evaluation of every version.

use mlforge_tests::Dice;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// Three models with versions of different tags, stages and times; one is a prompt, one version is deleted.
fn with_versions() -> Tracker {
    let tracker = Tracker::fresh();
    for name in ["b", "a", "p"] {
        tracker.model(name);
    }
    for (name, tag) in [("b", "x"), ("a", "x"), ("a", "Y"), ("b", "y"), ("a", "x"), ("b", "xy")] {
        let tags = json!([{"key": "t", "value": tag}, {"key": format!("only {name}"), "value": "1"}]);
        tracker
            .post("model-versions/create", json!({"name": name, "tags": tags}))
            .ok();
    }
    let mark = json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}]);
    for _ in 0..2 {
        let body = json!({"name": "p", "source": "dummy-source", "tags": mark});
        tracker.post("model-versions/create", body).ok();
    }
    tracker
        .delete("model-versions/delete", json!({"name": "b", "version": "2"}))
        .ok();
    tracker
}

fn search(tracker: &Tracker, query: &str) -> Value {
    tracker.get(&format!("model-versions/search?{query}")).ok()
}

fn found(page: &Value) -> Vec<String> {
    let versions = page["model_versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |version: &Value| {
        format!(
            "{}{}",
            version["name"].as_str().unwrap(),
            version["version"].as_str().unwrap()
        )
    };
    versions.iter().map(named).collect()
}

/// The versions on all pages of a search, one version each.
fn walk(tracker: &Tracker, query: &str) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = search(tracker, &format!("max_results=1&page_token={token}&{query}"));
        all.extend(found(&page));
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

#[test]
fn a_filter_chooses_versions() {
    let tracker = with_versions();
    for (filter, expected) in [
        ("", &["a3", "a2", "a1", "b3", "b1"][..]),
        ("name = 'a'", &["a3", "a2", "a1"]),
        ("name = 'A'", &[]),
        ("name != 'a'", &["b3", "b1"]),
        ("name ILIKE 'A'", &["a3", "a2", "a1"]),
        ("name IN ('b', 'none')", &["b3", "b1"]),
        ("name IN ('b', 'a') AND name != 'a'", &["b3", "b1"]),
        ("name NOT IN ('b')", &["a3", "a2", "a1"]),
        ("name = 'a' AND name = 'b'", &[]),
        ("name = 'b' AND version_number > 1", &["b3"]),
        ("version_number = '1'", &["a1", "b1"]),
        ("version_number <= 1", &["a1", "b1"]),
        ("version_number != 3 AND tags.t = 'x'", &["a1", "b1"]),
        ("tags.t ILIKE 'x%25'", &["a3", "a1", "b3", "b1"]),
        ("tag.t != 'x' AND name LIKE 'a%25'", &["a2"]),
        ("tags.`only b` = '1'", &["b3", "b1"]),
        ("tags.gitlab.version = '1.0.2'", &["a3", "b3"]),
        ("tags.`gitlab.version` LIKE '1.0.%25' AND name='b'", &["b3", "b1"]),
        ("run_id = 'none'", &[]),
        ("source_path LIKE 'mlflow-artifacts:/2/%25'", &["a3", "a2", "a1"]),
        ("tags.`mlflow.prompt.is_prompt` != 'true' AND name = 'b'", &["b3", "b1"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", &["p2", "p1"]),
        ("name = 'p' AND tags.`mlflow.prompt.is_prompt` = 'true'", &["p2", "p1"]),
        ("name = 'p'", &[]),
    ] {
        let query = format!("filter={filter}");
        assert_eq!(found(&search(&tracker, &query)), expected, "{filter}");
        assert_eq!(walk(&tracker, &query), expected, "{filter}, page by page");
    }
    for bad in [
        "version = 1",
        "current_stage = 'None'",
        "aliases = 'a'",
        "status = 'READY'",
        "version_number = 1.5",
        "version_number = '1.0.0'",
        "version_number LIKE '1'",
        "source_path IN ('a')",
        "creation_timestamp > 1",
        "attributes.name = 'a'",
        "name = a",
        "run_id > 'a'",
    ] {
        let refused = tracker.get(&format!("model-versions/search?filter={bad}"));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn an_order_is_total_and_its_pages_have_no_gap_or_duplicate() {
    let tracker = with_versions();
    for (order, expected) in [
        ("", ["a3", "a2", "a1", "b3", "b1"]),
        ("order_by=name DESC", ["b3", "b1", "a3", "a2", "a1"]),
        ("order_by=attribute.version_number", ["a1", "b1", "a2", "a3", "b3"]),
        ("order_by=attributes.version_number ASC", ["a1", "b1", "a2", "a3", "b3"]),
        (
            "order_by=version_number DESC&order_by=name DESC",
            ["b3", "a3", "a2", "b1", "a1"],
        ),
        ("order_by=creation_timestamp ASC", ["a3", "a2", "a1", "b3", "b1"]),
        ("order_by=last_updated_timestamp DESC", ["a3", "a2", "a1", "b3", "b1"]),
    ] {
        assert_eq!(found(&search(&tracker, order)), expected, "{order}");
        assert_eq!(walk(&tracker, order), expected, "{order}, page by page");
    }
    for bad in [
        "order_by=version",
        "order_by=timestamp",
        "order_by=tags.t",
        "order_by=name&order_by=attribute.name",
        "order_by=attributes.name&order_by=attribute.name",
        "order_by=run_id",
        "max_results=0",
        "max_results=200001",
        "page_token=00",
        "page_token=x",
    ] {
        tracker
            .get(&format!("model-versions/search?{bad}"))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn a_page_shows_the_semantic_version_and_leaves_other_aliases_out() {
    let tracker = with_versions();
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "a", "alias": "x", "version": "3"}),
        )
        .ok();
    let page = search(&tracker, "filter=name='a'&max_results=1");
    assert_eq!(page["model_versions"][0]["aliases"], json!(["1.0.2"]));
    assert_eq!(
        page["model_versions"][0]["tags"][0],
        json!({"key": "gitlab.version", "value": "1.0.2"})
    );
}

#[test]
fn marking_a_version_as_a_prompt_hides_the_whole_model() {
    let tracker = with_versions();
    let tag = json!({"name": "b", "version": "1", "key": "mlflow.prompt.is_prompt", "value": "true"});
    for _ in 0..2 {
        tracker.post("model-versions/set-tag", tag.clone()).ok();
        assert_eq!(found(&search(&tracker, "")), ["a3", "a2", "a1"]);
    }
    tracker.delete("model-versions/delete-tag", tag.clone()).ok();
    tracker.delete("model-versions/delete-tag", tag).ok();
    assert_eq!(found(&search(&tracker, "")), ["a3", "a2", "a1", "b3", "b1"]);
}

#[test]
fn versions_of_a_deleted_model_are_not_found() {
    let tracker = with_versions();
    let run = tracker.read_version("a", "1")["run_id"].as_str().unwrap().to_owned();
    tracker.delete("registered-models/delete", json!({"name": "a"})).ok();
    assert_eq!(found(&search(&tracker, "")), ["b3", "b1"]);
    assert_eq!(found(&search(&tracker, &format!("filter=run_id='{run}'"))), [""; 0]);
}

/// A random search for versions.
#[derive(Debug)]
struct Question {
    /// The name that the versions must not have.
    name: Option<&'static str>,
    /// The least number of the versions.
    number: Option<i64>,
    /// The value of their tag `t`.
    tag: Option<&'static str>,
    is_descending: bool,
}

impl Question {
    fn draw(dice: &mut Dice) -> Self {
        let name = dice.one_of(&["a", "b", "c"]);
        let number = dice.one_of(&[0, 1, 2, 3]);
        let tag = dice.one_of(&["x", "y", "Y", "xy"]);
        Self {
            name: dice.one_in(2).then_some(name),
            number: dice.one_in(2).then_some(number),
            tag: dice.one_in(2).then_some(tag),
            is_descending: dice.one_in(2),
        }
    }

    fn query(&self) -> String {
        let name = self.name.map(|name| format!("name != '{name}'"));
        let number = self.number.map(|number| format!("version_number >= {number}"));
        let tag = self.tag.map(|tag| format!("tags.t = '{tag}'"));
        let clauses: Vec<String> = [name, number, tag].into_iter().flatten().collect();
        let order = if self.is_descending { "DESC" } else { "ASC" };
        format!("filter={}&order_by=version_number {order}", clauses.join(" AND "))
    }

    fn matches(&self, version: &Value) -> bool {
        let tags = version["tags"].as_array().unwrap();
        let tag = &tags.iter().find(|tag| tag["key"] == "t").unwrap()["value"];
        self.name.is_none_or(|name| version["name"] != name)
            && self.number.is_none_or(|least| number(version) >= least)
            && self.tag.is_none_or(|expected| tag == expected)
    }

    /// The names with the numbers of the versions that match, in the order of the search.
    fn expected(&self, all: &[Value]) -> Vec<String> {
        let mut found: Vec<&Value> = all.iter().filter(|version| self.matches(version)).collect();
        found.sort_by(|a, b| {
            let numbers = number(a).cmp(&number(b));
            let numbers = if self.is_descending { numbers.reverse() } else { numbers };
            numbers.then(text(a, "name").cmp(text(b, "name")))
        });
        let shown = found
            .iter()
            .map(|version| format!("{}{}", text(version, "name"), text(version, "version")));
        shown.collect()
    }
}

fn text<'a>(version: &'a Value, field: &str) -> &'a str {
    version[field].as_str().unwrap()
}

fn number(version: &Value) -> i64 {
    text(version, "version").parse().unwrap()
}

#[test]
fn a_random_search_matches_a_plain_evaluation_of_every_version() {
    let tracker = with_versions();
    let all = search(&tracker, "")["model_versions"].as_array().unwrap().clone();
    let mut dice = Dice::new(7);
    for _ in 0..60 {
        let question = Question::draw(&mut dice);
        assert_eq!(
            walk(&tracker, &question.query()),
            question.expected(&all),
            "{question:?}"
        );
    }
}
