//! `cargo xtask`: set-up and tests of mlforge, from a machine that has only Rust and Python to a running server.
//!
//! It must not know how mlforge works: it calls cargo, rustup, apt-get, Python and pytest, as a person would.

mod background;
mod bench;
mod browser;
mod clients;
mod debian;
mod deny;
mod differential;
mod environment;
mod forges;
mod installation;
mod lanes;
mod layout;
mod lint;
mod node;
mod package;
mod postgres;
mod runtimes;
mod s3;
mod serve;
mod soak;
mod step;
mod suite;
mod wasm;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::suite::Part;

/// The help text.
const USAGE: &str = "\
usage: cargo xtask serve [-- ARGS of mlforge serve]
       cargo xtask check
       cargo xtask test [PART]... [-- ARGS of the one part named]
       cargo xtask setup [PART]...
       cargo xtask package [--profile dist|release|dev] [--revision N]
       cargo xtask bench [-- ARGS of mlforge-bench]

serve    gets the wasm target, builds mlforge with the profile `release` and starts `mlforge serve`
check    rustfmt, clippy and unit tests: what to run between two changes
test     the same set-up, then every part of the test suite, or only those named:
  lint     rustfmt and clippy
  deny     licences and sources of all packages, and known advisories where cargo-deny is installed
  rust     unit tests and hermetic tests (cargo test)
  clients  the real MLflow clients against a running mlforge (Python, pytest)
  differential
           MLflow's own server and mlforge are asked the same (Python, pytest)
  forges   nginx, Caddy and Redmine, which apt-get installs, in front of and beside a running mlforge (Python, pytest)
  browser  Chromium, which apt-get installs, on every page that links lead to (Python, pytest); pictures in target/browser
  package  the Debian package is installed on this machine, upgraded and removed (root or sudo, Python, pytest)
  postgres PostgreSQL from Debian's package: records, the front door, and three servers behind nginx that are killed under
           load (-- hosts --help tells more of the last)
  runtimes the component in `wasmtime serve`: the real MLflow clients (Python, pytest)
  node     the component in Node, transpiled by jco: MLflow's client, and hermetic tests (npm, Python, pytest)
  s3       what keeps files in S3, against Garage, a real server that is compiled from crates.io once
  soak     kills, full disks and long load, each answer compared with a model (-- --help tells more)
setup    gets what the tests of some parts or of all need, and runs none: Python environments, Debian's packages, Garage
package  builds mlforge with the profile `dist`, and makes a Debian package and an archive in target/package
bench    builds mlforge with the profile `dist` and measures it: rate, latency, CPU, memory, disk (-- --help tells more)

examples:
  cargo xtask serve -- --listen 127.0.0.1:5000
  cargo xtask test
  cargo xtask test clients -- -k history
  cargo xtask test soak --minutes 60
  cargo xtask test postgres -- hosts --minutes 10
  cargo xtask bench -- --quick";

/// One call of this program.
#[derive(Debug, PartialEq)]
enum Call {
    Serve,
    Check,
    Test(Vec<Part>),
    SetUp { parts: Vec<Part>, with_parent: bool },
    Package(package::Options),
    Bench,
    Help,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (own, rest) = split_at_dashes(&args);
    let outcome = match parse(own, rest) {
        Ok(Call::Serve) => serve::run_server(rest),
        Ok(Call::Check) => lint::run_check(),
        Ok(Call::Test(parts)) => suite::run_parts(&parts, rest),
        Ok(Call::SetUp { parts, with_parent }) => {
            if with_parent {
                background::end_with_parent();
            }
            suite::set_up(&parts)
        }
        Ok(Call::Package(options)) => package::run_package(&options),
        Ok(Call::Bench) => bench::run_bench(rest),
        Ok(Call::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(error) => {
            eprintln!("xtask: {error:#}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The call that the arguments of xtask itself ask for. `rest` is passed on.
fn parse(own: &[String], rest: &[String]) -> Result<Call> {
    let Some((command, parts)) = own.split_first() else {
        bail!("no command given");
    };
    match (command.as_str(), parts, rest) {
        ("serve", [], _) => Ok(Call::Serve),
        ("bench", [], _) => Ok(Call::Bench),
        ("package", [], options) => Ok(Call::Package(package::Options::parse(options)?)),
        ("check", [], []) => Ok(Call::Check),
        ("test", parts, rest) => Ok(Call::Test(Part::parse_all(parts, rest)?)),
        ("setup", parts, rest) if rest.iter().all(|arg| arg == background::WITH_PARENT) => Ok(Call::SetUp {
            parts: Part::parse_all(parts, &[])?,
            with_parent: !rest.is_empty(),
        }),
        ("help" | "--help" | "-h", ..) => Ok(Call::Help),
        _ => bail!("cannot run {command:?} with these arguments"),
    }
}

/// The arguments of xtask itself, and those to pass on: all after `--`, or from the first option on.
fn split_at_dashes(args: &[String]) -> (&[String], &[String]) {
    let is_option = |(index, arg): (usize, &String)| index > 0 && arg.starts_with('-');
    let split = args.iter().enumerate().position(is_option).unwrap_or(args.len());
    let (own, rest) = args.split_at_checked(split).unwrap_or((args, &[]));
    match rest.split_first() {
        Some((dashes, rest)) if dashes == "--" => (own, rest),
        _ => (own, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_passed_on_with_dashes_before_them_or_without() {
        let split = |text: &str| {
            let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
            let (own, rest) = split_at_dashes(&args);
            (own.join(" "), rest.join(" "))
        };
        let halves = |own: &str, rest: &str| (own.to_owned(), rest.to_owned());
        for args in ["test soak --minutes 60", "test soak -- --minutes 60"] {
            assert_eq!(split(args), halves("test soak", "--minutes 60"));
        }
        assert_eq!(split("test clients -- -k a -- b"), halves("test clients", "-k a -- b"));
        assert_eq!(split("test rust -- name"), halves("test rust", "name"));
        assert_eq!(split("--help"), halves("--help", ""));
    }

    #[test]
    fn commands_take_the_arguments_that_they_have_a_use_for() {
        let call = |text: &str| {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            let (own, rest) = split_at_dashes(&args);
            parse(own, rest).ok()
        };
        assert_eq!(call("serve -- --listen 127.0.0.1:0"), Some(Call::Serve));
        assert_eq!(call("check"), Some(Call::Check));
        assert_eq!(call("test soak deny"), Some(Call::Test(vec![Part::Soak, Part::Deny])));
        let (parts, with_parent) = (vec![Part::S3], true);
        assert_eq!(call("setup s3 --with-parent"), Some(Call::SetUp { parts, with_parent }));
        assert_eq!(call("--help"), Some(Call::Help));
        for wrong in [
            "",
            "serve twice",
            "check fast",
            "check --fast",
            "test all",
            "setup --fast",
            "bench fast",
            "package fast",
            "package --fast",
        ] {
            assert_eq!(call(wrong), None, "{wrong}");
        }
    }
}
