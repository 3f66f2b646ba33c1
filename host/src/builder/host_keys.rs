//! The keys of a host: given to it, or random.

use anyhow::anyhow;
use sha2::{Digest, Sha256};

/// The key that seals sign-ins under way, from the key that all hosts share. So a sign-in may end on another host.
pub(super) fn flow_key(shared: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix(b"mlforge sign-in flow")
        .chain_update(shared)
        .finalize()
        .into()
}

/// A random key, for a host that shares none.
pub(super) fn new_key() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow!("no random bytes for a key: {error}"))?;
    Ok(key)
}
