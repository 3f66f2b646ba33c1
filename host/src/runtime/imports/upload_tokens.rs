//! Import `mlforge:plugin/upload-tokens`: issues upload tokens.

use crate::auth::upload_token::{LIFE_MS_MAX, TokenBinding, UPLOAD_TOKEN};
use crate::runtime::bindings::upload_tokens as wit;
use crate::runtime::store_data::StoreData;

/// Maximum number of upload tokens in one call.
const TOKENS_MAX: usize = 10_000;

impl wit::Host for &mut StoreData {
    fn issue(&mut self, paths: Vec<String>, expires_ms: u64) -> Option<Vec<wit::UploadToken>> {
        let (services, project) = self.writable()?;
        let token_issuer = self.token_issuer()?;
        if paths.len() > TOKENS_MAX {
            return None;
        }
        let expires_ms = expires_ms.min(services.now_ms().saturating_add(LIFE_MS_MAX));
        let token = |path: String| {
            let binding = TokenBinding { project, path: &path };
            let sealed = services
                .upload_tokens
                .seal(binding, expires_ms, &token_issuer.credential)?;
            Some(wit::UploadToken {
                url: format!("{}{path}", token_issuer.mount),
                headers: vec![(UPLOAD_TOKEN.to_string(), sealed)],
            })
        };
        paths.into_iter().map(token).collect()
    }
}
