//! The ids of experiments, runs and registered models.

use std::fmt;

use crate::error::{Error, Result};

/// An experiment's number in its project. The `Default` experiment has 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExperimentId(pub u64);

impl ExperimentId {
    /// The experiment that every project has from the start.
    pub const DEFAULT: ExperimentId = ExperimentId(0);

    /// Reads a decimal number, as MLflow 3 demands. A number too large for the counter is not found.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::Invalid(format!(
                "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
            )));
        }
        text.parse().map(ExperimentId).map_err(|_| not_found(text))
    }

    /// Reads several ids and returns each once, in ascending order. Ids that cannot exist are omitted.
    pub fn parse_all(texts: &[&str]) -> Result<Vec<Self>> {
        let mut ids = Vec::with_capacity(texts.len());
        for text in texts {
            match ExperimentId::parse(text) {
                Ok(id) => ids.push(id),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The error for an id that names no experiment of this project.
    pub fn not_found(self) -> Error {
        not_found(&self.to_string())
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!("No Experiment with id={id} exists"))
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run's id: 16 bytes, written as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub [u8; 16]);

/// The maximum length of a run id in MLflow's check of its form.
const RUN_ID_CHARS_MAX: usize = 256;

impl RunId {
    /// The id of a run created at this time, in milliseconds since the Unix epoch. It is a UUID of version 7
    /// (RFC 9562), which begins with the time. So runs created one after the other are neighbours in the
    /// storage. Reads and writes of the newest runs touch few of its pages.
    pub fn made_at(time_ms: i64, random: [u8; 16]) -> Self {
        const TIME: u128 = !0 << 80;
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        let random = u128::from_be_bytes(random) & !(TIME | VERSION | VARIANT);
        let time = u128::from(time_ms.max(0).unsigned_abs()) << 80;
        RunId((time | 7 << 76 | 0b10 << 62 | random).to_be_bytes())
    }

    /// Reads 32 lower-case hex digits. Any other text is not found, since this server makes no other ids.
    pub fn parse(text: &str) -> Result<Self> {
        let not_found = || Error::NotFound(format!("Run with id={text} not found"));
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let pairs: &[[u8; 2]; 16] = pairs.try_into().map_err(|_| not_found())?;
        if !rest.is_empty() {
            return Err(not_found());
        }
        let mut id = [0; 16];
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = hex_digit(*high)
                .zip(hex_digit(*low))
                .map(|(h, l)| h << 4 | l)
                .ok_or_else(not_found)?;
        }
        Ok(RunId(id))
    }

    /// Reads an id where MLflow checks its form first. A text that is an id on no server is invalid, instead
    /// of not found.
    pub fn parse_well_formed(text: &str) -> Result<Self> {
        let fits = text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
            && text.chars().count() <= RUN_ID_CHARS_MAX;
        if !fits {
            return Err(Error::Invalid(format!(
                "Invalid value {text:?} for parameter 'run_id' supplied."
            )));
        }
        RunId::parse(text)
    }

    /// The error for an id that names no run of this project.
    pub fn not_found(self) -> Error {
        Error::NotFound(format!("Run with id={self} not found"))
    }
}

fn digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for ([high, low], byte) in pairs.iter_mut().zip(self.0) {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

/// A registered model's number in its project, never used twice. Callers name models by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub u64);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_run_id_reads_back() {
        let id = RunId(std::array::from_fn(|i| u8::try_from(i * 17).unwrap()));
        assert_eq!(RunId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn the_id_of_a_new_run_is_a_uuid_that_begins_with_the_time() {
        // The example of RFC 9562, appendix A.6.
        let random = 0x0cc3_18c4_dc0c_0c07_398f_u128.to_be_bytes();
        let id = RunId::made_at(0x017f_22e2_79b0, random);
        assert_eq!(id.to_string(), "017f22e279b07cc398c4dc0c0c07398f");
        assert_eq!(
            RunId::made_at(-1, [255; 16]).to_string(),
            "0000000000007fffbfffffffffffffff"
        );
    }

    #[test]
    fn only_32_lower_case_hex_digits_name_a_run() {
        let good = "00112233445566778899aabbccddeeff";
        assert!(RunId::parse(good).is_ok());
        for bad in [
            "",
            "0",
            &good[1..],
            &good.to_uppercase(),
            &format!("{good}0"),
            "../../../../../../../etc/passwd..",
            "é",
        ] {
            assert!(matches!(RunId::parse(bad), Err(Error::NotFound(text)) if text.contains(bad)));
        }
    }

    #[test]
    fn a_malformed_run_id_is_invalid_where_the_form_is_checked() {
        for bad in ["../x", "-x", "", "a b", &"x".repeat(257)] {
            assert!(matches!(RunId::parse_well_formed(bad), Err(Error::Invalid(_))), "{bad}");
        }
        for unknown in ["none", "run_1-a", &"x".repeat(256)] {
            assert!(matches!(RunId::parse_well_formed(unknown), Err(Error::NotFound(_))));
        }
    }

    #[test]
    fn an_experiment_id_is_an_integer() {
        assert_eq!(ExperimentId::parse("12"), Ok(ExperimentId(12)));
        assert!(matches!(ExperimentId::parse("abc"), Err(Error::Invalid(_))));
        assert!(matches!(ExperimentId::parse(""), Err(Error::Invalid(_))));
        assert!(matches!(ExperimentId::parse("-1"), Err(Error::NotFound(_))));
        assert!(matches!(
            ExperimentId::parse("99999999999999999999999"),
            Err(Error::NotFound(_))
        ));
    }
}
