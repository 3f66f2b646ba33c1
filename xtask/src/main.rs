//! `cargo xtask`: set-up and tests of mlforge, from a machine that has only Rust and Python to a running server.
//!
//! It must not know how mlforge works: it calls cargo, rustup, apt-get, Python and pytest, as a person would.

mod bench;
mod clients;
mod debian;
mod differential;
mod environment;
mod layout;
mod s3;
mod serve;
mod soak;
mod step;
mod suite;
mod wasm;

use std::env;
use std::process::ExitCode;

/// What `cargo xtask` prints when it is asked for help, or for something that it does not have.
const USAGE: &str = "\
usage: cargo xtask serve [-- ARGS of mlforge serve]
       cargo xtask test [lint] [rust] [s3] [clients] [differential] [soak] [-- ARGS of the one part named]
       cargo xtask bench [-- ARGS of mlforge-bench]

serve    gets the wasm target, builds mlforge in release mode and starts `mlforge serve`
test     the same set-up, then every part of the test suite, or only those named:
  lint     rustfmt and clippy
  rust     unit tests and hermetic tests (cargo test)
  s3       what keeps files in S3, against Garage, a real server that is compiled from crates.io once
  clients  the real MLflow clients against a running mlforge (Python, pytest)
  differential
           MLflow's own server and mlforge are asked the same (Python, pytest)
  soak     kills, full disks and long load, each answer compared with a model (-- --help tells more)
bench    builds mlforge in release mode and measures it: rate, latency, CPU, memory, disk (-- --help tells more)

examples:
  cargo xtask serve -- --listen 127.0.0.1:5000
  cargo xtask test
  cargo xtask test clients -- -k history
  cargo xtask test soak --minutes 60
  cargo xtask bench -- --quick";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (own, rest) = split_at_dashes(&args);
    let outcome = match own.split_first().map(|(command, own)| (command.as_str(), own)) {
        Some(("serve", [])) => serve::run_server(rest),
        Some(("bench", [])) => bench::run_bench(rest),
        Some(("test", parts)) => match suite::Part::parse_all(parts, rest) {
            Ok(parts) => suite::run_parts(&parts, rest),
            Err(error) => return wrong_arguments(&format!("{error:#}")),
        },
        Some(("help" | "--help" | "-h", _)) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some((command, _)) => return wrong_arguments(&format!("cannot run {command:?} with these arguments")),
        None => return wrong_arguments("no command given"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments of xtask itself, and those to pass on: all behind `--`, or from the first option on.
fn split_at_dashes(args: &[String]) -> (&[String], &[String]) {
    let is_option = |(index, arg): (usize, &String)| index > 0 && arg.starts_with('-');
    let split = args.iter().enumerate().position(is_option).unwrap_or(args.len());
    let (own, rest) = args.split_at_checked(split).unwrap_or((args, &[]));
    match rest.split_first() {
        Some((dashes, rest)) if dashes == "--" => (own, rest),
        _ => (own, rest),
    }
}

fn wrong_arguments(why: &str) -> ExitCode {
    eprintln!("xtask: {why}\n\n{USAGE}");
    ExitCode::from(2)
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
}
