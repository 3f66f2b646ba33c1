//! MLflow's own web pages, which the operator may switch on. The host serves their files. Their calls are those of MLflow's
//! clients, at an address below that of the pages, and are answered as those are.

use std::sync::Arc;

use http::header::{HeaderValue, LOCATION};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::forge::ProjectRef;
use crate::host::HostState;
use crate::http::access_log::RequestLine;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::response_body::Body;
use crate::http::router;
use crate::http::ui_files::UiFile;
use crate::limits::connections::Connection;

impl HostState {
    /// Answers a request below the address of the pages. `below` is the rest of its path.
    pub(crate) async fn answer_mlflow_ui(
        self: &Arc<Self>,
        head: &Parts,
        project: ProjectRef,
        below: &str,
        body: Inbound,
        line: &mut RequestLine<'_>,
    ) -> Response<Body> {
        let call = router::ui_call(below).filter(|_| self.config.mlflow_ui.is_some());
        let answered = match call {
            Some(path) => self.answer(head, project, path, body, line).await,
            None => self.ui_file(head, &project, below, body, line).await,
        };
        match answered {
            Ok(response) => response,
            Err(refusal) => self.refuse(head, call.is_none(), refusal).await,
        }
    }

    /// Sends a file of the pages to a reader of the project.
    async fn ui_file(
        self: &Arc<Self>,
        head: &Parts,
        project: &ProjectRef,
        below: &str,
        mut body: Inbound,
        line: &mut RequestLine<'_>,
    ) -> Result<Response<Body>, HttpError> {
        let asks = [Method::GET, Method::HEAD].contains(&head.method);
        let Some(files) = self.config.mlflow_ui.as_ref().filter(|_| asks) else {
            return Err(self.reject(head, &mut body, HttpError::EndpointNotFound).await);
        };
        let path = format!("{}{below}", router::MLFLOW_UI);
        let admitted = self.admit(head, project, &path).await?;
        let claim = admitted.caller.claim();
        line.of_project(admitted.caller.project);
        let under_way = self.admission.enter(claim)?;
        if let Some(connection) = head.extensions.get::<Arc<Connection>>() {
            connection.accept(claim);
        }
        if below.is_empty() {
            return Ok(with_slash());
        }
        let (name, path) = files.find(below).ok_or(HttpError::EndpointNotFound)?;
        let permit = self.admission.transfer_permit(claim).await?;
        let mut response = UiFile::open(name, path).await?.answer(head, permit);
        response.body_mut().hold(under_way);
        Ok(response)
    }
}

/// Leads to the address with a slash at its end. The page names its files relative to it.
fn with_slash() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // It is relative, since a proxy may have cut the beginning of the path.
    let address = HeaderValue::from_static("mlflow-ui/");
    response.headers_mut().insert(LOCATION, address);
    response
}
