//! Answers a request: finds its route, checks the right, reads the parameters, and calls the handler.

use super::incoming::Incoming;
use super::rights::{CallerRights, RequiredRight};
use super::route::{find, find_plain, is_page};
use super::{file_route, form};
use crate::error::{Error, Result};
use crate::host::report;
use crate::request::body::Body;
use crate::request::call::{Call, FileCall};
use crate::request::json::Json;
use crate::request::params::{self, Params};
use crate::request::response::Answer;
use crate::store::audit;
use crate::store::audit::AuditedRequest;

/// Answers a request.
pub async fn answer(mut request: Incoming) -> Answer {
    let body = std::mem::replace(&mut request.body, Body::Whole(Vec::new()));
    match try_answer(&request, body).await {
        Ok(answer) => answer,
        Err(error) => {
            if let Error::Corrupt(text) | Error::Unavailable(text) = &error {
                report::fault(&format!("{} {}: {text}", request.method, request.path));
            }
            if is_page(&request.path) && request.accept.contains("text/html") {
                return super::error::page(&error, &request.site, &request.actor.login);
            }
            super::error::answer(&error)
        }
    }
}

async fn try_answer(request: &Incoming, body: Body) -> Result<Answer> {
    let plain = find_plain(&request.method, &request.path);
    if plain.is_none()
        && let Some((route, below)) = file_route::find(request, &request.path)?
    {
        ensure_right(request, route.right)?;
        let _recording = audit::begin(audited(request, route.right, route.action));
        let query = params::from_query(&request.query)?;
        let call = FileCall {
            below,
            query: Params::new(&query),
            wanted: &request.wanted,
            contents: body,
            telemetry: &request.telemetry,
        };
        return (route.endpoint)(call).await;
    }
    let (route, named) = match plain {
        Some(route) => (route, Ok(Vec::new())),
        None => find(&request.method, &request.path)?,
    };
    ensure_right(request, route.right)?;
    let _recording = audit::begin(audited(request, route.right, route.action));
    let sent;
    let mut files = Vec::new();
    let mut fields = match route.method {
        // A GET has its parameters in the query. A body, if there is one, means nothing.
        "GET" | "HEAD" => params::from_query(&request.query)?,
        _ if is_page(&request.path) => {
            let (fields, sent) = form::sent(request, body).await?;
            files = sent;
            fields
        }
        _ => {
            sent = body.into_whole().await?;
            // MLflow's web pages name what they delete in the query.
            match request.method.as_str() {
                "DELETE" if sent.is_empty() => params::from_query(&request.query)?,
                _ => params::from_body(&sent)?,
            }
        }
    };
    // A parameter in the path overrides the same one elsewhere.
    for (name, value) in named? {
        fields.push(name, Json::Text(value.into()));
    }
    (route.endpoint)(Call {
        params: Params::new(&fields),
        files: &files,
        actor: &request.actor,
        source_schemes: &request.source_schemes,
        accept: &request.accept,
        site: &request.site,
        wanted: &request.wanted,
        may_write: request.rights >= CallerRights::Write,
        is_replay: request.rights == CallerRights::Replay,
        is_manager: request.is_manager,
    })
    .await
}

/// The facts for the audit log about a request that may change something. `None`: the host keeps no log.
fn audited(request: &Incoming, right: RequiredRight, action: &'static str) -> Option<AuditedRequest> {
    let facts = request.audit_facts.clone().filter(|_| right == RequiredRight::Write)?;
    Some(AuditedRequest {
        action,
        actor: request.actor.login.clone(),
        facts,
        request_id: request.id.clone(),
    })
}

fn ensure_right(request: &Incoming, right: RequiredRight) -> Result<()> {
    let needed = match right {
        RequiredRight::Read | RequiredRight::Manage => CallerRights::Read,
        RequiredRight::Write => CallerRights::Write,
    };
    if request.rights < needed {
        return Err(Error::Denied);
    }
    match right {
        RequiredRight::Manage if !request.is_manager => Err(Error::ManagersOnly),
        _ => Ok(()),
    }
}
