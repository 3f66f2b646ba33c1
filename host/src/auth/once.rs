//! Links that sign in once. Whoever starts the server on a terminal gets one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::seal::{Key, random};
use crate::forge::Credential;

/// The validity of a link, in milliseconds.
const LIFE_MS: u64 = 10 * 60 * 1_000;

/// Makes the credential of a link's user, once the link is followed.
pub(crate) type MakeCredential = Box<dyn FnOnce() -> anyhow::Result<Credential> + Send>;

/// The link that is good now, if there is one.
#[derive(Default)]
pub(crate) struct OnceLink {
    link: Mutex<Option<Link>>,
    was_made: AtomicBool,
}

struct Link {
    /// The hash of the code. It is compared, so that the time of the comparison tells nothing of the code.
    hash: Key,
    expires_ms: u64,
    make: MakeCredential,
}

impl OnceLink {
    /// Makes a link and returns its code. A former one ends. `None`: the system has no random bytes.
    pub(crate) fn make(&self, make: MakeCredential, now_ms: u64) -> Option<String> {
        let code: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let link = Link {
            hash: hash(&code),
            expires_ms: now_ms.saturating_add(LIFE_MS),
            make,
        };
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
        self.was_made.store(true, Ordering::Relaxed);
        Some(code)
    }

    /// True if the server has such a link, or had one.
    pub(crate) fn was_made(&self) -> bool {
        self.was_made.load(Ordering::Relaxed)
    }

    /// Takes the link of this code, which is good no more then. `None`: it was followed already, has expired or never was.
    pub(crate) fn take(&self, code: &str, now_ms: u64) -> Option<MakeCredential> {
        let mut kept = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let is_this = kept.as_ref().is_some_and(|link| link.hash == hash(code));
        let link = if is_this { kept.take()? } else { return None };
        (now_ms < link.expires_ms).then_some(link.make)
    }
}

fn hash(code: &str) -> Key {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make() -> MakeCredential {
        Box::new(|| Ok(Credential::Bearer("t".into())))
    }

    #[test]
    fn a_link_is_good_once_and_for_ten_minutes() {
        let links = OnceLink::default();
        let code = links.make(make(), 0).unwrap();
        assert!(links.take("other", 1).is_none() && links.take("", 1).is_none());
        let credential = links.take(&code, LIFE_MS - 1).unwrap()().unwrap();
        assert_eq!(credential, Credential::Bearer("t".into()));
        assert!(links.take(&code, 1).is_none());
        let late = links.make(make(), 0).unwrap();
        assert!(links.take(&late, LIFE_MS).is_none() && links.take(&late, 0).is_none());
    }
}
