//! Sign-in on the forge: the reader is led to a page of the forge, agrees there, and comes back with a code for tokens.

use std::sync::Arc;

use http::Response;
use http::header::HeaderValue;
use http::request::Parts;

use super::form::Fields;
use super::sign_in::Mistake;
use super::view::{see_other, with_cookie};
use crate::auth::cookies;
use crate::auth::sign_in::{FLOW_S, Flow};
use crate::forge::oauth::{OauthClient, TokenAnswer};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

impl HostState {
    /// Leads to the forge's page. What is needed to go on stays with the browser.
    pub(super) fn oauth_start(&self, fields: &Fields) -> Result<Response<Body>, HttpError> {
        let oauth = self.sign_in.oauth.as_ref().ok_or(HttpError::EndpointNotFound)?;
        let flow = Flow::begin(fields.next(), self.services.now_ms()).ok_or(HttpError::Internal)?;
        let sealed = flow.sealed(&self.sign_in.flow_key).ok_or(HttpError::Internal)?;
        let page = oauth.authorize_url(&self.oauth_callback(), &flow.state, &flow.challenge());
        Ok(with_cookie(
            see_other(&page),
            self.sign_in.cookies.set(cookies::OAUTH, &sealed, FLOW_S),
        ))
    }

    /// Signs in the reader who comes back from the forge.
    pub(super) async fn oauth_callback_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let oauth = self.sign_in.oauth.as_ref().ok_or(HttpError::EndpointNotFound)?;
        let response = match self.flow(head, fields) {
            Some(flow) => self.end_flow(head, oauth, &flow, fields.text("code")).await?,
            None => self.show_sign_in(head, "/", Some(&Mistake::FlowExpired)),
        };
        let removed: Option<HeaderValue> = self.sign_in.cookies.set(cookies::OAUTH, "", 0);
        Ok(with_cookie(response, removed))
    }

    /// Changes the code of a sign-in into tokens, and begins a session with them.
    async fn end_flow(
        self: &Arc<Self>,
        head: &Parts,
        oauth: &OauthClient,
        flow: &Flow,
        code: &str,
    ) -> Result<Response<Body>, HttpError> {
        if code.is_empty() {
            return Ok(self.show_sign_in(head, &flow.next, Some(&Mistake::ForgeDenied)));
        }
        let mistake = match oauth.exchange(code, &flow.verifier, &self.oauth_callback()).await {
            Ok(TokenAnswer::Granted(tokens)) => {
                return self.sign_in_with(head, self.contents_of(tokens), &flow.next).await;
            }
            Ok(TokenAnswer::Refused) => Mistake::ForgeRefused,
            Err(error) => {
                tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
                Mistake::ForgeDown
            }
        };
        Ok(self.show_sign_in(head, &flow.next, Some(&mistake)))
    }

    /// The sign-in that this browser began, if the answer of the forge belongs to it.
    fn flow(&self, head: &Parts, fields: &Fields) -> Option<Flow> {
        let cookie = self.sign_in.cookies.get(&head.headers, cookies::OAUTH)?;
        let now_ms = self.services.now_ms();
        Flow::opened(&self.sign_in.flow_key, &cookie, fields.get("state")?, now_ms)
    }
}
