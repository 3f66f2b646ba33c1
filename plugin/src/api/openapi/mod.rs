//! The API as an OpenAPI 3.1 document. Routes come from the route table; requests and answers are described here.

mod fields;
mod operations;
mod schemas;

use serde_json::{Map, Value, json};

use self::fields::{object, read, reference};
use self::operations::{OPERATIONS, Operation};
use self::schemas::SCHEMAS;

/// A route of the document.
pub struct Documented {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path as clients send it. `{…}` stands for one segment and `{*…}` for the rest.
    pub path: String,
    /// The right that the caller needs.
    pub right: &'static str,
}

/// The document of these routes. A route without a description is that of a page.
pub fn document(routes: impl Iterator<Item = Documented>) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = route.path.replace("{*", "{");
        let described = described(route.method, &path);
        let operation = operation(&route, &path, described);
        if let Value::Object(methods) = paths.entry(path).or_insert_with(|| json!({})) {
            methods.insert(route.method.to_ascii_lowercase(), operation);
        }
    }
    let schema = |(name, text): &(&str, &str)| ((*name).to_owned(), schema_of(text));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mlforge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "MLflow's tracking and model registry for one project. MLflow's web pages send the same requests to \
                            /ajax-api instead of /api. Names may be in camelCase, and integers may be sent as texts.",
        },
        "servers": [{ "url": "." }],
        "security": [{ "bearer": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS.iter().map(schema).collect::<Map<_, _>>(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic" },
            },
            "responses": {
                "Error": {
                    "description": "The request failed. After 429 and 503 the header Retry-After says when to send it again.",
                    "content": { "application/json": { "schema": reference("Error") } },
                },
            },
        },
    })
}

fn described(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| operation.method == method && operation.path == path)
}

fn schema_of(text: &str) -> Value {
    if text.contains('|') {
        let words: Vec<&str> = text.split('|').collect();
        return json!({ "type": "string", "enum": words });
    }
    object(read(text))
}

fn operation(route: &Documented, path: &str, described: Option<&Operation>) -> Value {
    let mut parameters: Vec<Value> = in_path(path)
        .map(|name| parameter("path", name, true, text()))
        .collect();
    let id = operation_id(route.method, path);
    let description = format!("Needs the right to {}.", route.right);
    let Some(described) = described else {
        let page = json!({
            "description": "The request failed.",
            "content": { "text/html": {}, "application/json": { "schema": reference("Error") } },
        });
        return json!({
            "operationId": id, "description": description, "tags": ["pages"], "parameters": parameters,
            "responses": responses(json!({ "text/html": {} }), &page),
        });
    };
    let (queried, sent): (Vec<_>, Vec<_>) = read(described.request)
        .filter(|field| field.name != "bytes")
        .partition(|field| field.name.starts_with('?') || ["GET", "HEAD", "DELETE"].contains(&route.method));
    for field in queried {
        parameters.push(parameter(
            "query",
            field.name.trim_start_matches('?'),
            field.is_required,
            field.schema(),
        ));
    }
    let error = json!({ "$ref": "#/components/responses/Error" });
    let mut operation = json!({
        "operationId": id, "summary": described.summary, "description": description, "tags": [tag(path)],
        "parameters": parameters, "responses": responses(content(described.answer), &error),
    });
    let body = if described.request.ends_with("bytes") {
        Some(json!({ "content": { "application/octet-stream": {} } }))
    } else {
        let has_body = ["POST", "PATCH", "PUT"].contains(&route.method);
        has_body.then(|| {
            let schema = object(sent.into_iter());
            json!({ "required": true, "content": { "application/json": { "schema": schema } } })
        })
    };
    if let (Some(operation), Some(body)) = (operation.as_object_mut(), body) {
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn responses(content: Value, error: &Value) -> Value {
    json!({ "200": { "description": "The answer.", "content": content }, "default": error })
}

/// The content of an answer.
fn content(answer: &str) -> Value {
    match answer {
        "=file" => json!({ "*/*": {} }),
        "=text" => json!({ "text/plain": { "schema": text() } }),
        "=any" => json!({ "application/json": {} }),
        fields => json!({ "application/json": { "schema": object(read(fields)) } }),
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn parameter(place: &str, name: &str, is_required: bool, schema: Value) -> Value {
    json!({ "name": name, "in": place, "required": is_required, "schema": schema })
}

/// The names of the parameters in a path.
fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// A name for an operation that no other one has.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.fold(method.to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

/// The group of an endpoint: the first segment after its prefix.
fn tag(path: &str) -> &str {
    let below = ["/api/2.0/mlflow/", "/api/3.0/mlflow/", "/api/2.0/", "/-/ml/", "/"]
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    below.and_then(|below| below.split('/').next()).unwrap_or(path)
}

#[cfg(test)]
mod tests;
