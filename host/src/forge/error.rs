//! The error of a forge.

use std::fmt;
use std::time::Duration;

/// The forge cannot answer now, or its answer is not understood. The host answers 503 and never lets the request
/// through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeError {
    /// The reason, for the log. It has no secret.
    pub reason: String,
    /// The time after which the forge wants to be asked again. `None`: it does not say.
    pub retry_after: Option<Duration>,
}

impl ForgeError {
    /// An error for which the forge names no time.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the forge does not answer: {}", self.reason)
    }
}

impl std::error::Error for ForgeError {}
