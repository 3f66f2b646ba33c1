//! Import `mlforge:plugin/leave`: issues upload tokens.

use crate::auth::upload_token::{LIFE_MS_MAX, Purpose, TICKET};
use crate::runtime::bindings::leave as wit;
use crate::runtime::store_data::StoreData;

/// Maximum number of upload tokens in one call.
const TICKETS_MAX: usize = 10_000;

impl wit::Host for &mut StoreData {
    fn give(&mut self, paths: Vec<String>, expires_ms: u64) -> Option<Vec<wit::Ticket>> {
        let (lent, project) = self.writable()?;
        let leave = self.leave()?;
        if paths.len() > TICKETS_MAX {
            return None;
        }
        let expires_ms = expires_ms.min(lent.now_ms().saturating_add(LIFE_MS_MAX));
        let ticket = |path: String| {
            let purpose = Purpose { project, path: &path };
            let sealed = lent.tickets.seal(purpose, expires_ms, &leave.credential)?;
            Some(wit::Ticket {
                url: format!("{}{path}", leave.mount),
                headers: vec![(TICKET.to_string(), sealed)],
            })
        };
        paths.into_iter().map(ticket).collect()
    }
}
