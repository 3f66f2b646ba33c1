//! The ids of traces and spans.

use std::fmt;

use crate::domain::id::RunId;
use crate::domain::name::missing;
use crate::error::{Error, Result};

/// Largest number of bytes of a trace's id. The id is one name in the path of the trace's files.
pub const TRACE_ID_BYTES_MAX: usize = 250;

/// A trace's id. Clients choose it: `tr-` and 32 hex digits of OpenTelemetry, or any other name of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(String);

/// The id of a span within its trace.
pub type SpanId = [u8; 8];

impl TraceId {
    /// Reads an id that a client chose for a new trace.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::Invalid(format!(
                "Invalid value {text:?} for parameter 'trace_id' supplied: {why}"
            ))
        };
        if text.is_empty() {
            return Err(missing("trace_id"));
        }
        if text.contains(['%', '?', '#']) || text.contains(char::is_control) {
            return Err(invalid("must not contain '%', '?', '#' or control characters"));
        }
        if text.contains(['/', '\\']) || text.ends_with(['.', ' ']) {
            return Err(invalid("must be a single path component"));
        }
        if text.len() > TRACE_ID_BYTES_MAX {
            return Err(invalid(&format!("must have at most {TRACE_ID_BYTES_MAX} bytes")));
        }
        Ok(TraceId(text.to_owned()))
    }

    /// Reads an id by which a trace is looked for. A text that is no id is not found.
    pub fn find(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|_| not_found(text))
    }

    /// An id as it was stored.
    pub fn stored(text: &str) -> Self {
        TraceId(text.to_owned())
    }

    /// The id of a trace of OpenTelemetry.
    pub fn of_telemetry(bytes: [u8; 16]) -> Self {
        TraceId(format!("tr-{}", RunId(bytes)))
    }

    /// A new id of MLflow 2: 32 hex digits.
    pub fn random(bytes: [u8; 16]) -> Self {
        TraceId(RunId(bytes).to_string())
    }

    /// The id of OpenTelemetry. All zeros if the trace has none.
    pub fn telemetry(&self) -> [u8; 16] {
        let digits = self.0.strip_prefix("tr-").unwrap_or(&self.0);
        RunId::parse(digits).map(|RunId(bytes)| bytes).unwrap_or_default()
    }

    /// The id as clients write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error for an id that names no trace of this project.
    pub fn not_found(&self) -> Error {
        not_found(&self.0)
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!("Trace with ID '{id}' not found."))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hex digits. `None`: the text is not hex.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let pair = std::str::from_utf8(pair).ok()?;
        let is_hex = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)
    };
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_name_of_a_path() {
        for good in ["tr-00", "a b", "트레이스", &"x".repeat(250)] {
            assert!(TraceId::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a/b",
            "..",
            ".",
            "a.",
            "a ",
            "a%",
            "a?",
            "a#",
            "a\n",
            "a\\b",
            &"x".repeat(251),
        ] {
            assert!(matches!(TraceId::parse(bad), Err(Error::Invalid(_))), "{bad:?}");
            assert!(matches!(TraceId::find(bad), Err(Error::NotFound(_))), "{bad:?}");
        }
    }

    #[test]
    fn an_id_of_telemetry_reads_back() {
        let bytes = [0xab; 16];
        let id = TraceId::of_telemetry(bytes);
        assert_eq!(id.as_str(), format!("tr-{}", "ab".repeat(16)));
        assert_eq!(id.telemetry(), bytes);
        assert_eq!(TraceId::stored("own").telemetry(), [0; 16]);
        assert_eq!(from_hex(&hex(&bytes)).as_deref(), Some(&bytes[..]));
        assert_eq!((from_hex("+1"), from_hex("abc")), (None, None));
    }
}
