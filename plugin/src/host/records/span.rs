//! Ranges of keys, for scans of the host's records.

/// A half-open range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lowest key in the range.
    pub start: Vec<u8>,
    /// The lowest key above the range.
    pub end: Vec<u8>,
}

impl Span {
    /// All keys with this prefix, which must not end with the byte 255.
    pub fn of_prefix(prefix: Vec<u8>) -> Self {
        let mut end = prefix.clone();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Span { start: prefix, end }
    }

    /// Only this key.
    pub fn of_key(key: Vec<u8>) -> Self {
        Span {
            start: key.clone(),
            end: key,
        }
        .with_end()
    }

    /// The span with its end included.
    pub fn with_end(mut self) -> Self {
        self.end.push(0);
        self
    }

    /// The part of the span after this key.
    pub fn after(&self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0);
        Span {
            start: start.max(self.start.clone()),
            end: self.end.clone(),
        }
    }
}
