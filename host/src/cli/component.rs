//! `mlforge component`: writes the component to a file, for runtimes other than this host.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use mlforge_component::{ABSENT, COMPONENT};
use mlforge_compose::{imports, supply};
use sha2::{Digest, Sha256};

pub(super) const EXAMPLES: &str = "\
Prints the file, the version, the SHA-256 digest, the size, and each interface that a runtime must lend to the component.

Examples:
  mlforge component --output mlforge.wasm
  mlforge component --output mlforge.wasm --without blobs,forge,upload-tokens,direct-transfers,report";

#[derive(Debug, Args)]
pub(super) struct Component {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Interfaces that the runtime does not have: the component answers as if there were no such thing
    #[arg(long, value_name = "INTERFACE", value_delimiter = ',')]
    without: Vec<Optional>,
}

/// An import that a host need not lend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Optional {
    /// Artifacts are answered with 501. Direct transfers are left out too, since they make files
    Blobs,
    /// No CI jobs and no commit statuses
    Forge,
    /// Large files are sent in one request
    UploadTokens,
    /// All bytes of files pass the host
    DirectTransfers,
    /// Faults of the component are not logged
    Report,
}

impl Optional {
    /// The name of the interface in `mlforge:plugin`.
    fn interface(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Forge => "forge",
            Self::UploadTokens => "upload-tokens",
            Self::DirectTransfers => "direct-transfers",
            Self::Report => "report",
        }
    }

    /// True if a component that was written without `left_out` does not import this one. Direct transfers name an error of `blobs`.
    fn is_without(self, left_out: Self) -> bool {
        self == left_out || (self == Self::DirectTransfers && left_out == Self::Blobs)
    }
}

/// Writes the file and prints facts about it.
pub(super) fn write(options: &Component) -> anyhow::Result<()> {
    let component = component(&options.without)?;
    let file = options.output.display();
    fs::write(&options.output, &component).with_context(|| format!("cannot write {file}"))?;
    let mut facts = format!(
        "file\t{file}\nversion\t{}\nsha256\t{:x}\nbytes\t{}\n",
        env!("CARGO_PKG_VERSION"),
        Sha256::digest(&component),
        component.len()
    );
    for import in imports(&component)? {
        facts.push_str(&format!("import\t{}\n", import.name()));
    }
    // Unlike `print!` this does not panic when the reader has gone.
    let written = std::io::stdout().write_all(facts.as_bytes());
    written.context("cannot write to stdout")
}

/// The built-in component, with a substitute for these interfaces.
fn component(without: &[Optional]) -> anyhow::Result<Vec<u8>> {
    if without.is_empty() {
        return Ok(COMPONENT.to_vec());
    }
    let is_absent = |interface: &mlforge_compose::Interface| {
        let optional = Optional::value_variants()
            .iter()
            .find(|optional| interface.is_own(optional.interface()));
        optional.is_some_and(|optional| without.iter().any(|left_out| optional.is_without(*left_out)))
    };
    supply(COMPONENT, ABSENT, is_absent).context("cannot compose the component")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the imports, without the versions.
    fn imports_without(without: &[Optional]) -> Vec<String> {
        let component = component(without).unwrap();
        let short = |import: mlforge_compose::Interface| import.name().split('@').next().unwrap().to_owned();
        imports(&component).unwrap().into_iter().map(short).collect()
    }

    #[test]
    fn an_import_that_is_left_out_is_gone_and_the_others_stay() {
        let mut all = imports_without(&[]);
        all.sort();
        for optional in Optional::value_variants() {
            let gone: &[&str] = match optional {
                Optional::Blobs => &["mlforge:plugin/blobs", "mlforge:plugin/direct-transfers"],
                Optional::Forge => &["mlforge:plugin/forge"],
                Optional::UploadTokens => &["mlforge:plugin/upload-tokens"],
                Optional::DirectTransfers => &["mlforge:plugin/direct-transfers"],
                Optional::Report => &["mlforge:plugin/report"],
            };
            assert!(
                gone.iter().all(|name| all.iter().any(|import| import == name)),
                "{gone:?}: {all:?}"
            );
            let mut expected = all.clone();
            expected.retain(|import| !gone.contains(&import.as_str()));
            let mut rest = imports_without(&[*optional]);
            rest.sort();
            assert_eq!(rest, expected, "without {optional:?}");
        }
    }

    #[test]
    fn the_same_choice_makes_the_same_bytes() {
        let without = [Optional::Blobs, Optional::Report];
        assert_eq!(component(&without).unwrap(), component(&without).unwrap());
    }

    #[test]
    fn without_all_that_is_optional_only_records_and_wasi_are_left() {
        let rest = imports_without(Optional::value_variants());
        let (own, wasi): (Vec<_>, Vec<_>) = rest.iter().partition(|import| import.starts_with("mlforge:"));
        assert_eq!(own, ["mlforge:plugin/records"]);
        assert!(wasi.iter().all(|import| import.starts_with("wasi:")), "{wasi:?}");
    }
}
