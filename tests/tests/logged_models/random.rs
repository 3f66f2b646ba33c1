//! Random searches, compared with a plain evaluation of every model.

use std::cmp::Ordering;

use mlforge_tests::Dice;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{create, id, measure, search, walk};

const MODELS: usize = 25;

/// A random search for models.
#[derive(Debug)]
struct Question {
    /// True if only the experiment `0` is searched.
    in_one: bool,
    name: Option<&'static str>,
    /// The least value of the metric `m`.
    value: Option<f64>,
    /// True if only points on the dataset `d` count.
    on_d: bool,
    is_descending: bool,
}

impl Question {
    fn draw(dice: &mut Dice) -> Self {
        let name = dice.one_of(&["x", "y", "w"]);
        let value = dice.one_of(&[0.0, 1.0, 2.0, 3.0, 4.0]);
        Self {
            in_one: dice.one_in(2),
            name: dice.one_in(2).then_some(name),
            value: dice.one_in(2).then_some(value),
            on_d: dice.one_in(2),
            is_descending: dice.one_in(2),
        }
    }

    fn body(&self, other: &str) -> Value {
        let name = self.name.map(|name| format!("name = '{name}'"));
        let value = self.value.map(|value| format!("metrics.m >= {value}"));
        let clauses: Vec<String> = [name, value].into_iter().flatten().collect();
        let experiments = if self.in_one { vec!["0"] } else { vec!["0", other] };
        let datasets = if self.on_d {
            json!([{"dataset_name": "d"}])
        } else {
            json!([])
        };
        json!({"experiment_ids": experiments, "filter": clauses.join(" AND "), "datasets": datasets,
            "order_by": [{"field_name": "metrics.m", "ascending": !self.is_descending}]})
    }

    /// The value of the newest point of a model that counts.
    fn newest(&self, model: &Value) -> Option<f64> {
        let points = model["data"]["metrics"].as_array()?;
        let counted = points.iter().filter(|point| !self.on_d || point["dataset_name"] == "d");
        let rank = |point: &Value| (point["step"].as_i64().unwrap(), point["value"].as_f64().unwrap());
        let newest = counted.map(rank).max_by(|a, b| a.partial_cmp(b).unwrap());
        newest.map(|(_, value)| value)
    }

    fn matches(&self, model: &Value) -> bool {
        let newest = self.newest(model);
        (!self.in_one || model["info"]["experiment_id"] == "0")
            && self.name.is_none_or(|name| model["info"]["name"] == name)
            && self
                .value
                .is_none_or(|least| newest.is_some_and(|value| value >= least))
            && (!self.on_d || newest.is_some())
    }

    /// The order of two models. Models without a value are last.
    fn compare(&self, a: &Value, b: &Value) -> Ordering {
        match (self.newest(a), self.newest(b)) {
            (Some(a), Some(b)) if self.is_descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        }
    }

    /// The ids of the models that match, in the order of the search. Equal ones stay in the order of `all`.
    fn expected(&self, all: &[Value]) -> Vec<String> {
        let mut found: Vec<&Value> = all.iter().filter(|model| self.matches(model)).collect();
        found.sort_by(|a, b| self.compare(a, b));
        found.into_iter().map(id).collect()
    }
}

/// Makes models in the experiment `0` and this other one.
fn fill(tracker: &Tracker, other: &str, dice: &mut Dice) {
    let run = tracker.run("0", 1);
    for _ in 0..MODELS {
        let experiment = dice.one_of(&["0", other]);
        let name = dice.one_of(&["x", "y", "z"]);
        let param = json!({"key": "p", "value": dice.below(3).to_string()});
        let body = json!({"experiment_id": experiment, "name": name, "params": [param]});
        let model = id(&create(tracker, body));
        for _ in 0..dice.below(3) {
            let point = (dice.one_of(&[0.0, 1.0, 2.0, 3.0, 4.0]), dice.one_of(&[0, 1, 2, 3]));
            measure(tracker, &run, &model, "m", point, dice.one_of(&["", "d"]));
        }
    }
}

/// The models of the first page of a search.
fn found(tracker: &Tracker, body: Value) -> Vec<Value> {
    let page = search(tracker, body).ok();
    page["models"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_random_search_matches_a_plain_evaluation_of_every_model() {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    let mut dice = Dice::new(7);
    fill(&tracker, &other, &mut dice);
    let all = found(&tracker, json!({"experiment_ids": ["0", other]}));
    assert_eq!(all.len(), MODELS);
    for _ in 0..60 {
        let question = Question::draw(&mut dice);
        let (body, expected) = (question.body(&other), question.expected(&all));
        let ids: Vec<String> = found(&tracker, body.clone()).iter().map(id).collect();
        assert_eq!(ids, expected, "{question:?}");
        assert_eq!(walk(&tracker, &body, 3).len(), expected.len(), "{question:?}");
    }
}
