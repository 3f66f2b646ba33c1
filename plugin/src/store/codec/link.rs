//! The stored form of a run's links: dataset inputs, model inputs and model outputs. Each ends with the time
//! at which it was logged, by which links are listed. Records written before that time was stored end without
//! it.

use super::{Reader, Writer};
use crate::domain::experiment::Pair;
use crate::error::Result;

/// Nanoseconds per millisecond.
pub const NS_PER_MS: i64 = 1_000_000;

/// The time at which something was logged, and its position in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoggedAt {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Position in the request, from 0.
    pub index: u64,
}

impl LoggedAt {
    /// Returns the times of the items of one request, in order.
    pub fn each(time_ns: i64) -> impl Iterator<Item = LoggedAt> {
        (0..).map(move |index| LoggedAt { time_ns, index })
    }
}

impl Writer {
    fn logged_at(self, at: Option<LoggedAt>) -> Self {
        match at {
            Some(at) => self.signed(at.time_ns).number(at.index),
            None => self,
        }
    }
}

impl Reader<'_> {
    fn logged_at(&mut self) -> Result<Option<LoggedAt>> {
        if self.is_at_end() {
            return Ok(None);
        }
        let (time_ns, index) = (self.signed()?, self.number()?);
        Ok(Some(LoggedAt { time_ns, index }))
    }
}

/// Writes a dataset input: its tags; the dataset is in the key.
pub fn write_input(tags: &[Pair], at: Option<LoggedAt>) -> Vec<u8> {
    let start = Writer::new().length(tags.len());
    let pairs = tags
        .iter()
        .fold(start, |writer, (key, value)| writer.text(key).text(value));
    pairs.logged_at(at).0
}

/// Reads a dataset input.
pub fn read_input(bytes: &[u8]) -> Result<(Vec<Pair>, Option<LoggedAt>)> {
    let mut reader = Reader::new("dataset input", bytes)?;
    let count = reader.length()?;
    let mut tags = Vec::new();
    for _ in 0..count {
        tags.push((reader.text()?, reader.text()?));
    }
    let at = reader.logged_at()?;
    reader.end((tags, at))
}

/// Writes a model input; the model is in the key. Without a time it has no bytes.
pub fn write_model_input(at: Option<LoggedAt>) -> Vec<u8> {
    Writer(Vec::new()).logged_at(at).0
}

/// Reads a model input.
pub fn read_model_input(bytes: &[u8]) -> Result<Option<LoggedAt>> {
    let mut reader = Reader::bare("model input", bytes);
    let at = reader.logged_at()?;
    reader.end(at)
}

/// Writes a model output: the step at which it was made; the model is in the key.
pub fn write_model_output(step: i64, at: Option<LoggedAt>) -> Vec<u8> {
    Writer(Vec::new()).signed(step).logged_at(at).0
}

/// Reads a model output.
pub fn read_model_output(bytes: &[u8]) -> Result<(i64, Option<LoggedAt>)> {
    let mut reader = Reader::bare("model output", bytes);
    let (step, at) = (reader.signed()?, reader.logged_at()?);
    reader.end((step, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn links_read_back(tags in any::<Vec<(String, String)>>(), step in any::<i64>(), at in any::<Option<(i64, u64)>>()) {
            let at = at.map(|(time_ns, index)| LoggedAt { time_ns, index });
            prop_assert_eq!(read_input(&write_input(&tags, at)), Ok((tags, at)));
            prop_assert_eq!(read_model_input(&write_model_input(at)), Ok(at));
            prop_assert_eq!(read_model_output(&write_model_output(step, at)), Ok((step, at)));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(bytes in any::<Vec<u8>>()) {
            let _ = (read_input(&bytes), read_model_input(&bytes), read_model_output(&bytes));
        }
    }

    #[test]
    fn links_written_without_a_time_are_read() {
        assert_eq!(read_model_input(&[]), Ok(None));
        assert_eq!(read_model_output(&7_u64.to_be_bytes()), Ok((7, None)));
        assert!(read_model_input(&[1]).is_err() && read_model_output(&[0; 9]).is_err());
    }
}
