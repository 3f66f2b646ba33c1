//! The configuration file of `mlforge serve`: TOML, in which every flag of the command has a key of the same name.
//!
//! A file becomes arguments in front of those on the command line. So both have the same rules and messages, and the command
//! line wins.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches as _, Parser as _};
use toml::de::{DeTable, DeValue};

use super::{Cli, Command, ConfigCommand};

/// Maximum size of a configuration file, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;
const SERVE: &str = "serve";

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mistake {
    /// The line, from 1 on. `None`: no line alone is wrong.
    line: Option<usize>,
    message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => self.message.fmt(f),
        }
    }
}

/// A key of the file, as the arguments that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    line: usize,
    key: String,
    arguments: Vec<String>,
}

impl Setting {
    /// The mistake that the command finds in this key alone.
    fn mistake(&self) -> Option<Mistake> {
        let error = check(&self.arguments).err()?;
        // A key may need another one, which is not there now.
        (error.kind() != ErrorKind::MissingRequiredArgument).then(|| Mistake {
            line: Some(self.line),
            message: format!("`{}`: {}", self.key, explained(&error)),
        })
    }
}

/// Parses the arguments of the process, together with the configuration file that they name.
pub(super) fn parse(arguments: Vec<OsString>) -> Result<Cli, CliError> {
    let cli = Cli::try_parse_from(&arguments)?;
    let Command::Serve(serve) = &cli.command else {
        return Ok(cli);
    };
    let Some(file) = &serve.config else { return Ok(cli) };
    let settings = read(file).map_err(CliError::Config)?;
    let settings = settings.map_err(|mistakes| first(file, mistakes))?;
    let together = with_settings(arguments, &settings);
    Cli::try_parse_from(together).map_err(|error| match mistakes_of(&settings) {
        // The file is fine by itself: the fault is on the command line, or in both together.
        mistakes if mistakes.is_empty() => error.into(),
        mistakes => first(file, mistakes),
    })
}

/// The reason why arguments cannot be used.
pub(super) enum CliError {
    Arguments(clap::Error),
    Config(anyhow::Error),
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

/// `mlforge config …`.
pub(super) fn run(command: &ConfigCommand) -> anyhow::Result<()> {
    let ConfigCommand::Check { file } = command;
    let mistakes = read(file)?.map_or_else(|mistakes| mistakes, |settings| mistakes_of(&settings));
    for mistake in &mistakes {
        writeln!(std::io::stdout(), "{}: {mistake}", file.display()).context("cannot write to stdout")?;
    }
    match mistakes.len() {
        0 => Ok(()),
        1 => bail!("{} has a mistake", file.display()),
        count => bail!("{} has {count} mistakes", file.display()),
    }
}

fn first(file: &Path, mistakes: Vec<Mistake>) -> CliError {
    let count = mistakes.len();
    let more = if count > 1 {
        format!(" (one of {count} mistakes: mlforge config check {})", file.display())
    } else {
        String::new()
    };
    let mistake = mistakes
        .into_iter()
        .next()
        .map_or_else(String::new, |mistake| mistake.to_string());
    CliError::Config(anyhow::anyhow!("{}: {mistake}{more}", file.display()))
}

/// Reads the settings of a file, or all mistakes that hide them.
fn read(file: &PathBuf) -> anyhow::Result<Result<Vec<Setting>, Vec<Mistake>>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read the configuration {}", file.display()))?;
    if bytes.len() > FILE_BYTES_MAX {
        bail!(
            "the configuration {} has more than {FILE_BYTES_MAX} bytes",
            file.display()
        );
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{} is no UTF-8", file.display()))?;
    Ok(settings(&text))
}

fn settings(text: &str) -> Result<Vec<Setting>, Vec<Mistake>> {
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| Mistake {
            line: error.span().map(|span| line(span.start)),
            message: error.message().to_owned(),
        })
        .collect();
    let mut settings = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line(key.span().start);
        match arguments(key.get_ref(), value.get_ref()) {
            Ok(arguments) => settings.push(Setting {
                line,
                key: key.get_ref().to_string(),
                arguments,
            }),
            Err(message) => mistakes.push(Mistake {
                line: Some(line),
                message,
            }),
        }
    }
    settings.sort_by_key(|setting| setting.line);
    if mistakes.is_empty() {
        return Ok(settings);
    }
    // Those of the keys that can be read are told at the same time.
    mistakes.extend(settings.iter().filter_map(Setting::mistake));
    mistakes.sort_by_key(|mistake| mistake.line);
    Err(mistakes)
}

/// The arguments for which a key stands. A list stands for a flag that is repeated.
fn arguments(key: &str, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    if ["config", "help", "version"].contains(&key) {
        return Err(format!("`{key}` is no key of a configuration"));
    }
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(Some(format!("--{key}={text}"))),
        DeValue::Integer(number) if number.radix() == 10 => Ok(Some(format!("--{key}={}", number.as_str()))),
        DeValue::Boolean(true) => Ok(Some(format!("--{key}"))),
        DeValue::Boolean(false) => Ok(None),
        other => Err(format!(
            "`{key}` is a {}; it must be a text, a whole number, true or false, or a list of them",
            other.type_str()
        )),
    };
    match value {
        DeValue::Array(items) => items
            .iter()
            .filter_map(|item| one(item.get_ref()).transpose())
            .collect(),
        value => Ok(one(value)?.into_iter().collect()),
    }
}

/// The mistakes that the command finds in settings.
fn mistakes_of(settings: &[Setting]) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = settings.iter().filter_map(Setting::mistake).collect();
    if mistakes.is_empty()
        && let Err(error) = check(settings.iter().flat_map(|setting| &setting.arguments))
    {
        mistakes.push(Mistake {
            line: None,
            message: explained(&error),
        });
    }
    mistakes
}

/// The message of the command line, with the flag that was probably meant.
fn explained(error: &clap::Error) -> String {
    let message = super::first_paragraph(error).replace(" (try --help)", "");
    match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(similar)) => format!("{message}; there is {similar}"),
        _ => message,
    }
}

/// Parses the arguments of settings alone.
fn check<'a>(arguments: impl IntoIterator<Item = &'a String>) -> clap::error::Result<Cli> {
    let leading = ["mlforge", SERVE].map(str::to_owned);
    let arguments = leading.into_iter().chain(arguments.into_iter().cloned());
    let matches = Cli::command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// The arguments with those of the file in front, so that those of the command line win.
fn with_settings(arguments: Vec<OsString>, settings: &[Setting]) -> Vec<OsString> {
    let mut rest = arguments.into_iter();
    let mut together: Vec<OsString> = rest.next().into_iter().collect();
    together.push(SERVE.into());
    together.extend(
        settings
            .iter()
            .flat_map(|setting| &setting.arguments)
            .map(OsString::from),
    );
    // The flags before the command's name may follow it as well.
    let (mut is_found, mut is_value) = (false, false);
    for argument in rest {
        if !is_found && !is_value && argument == SERVE {
            is_found = true;
            continue;
        }
        is_value = argument == "--data";
        together.push(argument);
    }
    together
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Vec<String> {
        let mistakes = settings(text).map_or_else(|mistakes| mistakes, |settings| mistakes_of(&settings));
        mistakes.iter().map(ToString::to_string).collect()
    }

    fn served(file: &str, arguments: &[&str]) -> super::super::Serve {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mlforge.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let all = ["mlforge"].iter().chain(arguments).copied().chain([config.as_str()]);
        match parse(all.map(OsString::from).collect()) {
            Ok(Cli {
                command: Command::Serve(serve),
                ..
            }) => *serve,
            _ => panic!("the arguments are refused"),
        }
    }

    #[test]
    fn every_flag_of_serve_has_a_key() {
        let command = Cli::command();
        let serve = command.find_subcommand(SERVE).unwrap();
        for flag in serve.get_arguments().filter_map(|argument| argument.get_long()) {
            let is_key = !["config", "help", "version"].contains(&flag);
            let unknown = format!("{flag} = 'x'");
            let is_known = settings(&unknown).is_ok_and(|settings| {
                !mistakes_of(&settings)
                    .iter()
                    .any(|mistake| mistake.message.contains("unexpected argument"))
            });
            assert_eq!(is_known, is_key, "{flag}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let serve = served(
            "listen = '127.0.0.1:1'\nmax-file-size = 7\nisolate = true\nallow-source = ['http', 'ssh']",
            &["--data", SERVE, SERVE, "--max-file-size=8"],
        );
        assert_eq!(serve.listen.port(), 1);
        assert_eq!((serve.max_file_size, serve.isolate), (8, true));
        assert_eq!(serve.allow_source, ["http", "ssh"]);
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        assert_eq!(checked("listen = '127.0.0.1:1'\n# a comment\nisolate = false"), [""; 0]);
        let mistakes = checked("listn = 'x'\n\nmax-file-size = 'big'\n");
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(
            mistakes[0].starts_with("line 1: `listn`: ") && mistakes[0].contains("--listen"),
            "{mistakes:?}"
        );
        assert!(
            mistakes[1].starts_with("line 3: `max-file-size`: ") && mistakes[1].contains("big"),
            "{mistakes:?}"
        );
        let mistakes = checked("listn = 'x'\n[c]\n");
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        let mistakes = checked("a = \nb = 1979-05-27\n[c]\n");
        assert!(
            mistakes.iter().any(|mistake| mistake.starts_with("line 1: ")),
            "{mistakes:?}"
        );
        assert!(
            mistakes
                .iter()
                .any(|mistake| mistake.starts_with("line 2: `b` is a datetime")),
            "{mistakes:?}"
        );
        assert!(
            mistakes
                .iter()
                .any(|mistake| mistake.starts_with("line 3: `c` is a table")),
            "{mistakes:?}"
        );
    }

    #[test]
    fn a_key_that_needs_another_one_is_told_when_that_is_missing() {
        let mistakes = checked("s3-region = 'eu-1'");
        assert!(mistakes.len() == 1 && mistakes[0].contains("--files"), "{mistakes:?}");
        assert_eq!(checked("s3-region = 'eu-1'\nfiles = 's3://bucket'"), [""; 0]);
    }
}
