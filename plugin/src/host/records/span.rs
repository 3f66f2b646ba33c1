//! Ranges of keys: what a scan of the host's records takes.

/// A half-open range of keys: what `scan` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lowest key that belongs to it.
    pub start: Vec<u8>,
    /// The lowest key above it.
    pub end: Vec<u8>,
}

impl Span {
    /// All keys that begin with these bytes, which do not end with 255.
    pub fn of_prefix(prefix: Vec<u8>) -> Self {
        let mut end = prefix.clone();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Span { start: prefix, end }
    }

    /// This key alone.
    pub fn of_key(key: Vec<u8>) -> Self {
        Span {
            start: key.clone(),
            end: key,
        }
        .with_end()
    }

    /// The same and the key at its end.
    pub fn with_end(mut self) -> Self {
        self.end.push(0);
        self
    }

    /// The same without everything up to this key.
    pub fn after(&self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0);
        Span {
            start: start.max(self.start.clone()),
            end: self.end.clone(),
        }
    }
}
