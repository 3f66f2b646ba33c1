//! Messages for the host's log.

use crate::bindings::mlforge::plugin::report as host;

/// Logs a fault of the component, or of the data that it reads. The caller of the request does not see it.
pub fn fault(message: &str) {
    host::fault(message);
}
