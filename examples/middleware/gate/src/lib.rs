//! A component in front of mlforge, as middleware of `wasi:http`. It takes the place of a forge: it checks one token, says who
//! the caller is, and removes the mount from the path. The token never reaches mlforge.

mod bindings;

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::cli::environment;
use bindings::wasi::http::handler;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::{wit_future, wit_stream};

/// The environment variable with the token. Without it, every request is refused.
const TOKEN_VARIABLE: &str = "MLFORGE_TOKEN";
/// The path at which the one project is mounted, as GitLab has it.
const MOUNT: &str = "/api/v4/projects/1/ml/mlflow";
/// Prefix of the headers that only a host may set.
const HOST_HEADERS: &str = "x-mlforge-";
/// Headers that carry credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "private-token"];
/// Facts about the caller of every request with the token.
const CALLER: [(&str, &str); 4] = [
    ("x-mlforge-rights", "write"),
    ("x-mlforge-role", "maintainer"),
    ("x-mlforge-actor", "ada"),
    ("x-mlforge-actor-id", "1"),
];

struct Gate;

impl Guest for Gate {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let headers = request.get_headers();
        if !is_known(&headers) {
            let message = "Send the header 'Authorization: Bearer' with the token of this server.";
            return refusal(401, "UNAUTHENTICATED", message);
        }
        let target = request.get_path_with_query().unwrap_or_default();
        match below_mount(&target) {
            Some(target) => handler::handle(forwarded(request, &headers, target)?).await,
            None => refusal(
                404,
                "ENDPOINT_NOT_FOUND",
                &format!("This server has nothing outside of {MOUNT}."),
            ),
        }
    }
}

/// True if a request carries the token.
fn is_known(headers: &Fields) -> bool {
    let variables = environment::get_environment();
    let token = variables.iter().find(|(name, _)| name == TOKEN_VARIABLE);
    let Some((_, token)) = token.filter(|(_, token)| !token.is_empty()) else {
        return false;
    };
    let expected = format!("Bearer {token}");
    let sent = headers.get("authorization");
    matches!(sent.as_slice(), [sent] if is_same(sent, expected.as_bytes()))
}

/// Compares secrets in a time that does not depend on their bytes.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differing == 0
}

/// The part of a path after the mount. `None`: it lies elsewhere.
fn below_mount(target: &str) -> Option<&str> {
    target.strip_prefix(MOUNT).filter(|rest| rest.starts_with('/'))
}

/// The request for mlforge: its own path, method and body, and headers about the caller instead of those from outside.
fn forwarded(request: Request, headers: &Fields, target: &str) -> Result<Request, ErrorCode> {
    let fields = Fields::new();
    for (name, value) in headers.copy_all() {
        let lower = name.to_ascii_lowercase();
        if !lower.starts_with(HOST_HEADERS) && !CREDENTIALS.contains(&lower.as_str()) {
            // A runtime refuses some, such as `host`, which mlforge does not need.
            _ = fields.append(&name, &value);
        }
    }
    for (name, value) in CALLER {
        fields.append(name, value.as_bytes()).map_err(internal)?;
    }
    let method = request.get_method();
    let (_, taken) = wit_future::new(|| Ok(()));
    let (contents, end) = Request::consume_body(request, taken);
    let (forwarded, _) = Request::new(fields, Some(contents), end, None);
    let set = forwarded
        .set_method(&method)
        .and(forwarded.set_path_with_query(Some(target)));
    set.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    Ok(forwarded)
}

/// The answer to a request that does not reach mlforge, in the form of MLflow's errors. `message` needs no escapes.
fn refusal(status: u16, code: &str, message: &str) -> Result<Response, ErrorCode> {
    let body = format!("{{\"error_code\":\"{code}\",\"message\":\"{message}\"}}").into_bytes();
    let headers = [("content-type".to_owned(), b"application/json".to_vec())];
    let headers = Fields::from_list(&headers).map_err(internal)?;
    let (mut sender, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        // The client may have left.
        _ = sender.write_all(body).await;
    });
    let (_, end) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(headers, Some(contents), end);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(None))?;
    Ok(response)
}

fn internal(error: impl ToString) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}
