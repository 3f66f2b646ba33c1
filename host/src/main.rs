//! The binary `mlforge`: arguments in, exit code out. All else is in [`cli`].

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
