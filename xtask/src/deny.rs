//! The packages that mlforge is built from: `deny.toml` says which licences and sources they may have.
//!
//! Both are checked here without a tool. Where cargo-deny is installed it looks up known advisories too.

use std::fs;
use std::iter::Peekable;
use std::vec;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::{cargo, output_of, run, step, succeeds};

/// The name of crates.io in `Cargo.lock`.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package of every platform, and asks cargo-deny if it is there.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    step("licences and sources of packages", || {
        let deny = fs::read_to_string(layout.root.join("deny.toml")).context("cannot read deny.toml")?;
        check_licences(&packages(layout)?, &allowed_licences(&deny)?)?;
        check_sources(&fs::read_to_string(layout.root.join("Cargo.lock")).context("cannot read Cargo.lock")?)
    })?;
    if !succeeds(cargo(&layout.root).args(["deny", "--version"])) {
        eprintln!("    advisories were not looked up: cargo-deny is not installed");
        return Ok(());
    }
    step("cargo deny", || {
        let mut checks = vec!["bans", "licenses", "sources"];
        if succeeds(cargo(&layout.root).args(["deny", "fetch", "db"])) {
            checks.push("advisories");
        } else {
            eprintln!("    advisories were not looked up: their database cannot be fetched");
        }
        run(cargo(&layout.root).args(["deny", "check"]).args(checks))
    })
}

/// A line `licence|name version` for each package, also of other platforms. Empty lines part the members of the workspace.
fn packages(layout: &Layout) -> Result<String> {
    let tree = ["tree", "--workspace", "--all-features", "--target", "all", "--locked"];
    let form = ["--prefix", "none", "--format", "{l}|{p}"];
    output_of(cargo(&layout.root).args(tree).args(form)).context("cargo tree failed; is Cargo.lock up to date?")
}

fn check_licences(packages: &str, allowed: &[String]) -> Result<()> {
    let mut refused: Vec<&str> = packages
        .lines()
        .filter(|line| !line.is_empty())
        .filter(|line| {
            let licence = line.split_once('|').map_or("", |(licence, _)| licence);
            !is_allowed(licence, allowed)
        })
        .collect();
    refused.sort_unstable();
    refused.dedup();
    if !refused.is_empty() {
        bail!("deny.toml does not allow these licences:\n{}", refused.join("\n"));
    }
    Ok(())
}

fn check_sources(lock: &str) -> Result<()> {
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    match sources
        .map(|source| source.trim_matches('"'))
        .find(|source| *source != CRATES_IO)
    {
        Some(source) => bail!("Cargo.lock has a package that is not from crates.io but from {source}"),
        None => Ok(()),
    }
}

/// The list `allow` of the table `licenses`.
fn allowed_licences(deny: &str) -> Result<Vec<String>> {
    let table = deny.split("\n[").find_map(|table| table.strip_prefix("licenses]"));
    let list = table
        .and_then(|table| table.split_once("\nallow = ["))
        .and_then(|(_, list)| list.split_once(']'))
        .context("deny.toml has no list `allow` in its table `licenses`")?;
    Ok(list.0.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// True if the terms of an SPDX expression can be met with allowed licences alone.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    // Old manifests write a slash for `OR`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut terms = Terms {
        words: words.into_iter().peekable(),
        allowed,
    };
    terms.any() == Some(true) && terms.words.next().is_none()
}

/// Reads an SPDX expression: `AND` binds closer than `OR`. Each method is `None` where a licence is missing.
struct Terms<'a> {
    words: Peekable<vec::IntoIter<String>>,
    allowed: &'a [String],
}

impl Terms<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.takes("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.takes("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let met = self.any()?;
            return self.takes(")").then_some(met);
        }
        let mut licence = self.words.next()?;
        if self.takes("WITH") {
            licence = format!("{licence} WITH {}", self.words.next()?);
        }
        Some(self.allowed.contains(&licence))
    }

    fn takes(&mut self, word: &str) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<String> {
        let deny = "[graph]\nall-features = true\n\n[licenses]\n# Why.\nallow = [\n    \"MIT\",\n    \"ISC\",\n    \
                    \"Apache-2.0 WITH LLVM-exception\",\n]\n\n[bans]\nallow = [\"x\"]\n";
        allowed_licences(deny).unwrap()
    }

    #[test]
    fn the_list_of_licences_is_read_from_its_table() {
        assert_eq!(allowed(), ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
        assert!(allowed_licences("[bans]\nallow = [\"MIT\"]\n").is_err());
    }

    #[test]
    fn an_expression_is_allowed_if_allowed_licences_meet_it() {
        let meets = |expression| is_allowed(expression, &allowed());
        for expression in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Unlicense/MIT",
            "MIT AND ISC",
            "GPL-3.0 AND GPL-2.0 OR MIT",
            "(GPL-3.0 OR MIT) AND ISC",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
        ] {
            assert!(meets(expression), "{expression}");
        }
        for expression in [
            "",
            "GPL-3.0",
            "Apache-2.0",
            "MIT AND GPL-3.0",
            "MIT OR",
            "(MIT",
            "MIT ISC",
            "ISC WITH LLVM-exception",
            "(MIT OR ISC) AND GPL-3.0",
        ] {
            assert!(!meets(expression), "{expression}");
        }
    }

    #[test]
    fn a_package_without_an_allowed_licence_is_named() {
        let error = check_licences("MIT|a v1.0.0\n\nGPL-3.0|b v2.0.0\n|c v3.0.0", &allowed()).unwrap_err();
        assert!(error.to_string().ends_with("GPL-3.0|b v2.0.0\n|c v3.0.0"), "{error}");
        assert!(check_licences("MIT|a v1.0.0", &allowed()).is_ok());
    }

    #[test]
    fn a_package_from_elsewhere_is_named() {
        let from = |source| format!("[[package]]\nname = \"a\"\nsource = \"{source}\"\n");
        assert!(check_sources(&from(CRATES_IO)).is_ok());
        let error = check_sources(&from("git+https://example.org/a#1")).unwrap_err();
        assert!(error.to_string().contains("git+https://example.org/a"), "{error}");
    }
}
