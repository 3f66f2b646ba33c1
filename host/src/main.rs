//! The binary `mlforge`. All its code is in [`cli`].

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
