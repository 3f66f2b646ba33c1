//! The command line: its arguments, and the output of success and failure. `cli/serve.rs`, `cli/manage.rs`
//! and others implement the commands.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use mlforge::forge::ProjectRef;
use time::Date;
use time::macros::format_description;

use self::backup::{Backup, Restore};
use self::check::CheckArgs;
use self::component::Component;
use self::config::CliError;
use self::forge::ForgeArgs;
use self::inspect::Inspect;
use self::log::LogArgs;
use self::manage_commands::{MemberCommand, ProjectCommand, TokenCommand, UserCommand};
use self::maxima::MaximaArgs;
use self::monitoring::MonitoringArgs;
use self::place::PlaceArgs;
use self::sign_in::SignInArgs;
use self::status::Status;
use self::storage::{DirectArgs, FileStoreArgs};

mod backup;
mod check;
mod compile;
mod component;
mod config;
mod export;
mod forge;
mod import;
mod inspect;
mod log;
mod manage;
mod manage_commands;
mod manual;
mod maxima;
mod migrate;
mod monitoring;
mod place;
mod purge;
mod serve;
mod sign_in;
mod snapshot;
mod status;
mod storage;
#[cfg(test)]
mod tests;

/// Exit code for wrong arguments. A failed operation has 1.
const WRONG_ARGUMENTS: u8 = 2;

const EXAMPLES: &str = "\
Start, and log a first run from another shell:
  mlforge serve                    prints two `export` lines: paste them there
  python -c 'import mlflow; mlflow.log_metric(\"accuracy\", 0.9)'

Give a colleague a project (the server may be running):
  mlforge user create ada
  mlforge project create team/model
  mlforge member set team/model ada developer
  mlforge token create --user ada

Each command has its own help, for example: mlforge token create --help";

const SERVE_EXAMPLES: &str = "\
Examples:
  mlforge serve
  mlforge serve --data /var/lib/mlforge --listen 0.0.0.0:5000 --external-url https://ml.example.org
  MLFORGE_LOG=debug mlforge serve --listen 127.0.0.1:0
  mlforge serve --config /etc/mlforge.toml
  mlforge serve --forge gitea=https://git.example.org --external-url https://git.example.org
  mlforge serve --database postgres://mlforge@db.example.org/mlforge --database-password-file /etc/mlforge/password
  mlforge serve --files s3://models/mlforge --s3-endpoint https://s3.example.org --s3-region eu-1

--files needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or the role of a container or pod.
The two `export` lines go to stdout, logs to stderr. SIGINT or SIGTERM: finish what is under way, then stop.";

const PURGE_EXAMPLES: &str = "\
Runs and experiments go with their metrics, params, tags and files; what belongs to a model version stays. Prints the path of
each project and how many went. A running server does the same with: mlforge serve --purge-after DAYS

Example:
  mlforge purge --older-than 30 --project team/model";

/// MLflow tracking and model registry for a code forge
#[derive(Debug, Parser)]
#[command(name = "mlforge", version, after_help = EXAMPLES, arg_required_else_help = false)]
struct Cli {
    #[command(flatten)]
    place: PlaceArgs,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; the first start makes a project and a token
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<Serve>),
    /// Check a configuration file
    #[command(subcommand, arg_required_else_help = false)]
    Config(ConfigCommand),
    /// Compile the component into the data directory, as a first start does
    #[command(hide = true)]
    Compile {
        /// Another one than the built-in one
        #[arg(long, value_name = "FILE")]
        plugin: Option<PathBuf>,
    },
    /// Write the component to a file, for another runtime
    #[command(after_help = component::EXAMPLES)]
    Component(Component),
    /// Write man pages and shell completions into a directory
    #[command(hide = true)]
    Manual {
        /// The directory; made when absent
        dir: PathBuf,
    },
    /// Print the records of a project in words
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(Inspect),
    /// Verify what is stored
    #[command(after_help = check::EXAMPLES)]
    Check(CheckArgs),
    /// Copy everything that a server keeps, which may be running
    #[command(after_help = backup::EXAMPLES)]
    Backup(Backup),
    /// Make a data directory from a backup
    Restore(Restore),
    /// Show on a terminal how a running server is doing
    Status(Status),
    /// Remove for good what was deleted long ago; for a server that is not running
    #[command(after_help = PURGE_EXAMPLES)]
    Purge(Purge),
    /// Bring runs, models and files of another MLflow store into a project; for a server that is not running
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Write a project as a folder that a stock MLflow opens; for a server that is not running
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
    /// Move a data directory into a PostgreSQL database; for a server that is not running
    #[command(after_help = migrate::EXAMPLES)]
    Migrate(migrate::Migrate),
    /// Make and list projects
    #[command(subcommand, arg_required_else_help = false)]
    Project(ProjectCommand),
    /// Make and list users
    #[command(subcommand, arg_required_else_help = false)]
    User(UserCommand),
    /// Say who is what in a project
    #[command(subcommand, arg_required_else_help = false)]
    Member(MemberCommand),
    /// Make, list and revoke the tokens with which clients sign in
    #[command(subcommand, arg_required_else_help = false)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print each mistake of a file with its line
    Check {
        /// The TOML file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(args_override_self = true)]
struct Serve {
    /// TOML file with further options, in which each flag has a key of the same name; the command line wins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5000")]
    listen: std::net::SocketAddr,

    /// WebAssembly component to run instead of the built-in one
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,

    /// Give each request a fresh instance of the component: slower
    #[arg(long)]
    isolate: bool,

    /// Take sources of model versions with this scheme too, for example http; may be repeated. By default
    /// those with s3, gs, wasb(s), abfs(s), adl, dbfs, hdfs, https, ftp(s) and sftp are taken
    #[arg(long, value_name = "SCHEME")]
    allow_source: Vec<String>,

    /// Refuse sources of model versions with this scheme, for example https: clients that load one send their
    /// token along
    #[arg(long, value_name = "SCHEME")]
    deny_source: Vec<String>,

    /// Largest file that a client may upload, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 16 << 10, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    max_file_size: u64,

    #[command(flatten)]
    maxima: MaximaArgs,

    /// Requests a second that one token may send, and how many at once, for example 50:500; without it there is no bound
    #[arg(long, value_name = "RATE[:BURST]")]
    max_token_rate: Option<mlforge::Rate>,

    /// Requests a second that all clients of one project may send together, as in --max-token-rate
    #[arg(long, value_name = "RATE[:BURST]")]
    max_project_rate: Option<mlforge::Rate>,

    /// Remove for good what was deleted so many days ago, four times a day; without it deleted things stay
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    purge_after: Option<u64>,

    /// Remove traces that began so many days ago; without it they stay
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_500))]
    trace_retention: Option<u64>,

    /// Keep the audit log of each project for so many days; 0: keep none
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(0..=36_500))]
    audit_days: u64,

    /// Believe the header X-Forwarded-For of the proxy with this address, for the audit log; may be repeated
    #[arg(long, value_name = "ADDR")]
    trusted_proxy: Vec<std::net::IpAddr>,

    #[command(flatten)]
    forge: ForgeArgs,

    #[command(flatten)]
    files: FileStoreArgs,

    #[command(flatten)]
    direct: DirectArgs,

    #[command(flatten)]
    monitoring: MonitoringArgs,

    #[command(flatten)]
    log: LogArgs,

    #[command(flatten)]
    sign_in: SignInArgs,

    /// Serve MLflow's own web pages too, at /-/ml/mlflow-ui/ below each project: the static build of an installed MLflow,
    /// …/site-packages/mlflow/server/js/build
    #[arg(long, value_name = "DIR")]
    mlflow_ui: Option<PathBuf>,

    /// Address by which clients and browsers know the server, if not by its own, for example
    /// https://ml.example.org
    #[arg(long, value_name = "URL", value_parser = parse_base_url)]
    external_url: Option<String>,
}

#[derive(Debug, Args)]
struct Purge {
    /// Remove runs and experiments deleted at least this many days ago; 0: all deleted ones
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=36_500))]
    older_than: u64,

    /// Only in this project: its number or path
    #[arg(long, value_parser = parse_project)]
    project: Option<ProjectRef>,

    #[command(flatten)]
    files: FileStoreArgs,
}

/// Runs the command of the arguments. Returns the exit code.
pub(crate) fn run() -> ExitCode {
    match config::parse(std::env::args_os().collect()) {
        Err(CliError::Config(error)) => fail(&format!("{error:#}"), ExitCode::from(WRONG_ARGUMENTS)),
        Ok(cli) => match execute(&cli) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{error:#}"), ExitCode::FAILURE),
        },
        Err(CliError::Arguments(error))
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            // If stdout is closed, nobody can be told.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(CliError::Arguments(error)) => fail(&first_paragraph(&error), ExitCode::from(WRONG_ARGUMENTS)),
    }
}

fn execute(cli: &Cli) -> anyhow::Result<()> {
    let place = || cli.place.place();
    let made = || {
        let place = place()?;
        prepared(place.data())?;
        anyhow::Ok(place)
    };
    match &cli.command {
        Command::Config(command) => config::run(command),
        Command::Component(options) => component::write(options),
        Command::Manual { dir } => manual::write(dir),
        Command::Status(options) => status::status(&cli.place.data, options),
        Command::Inspect(options) => inspect::inspect(&cli.place.place()?, options),
        Command::Check(options) => check::check(&cli.place.place()?, options),
        Command::Backup(options) => backup::backup(cli.place.directory("backup")?, options),
        Command::Restore(options) => backup::restore(cli.place.directory("restore")?, options),
        Command::Serve(serve) => serve::serve(&made()?, serve),
        Command::Compile { plugin } => compile::compile(made()?.data(), plugin.as_deref()),
        Command::Purge(options) => purge::purge(&made()?, options),
        Command::Import(options) => import::import(&made()?, options),
        Command::Export(options) => export::export(&place()?, options),
        Command::Migrate(options) => migrate::migrate(&cli.place, options),
        Command::Project(command) => manage::project(&made()?, command),
        Command::User(command) => manage::user(&made()?, command),
        Command::Member(command) => manage::member(&made()?, command),
        Command::Token(command) => manage::token(&made()?, command),
    }
}

/// Makes a data directory when it is absent.
fn prepared(data: &Path) -> anyhow::Result<()> {
    create_private_dir(data).with_context(|| format!("cannot make the directory {}", data.display()))?;
    // An early test gives one clear message instead of one for each file that cannot be written.
    tempfile::tempfile_in(data).with_context(|| format!("cannot write to the data directory {}", data.display()))?;
    Ok(())
}

/// Prints an error in exactly one line, even if its cause has several.
fn fail(message: &str, code: ExitCode) -> ExitCode {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    // If stderr is closed, nobody can be told. `eprintln` would panic.
    _ = writeln!(std::io::stderr(), "mlforge: {line}");
    code
}

/// The error without clap's usage lines. Missing arguments are on lines of their own there.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    format!("{} (try --help)", paragraph.trim().trim_start_matches("error: "))
}

fn create_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn parse_project(text: &str) -> Result<ProjectRef, std::convert::Infallible> {
    Ok(ProjectRef::from(text))
}

fn parse_day(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "not a day as YYYY-MM-DD".to_owned())
}

/// Parses a base URL, to which `/api/v4/…` can be appended. It may have a path of its own.
fn parse_base_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    if !web || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
        return Err("not of the form https://host[:port][/path]".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
