//! The description of the API at `openapi.json`: answers have the fields that it names, and no others.

use mlforge_tests::tracker::{File, Reply, Tracker};
use serde_json::{Map, Value, json};

/// A tracker with the description of its API.
struct Described {
    tracker: Tracker,
    document: Value,
}

impl Described {
    fn fresh() -> Self {
        let tracker = Tracker::fresh();
        let document = tracker.send("GET", "/openapi.json", "").ok();
        Self { tracker, document }
    }

    /// Sends a request that must succeed. Its answer must be as described for this path.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, query: &str, body: Value) -> Value {
        let target = format!("{path}{query}");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.tracker.send(method, &target, body).ok();
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} is not described");
        self.fits(schema, &answer, path);
        answer
    }

    #[track_caller]
    fn post(&self, endpoint: &str, body: Value) -> Value {
        self.ask("POST", &format!("/api/2.0/mlflow/{endpoint}"), "", body)
    }

    #[track_caller]
    fn get(&self, endpoint: &str, query: &str) -> Value {
        self.ask("GET", &format!("/api/2.0/mlflow/{endpoint}"), query, Value::Null)
    }

    /// Fails unless a value has exactly what its schema names.
    #[track_caller]
    fn fits(&self, schema: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix("#/components/schemas/").unwrap();
            return self.fits(&self.document["components"]["schemas"][name], value, at);
        }
        let is_one = |kind: &Value| match kind.as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => false,
        };
        match &schema["type"] {
            Value::Null => return,
            Value::Array(kinds) => assert!(kinds.iter().any(is_one), "{at}: {value}"),
            kind => assert!(is_one(kind), "{at}: {value} is no {kind}"),
        }
        if let Some(words) = schema["enum"].as_array() {
            assert!(words.contains(value), "{at}: {value}");
        }
        for item in value.as_array().into_iter().flatten() {
            self.fits(&schema["items"], item, at);
        }
        if let Some(fields) = value.as_object() {
            self.fields_fit(schema, fields, at);
        }
    }

    #[track_caller]
    fn fields_fit(&self, schema: &Value, fields: &Map<String, Value>, at: &str) {
        for (name, field) in fields {
            let place = format!("{at} {name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Null) => panic!("{place} is not described"),
                (Value::Null, schema) | (schema, _) => self.fits(schema, field, &place),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
        }
    }
}

#[test]
fn a_reader_gets_the_description_and_a_stranger_does_not() {
    let tracker = Tracker::fresh().as_reader();
    let document = tracker.send("GET", "/openapi.json", "").ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/2.0/mlflow/runs/search"]["post"].is_object());
    let File { status, .. } = tracker.anonymous("GET", "/api/v4/projects/1/ml/mlflow/openapi.json", &[], "");
    assert_eq!(status, 401);
}

#[test]
fn experiments_and_runs_are_as_described() {
    let described = Described::fresh();
    let tag = json!([{"key": "k", "value": "v"}]);
    let made = described.post("experiments/create", json!({"name": "e", "tags": tag}));
    let experiment = made["experiment_id"].as_str().unwrap();
    described.get("experiments/get", &format!("?experiment_id={experiment}"));
    described.post("experiments/search", json!({"max_results": 1}));
    let made = described.post("runs/create", json!({"experiment_id": experiment, "tags": tag}));
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    let metrics = json!([
        {"key": "m", "value": "NaN", "timestamp": 1, "step": 1},
        {"key": "n", "value": 0.5, "timestamp": 1},
    ]);
    described.post(
        "runs/log-batch",
        json!({"run_id": run, "metrics": metrics, "params": tag}),
    );
    let dataset =
        json!({"name": "d", "digest": "1", "source_type": "s", "source": "s", "schema": "{}", "profile": "{}"});
    let context = json!([{"key": "mlflow.data.context", "value": "train"}]);
    let inputs = json!([{"tags": context, "dataset": dataset}]);
    described.post(
        "runs/log-inputs",
        json!({"run_id": run, "datasets": inputs, "models": [{"model_id": "m"}]}),
    );
    described.post(
        "runs/outputs",
        json!({"run_id": run, "models": [{"model_id": "m", "step": 1}]}),
    );
    described.post("experiments/search-datasets", json!({"experiment_ids": [experiment]}));
    described.post(
        "runs/update",
        json!({"run_id": run, "status": "FINISHED", "end_time": 2}),
    );
    described.get("runs/get", &format!("?run_id={run}"));
    let found = described.post("runs/search", json!({"experiment_ids": [experiment]}));
    assert_eq!(found["runs"][0]["data"]["metrics"][0]["value"], "NaN");
    for (endpoint, name) in [
        ("get-history", "run_id"),
        ("get-history-bulk", "run_id"),
        ("get-history-bulk-interval", "run_ids"),
    ] {
        described.get(&format!("metrics/{endpoint}"), &format!("?{name}={run}&metric_key=m"));
    }
    described.get("artifacts/list", &format!("?run_id={run}"));
}

#[test]
fn models_and_versions_are_as_described() {
    let described = Described::fresh();
    let tag = json!([{"key": "k", "value": "v"}]);
    described.post(
        "registered-models/create",
        json!({"name": "m", "description": "d", "tags": tag}),
    );
    described.post(
        "model-versions/create",
        json!({"name": "m", "source": "", "description": "d", "tags": tag}),
    );
    described.post(
        "registered-models/alias",
        json!({"name": "m", "alias": "a", "version": "1"}),
    );
    described.get("registered-models/get", "?name=m");
    described.get("registered-models/search", "");
    described.post("registered-models/get-latest-versions", json!({"name": "m"}));
    described.get("model-versions/get", "?name=m&version=1");
    described.get("model-versions/search", "");
    described.get("model-versions/get-download-uri", "?name=m&version=1");
    let version = described.get("registered-models/alias", "?name=m&alias=a");
    let run = version["model_version"]["run_id"].as_str().unwrap();
    let logged = described.post(
        "logged-models",
        json!({"experiment_id": "0", "params": tag, "tags": tag}),
    );
    let id = logged["model"]["info"]["model_id"].as_str().unwrap();
    let run =
        described.post("runs/create", json!({"experiment_id": "0", "run_name": run}))["run"]["info"]["run_id"].clone();
    let point =
        json!({"key": "m", "value": 1, "timestamp": 1, "model_id": id, "dataset_name": "d", "dataset_digest": "1"});
    described.post("runs/log-batch", json!({"run_id": run, "metrics": [point]}));
    let found = described.post("logged-models/search", json!({"experiment_ids": ["0"]}));
    assert_eq!(found["models"][0]["data"]["metrics"][0]["dataset_name"], "d");
}

#[test]
fn traces_are_as_described() {
    let described = Described::fresh();
    let tag = json!([{"key": "k", "value": "v"}]);
    let begun = json!({"experiment_id": "0", "timestamp_ms": 1, "tags": tag, "request_metadata": tag});
    described.post("traces", begun);
    described.get("traces", "?experiment_ids=0");
    let newer =
        |method: &str, endpoint: &str, body| described.ask(method, &format!("/api/3.0/mlflow/{endpoint}"), "", body);
    let location = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}});
    let info = json!({
        "trace_id": format!("tr-{:032x}", 7), "trace_location": location, "request_time": "2026-11-28T16:17:21.381Z",
        "execution_duration": "1.500s", "state": "OK", "request_preview": "q", "response_preview": "a",
        "trace_metadata": {"k": "v"}, "tags": {"k": "v"}, "client_request_id": "c",
        "assessments": [
            {"assessment_name": "a", "source": {"source_type": "HUMAN", "source_id": "ada"}, "feedback": {"value": 1},
             "rationale": "r", "metadata": {"k": "v"}, "span_id": "s"},
            {"assessment_name": "b", "source": {"source_type": "HUMAN", "source_id": "ada"}, "expectation": {"value": [1]}},
        ],
    });
    newer("POST", "traces", json!({"trace": {"trace_info": info}}));
    let found = newer("POST", "traces/search", json!({"locations": [location]}));
    assert_eq!(
        found["traces"][0]["assessments"][1]["expectation"]["value"],
        json!([1.0])
    );
    newer("GET", "server-info", Value::Null);
}

#[test]
fn an_error_is_as_described() {
    let described = Described::fresh();
    let Reply { body, .. } = described.tracker.get("runs/get?run_id=none");
    described.fits(&described.document["components"]["schemas"]["Error"], &body, "an error");
}
