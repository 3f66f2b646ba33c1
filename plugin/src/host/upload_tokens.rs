//! Upload tokens. Each authorises one PUT by a client that sends no access token, as clients send the parts of a file.

use crate::bindings::mlforge::plugin::upload_tokens as host;

/// A request that the host takes without an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadToken {
    /// The absolute address to send it to.
    pub url: String,
    /// Names and values of the headers that it must carry.
    pub headers: Vec<(String, String)>,
}

/// Makes a token for a PUT to each of these paths, good until `expires_ms`, in milliseconds since the Unix epoch.
///
/// None when the host does not know its own address, or when the caller may not write or has no credential.
pub fn issue(paths: &[String], expires_ms: u64) -> Option<Vec<UploadToken>> {
    let tokens = host::issue(paths, expires_ms)?;
    let token = |token: host::UploadToken| UploadToken {
        url: token.url,
        headers: token.headers,
    };
    Some(tokens.into_iter().map(token).collect())
}

/// True if the caller can get tokens.
pub fn can_issue() -> bool {
    host::issue(&[], 0).is_some()
}
