//! The audit log: the facts about a caller that the component records with a change, and the removal of old records. The
//! component writes and lists the records.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::ingress::Admitted;
use crate::forge::{Access, Credential};
use crate::host::HostState;
use crate::http::client_address::TrustedProxies;
use crate::http::request_id::current_request_id;
use crate::http::route_class::Intent;
use crate::storage::ProjectId;

/// Characters that are encoded in the header with the facts, so that a space separates them.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// Maximum number of characters of one fact.
const FACT_CHARS_MAX: usize = 255;
/// Number of bytes of a token's hash that are its id.
const HASH_BYTES: usize = 4;
/// Maximum number of passes of one removal of old records.
const PASSES_MAX: usize = 10_000;

/// The settings of the audit log.
#[derive(Default)]
pub(crate) struct AuditLog {
    /// Time for which records are kept. `None`: there is no audit log.
    pub(crate) kept_for: Option<Duration>,
    /// The proxies that are believed about a client's address.
    pub(crate) trusted_proxies: TrustedProxies,
}

/// Headers for the component about a request that it records.
pub(crate) struct AuditHeaders {
    /// Facts about the caller.
    pub(crate) facts: HeaderValue,
    /// The request's id.
    pub(crate) request_id: HeaderValue,
}

impl AuditLog {
    /// The headers of a request. `None`: it changes nothing, or there is no audit log.
    pub(crate) fn headers(&self, admitted: &Admitted<'_>) -> Option<AuditHeaders> {
        if self.kept_for.is_none() || admitted.class.intent != Intent::Write {
            return None;
        }
        let access = &admitted.caller.access;
        let address = self.trusted_proxies.client_of(admitted.head);
        let facts = [
            token_id(access, &admitted.credential),
            address.map_or_else(String::new, |address| address.to_string()),
            access.actor.id.clone(),
        ];
        let facts = facts.map(|fact| encoded(&fact)).join(" ");
        let id = current_request_id().unwrap_or_default();
        Some(AuditHeaders {
            // Both are ASCII without control characters, so this cannot fail.
            facts: HeaderValue::try_from(facts).ok()?,
            request_id: HeaderValue::try_from(id).ok()?,
        })
    }
}

fn encoded(fact: &str) -> String {
    let cut: String = fact.chars().take(FACT_CHARS_MAX).collect();
    utf8_percent_encode(&cut, ENCODED).to_string()
}

/// The forge's id of a credential, or else the beginning of the token's hash. A password may be guessed from its hash, and
/// a session's cookie changes all the time, so neither is hashed.
fn token_id(access: &Access, credential: &Credential) -> String {
    if let Some(id) = &access.token_id {
        return id.clone();
    }
    match credential {
        Credential::Bearer(token) | Credential::PrivateToken(token) | Credential::JobToken(token) => {
            let hash = Sha256::digest(token);
            hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
        }
        Credential::Basic { .. } => "password".to_owned(),
        Credential::Cookie(_) => "session".to_owned(),
        Credential::Anonymous => String::new(),
    }
}

impl HostState {
    /// Removes the audit records of a project that were kept long enough.
    pub(crate) async fn sweep_audit(self: &Arc<Self>, project: ProjectId) {
        let Some(kept_for) = self.config.audit.kept_for else {
            return;
        };
        let kept_ms = u64::try_from(kept_for.as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.services.now_ms().saturating_sub(kept_ms);
        for _ in 0..PASSES_MAX {
            let began = Instant::now();
            let pass = self.run_maintenance_pass(project, "sweep-audit", move |instance, deadline| {
                Box::pin(instance.sweep_audit(before_ms, deadline))
            });
            // A failure is logged, and the next sweep tries again.
            if !pass.await.is_some_and(|pass| pass.more) {
                return;
            }
            // Requests of clients go first.
            sleep(began.elapsed() / 2).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{Actor, Scope};

    #[test]
    fn a_token_is_named_by_its_id_or_its_hash_and_a_password_by_neither() {
        let mut access = Access::new(Actor::new("7", "ada"), Scope::Api, None);
        let bearer = Credential::Bearer("secret".into());
        assert_eq!(token_id(&access, &bearer), "2bb80d53");
        assert_eq!(token_id(&access, &Credential::JobToken("secret".into())), "2bb80d53");
        let basic = Credential::Basic {
            user: "ada".into(),
            password: "secret".into(),
        };
        assert_eq!(token_id(&access, &basic), "password");
        assert_eq!(token_id(&access, &Credential::Cookie("secret".into())), "session");
        access.token_id = Some("12".into());
        assert_eq!(token_id(&access, &bearer), "12");
    }

    #[test]
    fn a_fact_has_no_space_and_no_control_character() {
        assert_eq!(encoded("a b%c\né"), "a%20b%25c%0A%C3%A9");
        assert_eq!(encoded(&"x".repeat(300)).len(), FACT_CHARS_MAX);
    }
}
