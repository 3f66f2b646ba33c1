//! `mlforge inspect`: the records of a project in words, as the component's own code reads them.

use std::io::{BufWriter, ErrorKind, Write};
use std::ops::ControlFlow;

use anyhow::{Context, bail};
use clap::Args;
use mlforge::storage::ProjectId;
use mlforge_plugin::store::inspection::inspect as in_words;

use super::place::Place;
use super::snapshot::Snapshot;

pub(super) const EXAMPLES: &str = "\
Prints one line a record, in the order of keys: the family, the fields of the key, and the value. Nothing is changed, and a
server may be running. docs/format.md describes the families.

Examples:
  mlforge inspect 1                                             everything of project 1
  mlforge inspect 1 --prefix e                                  its experiments
  mlforge inspect 1 --prefix r:018bcfe568007b4c81574d78b9d74d81 a run
  mlforge inspect 1 --prefix n:=cats                            the names of experiments that begin with `cats`";

/// Options of `mlforge inspect`.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Number of the project
    project: u64,

    /// Only keys that begin so: parts joined by colons, each a letter, bytes in hex, or = and a text
    #[arg(long, value_name = "PARTS", default_value = "", value_parser = parse_prefix)]
    prefix: Prefix,
}

/// The bytes with which keys begin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefix(Vec<u8>);

pub(super) fn inspect(place: &Place, options: &Inspect) -> anyhow::Result<()> {
    let snapshot = Snapshot::open(place)?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let (mut failed, mut unreadable) = (None, 0_u64);
    snapshot.scan(ProjectId(options.project), &options.prefix.0, |key, value| {
        let line = match in_words(key, value) {
            Ok(record) => record.to_string(),
            Err(error) => {
                unreadable += 1;
                format!("UNREADABLE {error}")
            }
        };
        match writeln!(output, "{line}") {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    let written = failed.map_or_else(|| output.flush(), Err);
    match written {
        // The reader has seen enough, as `head` has.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
        written => written.context("cannot write to stdout")?,
    }
    if unreadable > 0 {
        bail!("{unreadable} records cannot be read");
    }
    Ok(())
}

fn parse_prefix(text: &str) -> Result<Prefix, String> {
    let mut bytes = Vec::new();
    for part in text.split(':').filter(|part| !part.is_empty()) {
        match part.strip_prefix('=') {
            Some(text) => bytes.extend_from_slice(text.as_bytes()),
            None if part.len() == 1 && part.is_ascii() => bytes.extend_from_slice(part.as_bytes()),
            None => bytes.extend(from_hex(part).ok_or_else(|| format!("`{part}` is no letter, no hex, and no =text"))?),
        }
    }
    Ok(Prefix(bytes))
}

/// The bytes of hex digits. `None`: they are none.
fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = rest.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_letters_bytes_and_texts() {
        let bytes = |text: &str| parse_prefix(text).map(|prefix| prefix.0);
        assert_eq!(bytes(""), Ok(vec![]));
        assert_eq!(bytes("r:01ff:m:=loss"), Ok(b"r\x01\xffmloss".to_vec()));
        assert!(bytes("r:01f").is_err() && bytes("r:loss").is_err() && bytes("é").is_err());
    }
}
