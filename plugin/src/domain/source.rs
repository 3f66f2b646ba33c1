//! Sources of model versions: the URIs that are understood and those that are refused.
//!
//! A client that loads a version follows its source. So a source leads to an item of this project, or has a
//! scheme that the host allows. Names of models and artifacts in a source follow the rules that hold
//! elsewhere. A source with another scheme has no `..` segments, however it is encoded.

use super::artifact::{ArtifactPath, Purpose};
use super::artifact_name;
use super::id::RunId;
use super::limits::SOURCE_CHARS_MAX;
use super::logged_model::LoggedModelId;
use super::name::validate_length;
use super::percent;
use super::semver::SemVer;
use crate::error::{Error, Result};

/// The sources that clients send for a version of a prompt, which has no files.
const PROMPT_PLACEHOLDERS: [&str; 2] = ["dummy-source", "prompt-template"];

/// A source that is valid as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// No source: the version's files are those of its own run.
    Own,
    /// The placeholder of a prompt.
    Prompt,
    /// A path among the artifacts of a run.
    Run(RunArtifact),
    /// A path in this project's artifact store.
    Artifacts(ArtifactPath),
    /// A logged model.
    Logged(LoggedModelId),
    /// Another model version.
    Version(VersionSource),
    /// A URI with another scheme that the host allows.
    Elsewhere,
}

/// A path among the artifacts of a run, as a source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunArtifact {
    /// The run that has the artifacts.
    pub run: RunId,
    /// The path below the run's artifacts, as sent. Empty: all of them.
    pub below: String,
}

/// Another model version, as a source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSource {
    /// The name of its model.
    pub model: String,
    /// The selector of the version in its model.
    pub which: Which,
}

/// The ways in which a source selects a version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// After a slash: number, semantic version, stage or `latest`.
    Suffix(String),
    /// After an at sign.
    Alias(String),
}

impl Source {
    /// Reads the source of a version. `allowed` are the further schemes that the host accepts.
    pub fn parse(source: &str, is_prompt: bool, allowed: &[String]) -> Result<Self> {
        validate_length("source", source, SOURCE_CHARS_MAX)?;
        if is_prompt {
            return match PROMPT_PLACEHOLDERS.contains(&source) {
                true => Ok(Source::Prompt),
                false => Err(Error::Invalid(format!(
                    "Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder."
                ))),
            };
        }
        // Users of a forge write the version where MLflow has the source.
        if source.is_empty() || SemVer::read(source).is_some() {
            return Ok(Source::Own);
        }
        let (scheme, rest) = split_scheme(source).ok_or_else(|| local(source))?;
        match scheme.as_str() {
            "runs" => run(source, rest).map(Source::Run),
            "models" => {
                let path = own_path(source, rest)?;
                match LoggedModelId::parse(path) {
                    Ok(id) => Ok(Source::Logged(id)),
                    Err(_) => version(source, path).map(Source::Version),
                }
            }
            "mlflow-artifacts" => artifacts(source, own_path(source, rest)?).map(Source::Artifacts),
            other if allowed.iter().any(|scheme| scheme == other) => {
                if climbs(source) {
                    Err(climbing(source))
                } else {
                    Ok(Source::Elsewhere)
                }
            }
            "file" => Err(local(source)),
            other => Err(invalid(
                source,
                &format!(
                    "The scheme '{other}' is not allowed here; use runs:/, models:/, mlflow-artifacts:/ or no source."
                ),
            )),
        }
    }
}

/// The runs that may own a path in the artifact store: all segments of the path that are ids of runs.
pub fn possible_runs(source: &str) -> Vec<RunId> {
    ids(source, |segment| RunId::parse(segment).ok())
}

/// The logged models that may own a path in the artifact store: all segments of the path that are their ids.
pub fn possible_models(source: &str) -> Vec<LoggedModelId> {
    ids(source, |segment| LoggedModelId::parse(segment).ok())
}

/// The ids among the segments of a path. The path is decoded first, as paths of artifacts are.
fn ids<T>(source: &str, id: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let settled = artifact_name::settled(source);
    settled.as_deref().unwrap_or(source).split('/').filter_map(id).collect()
}

/// The error for a source that is invalid.
pub fn invalid(source: &str, why: &str) -> Error {
    Error::Invalid(format!("Invalid model version source: '{source}'. {why}"))
}

/// The error for a source outside the named run's artifacts.
pub fn not_of_run(source: &str) -> Error {
    invalid(
        source,
        "The run_id request parameter must identify the resource that contains the source.",
    )
}

/// The error for a source outside the named logged model's artifacts.
pub fn not_of_model(source: &str) -> Error {
    invalid(
        source,
        "The model_id request parameter must identify the resource that contains the source.",
    )
}

fn local(source: &str) -> Error {
    invalid(
        source,
        "A local path is no source here: use runs:/, models:/, mlflow-artifacts:/ or no source.",
    )
}

fn climbing(source: &str) -> Error {
    invalid(
        source,
        "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an \
         absolute path must be provided without relative path references present. Please provide an absolute path.",
    )
}

fn run(source: &str, rest: &str) -> Result<RunArtifact> {
    let path = own_path(source, rest)?;
    let (id, below) = path.split_once('/').unwrap_or((path, ""));
    let run = RunId::parse(id).map_err(|_| not_of_run(source))?;
    artifacts(source, path)?;
    Ok(RunArtifact {
        run,
        below: below.to_owned(),
    })
}

/// Checks a path of artifacts in a source. It must be one to which a file could be uploaded.
fn artifacts(source: &str, path: &str) -> Result<ArtifactPath> {
    ArtifactPath::parse_encoded(path, Purpose::Write).map_err(|error| match error {
        Error::Invalid(why) => invalid(source, &why),
        other => other,
    })
}

fn version(source: &str, path: &str) -> Result<VersionSource> {
    let improper = || {
        invalid(
            source,
            "It must be models:/name/version, models:/name@alias or models:/m-…, a logged model.",
        )
    };
    let (model, which) = match path.split_once('/') {
        Some((_, suffix)) if suffix.contains('/') => return Err(improper()),
        Some((model, suffix)) => (model, Which::Suffix(suffix.to_owned())),
        None => {
            let (model, alias) = path.rsplit_once('@').ok_or_else(improper)?;
            (model, Which::Alias(alias.to_owned()))
        }
    };
    Ok(VersionSource {
        model: model.to_owned(),
        which,
    })
}

/// The path of a URI into this project, without a slash at its end. Clients read the text after a `?` as a
/// query, so it is refused. All other characters may be part of a name.
fn own_path<'a>(source: &str, rest: &'a str) -> Result<&'a str> {
    let path = rest.strip_prefix('/').unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(str::is_empty) || path.contains('?') {
        return Err(invalid(
            source,
            "It must be a scheme, a slash and a path of this project, without host, query and empty names.",
        ));
    }
    Ok(path)
}

fn split_scheme(source: &str) -> Option<(String, &str)> {
    let (scheme, rest) = source.split_once(':')?;
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (starts && scheme.chars().all(fits)).then(|| (scheme.to_ascii_lowercase(), rest))
}

/// True if a text has `.` or `..` segments or control characters, at any level of percent-encoding.
fn climbs(text: &str) -> bool {
    let is_idle = |segment: &str| matches!(segment, "." | "..");
    percent::levels(text).any(|level| {
        level.is_none_or(|text| {
            text.chars().any(char::is_control) || text.split(['/', '\\', ':', '?', '#', '&', '=']).any(is_idle)
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const RUN: &str = "00112233445566778899aabbccddeeff";

    fn parse(source: &str) -> Result<Source> {
        Source::parse(source, false, &["s3".to_owned()])
    }

    #[test]
    fn a_source_is_of_this_project_or_of_an_allowed_scheme() {
        let run = RunId::parse(RUN).unwrap();
        assert_eq!(parse(""), Ok(Source::Own));
        assert_eq!(parse("1.0.0-rc.1"), Ok(Source::Own));
        let below = |below: &str| {
            let below = below.to_owned();
            Ok(Source::Run(RunArtifact { run, below }))
        };
        assert_eq!(parse(&format!("runs:/{RUN}/a b/c")), below("a b/c"));
        assert_eq!(parse(&format!("runs:/{RUN}/100% b%20c/")), below("100% b%20c"));
        for whole in ["RUNS:/", "runs:/"] {
            assert_eq!(parse(&format!("{whole}{RUN}")), below(""));
            assert_eq!(parse(&format!("{whole}{RUN}/")), below(""));
        }
        let place = |path| Ok(Source::Artifacts(ArtifactPath::parse(path, Purpose::Write).unwrap()));
        for (source, path) in [
            ("mlflow-artifacts:/1/r/artifacts/m", "1/r/artifacts/m"),
            ("mlflow-artifacts:/1%2Fr/a%20b/", "1/r/a b"),
            ("mlflow-artifacts:/1/a\\b/100%", "1/a\\b/100%"),
        ] {
            assert_eq!(parse(source), place(path), "{source}");
        }
        assert_eq!(parse("s3://bucket/a?b=c"), Ok(Source::Elsewhere));
        let version = |model: &str, which| {
            let model = model.to_owned();
            Ok(Source::Version(VersionSource { model, which }))
        };
        assert_eq!(
            parse("models:/m/1.2.3"),
            version("m", Which::Suffix("1.2.3".to_owned()))
        );
        let logged = LoggedModelId::parse(&format!("m-{RUN}")).unwrap();
        assert_eq!(parse(&format!("models:/m-{RUN}")), Ok(Source::Logged(logged)));
        assert_eq!(parse("models:/a@b@c"), version("a@b", Which::Alias("c".to_owned())));
        // Names of models are no file paths: nothing in them is decoded.
        for name in ["a%b", "a#b", "a\\..\\b", "%2e%2e", "a;b&c=d"] {
            let source = format!("models:/{name}/1/");
            assert_eq!(parse(&source), version(name, Which::Suffix("1".to_owned())), "{source}");
        }
    }

    #[test]
    fn a_path_may_belong_to_the_runs_and_models_named_in_it() {
        let run = RunId::parse(RUN).unwrap();
        assert_eq!(possible_runs(&format!("mlflow-artifacts:/1/{RUN}/m")), [run]);
        assert_eq!(possible_runs(&format!("mlflow-artifacts:/1%252F{RUN}%2Fm")), [run]);
        assert_eq!(possible_runs(&format!("x{RUN}/m")), []);
        let model = LoggedModelId::parse(&format!("m-{RUN}")).unwrap();
        assert_eq!(possible_models(&format!("1/models%2F{model}")), [model]);
    }

    #[test]
    fn any_other_source_is_refused() {
        for bad in [
            "a",
            "/a",
            "./a",
            "file:///a",
            "FILE:/a",
            "c:\\a",
            "gs://b/c",
            "https://h/api/2.0/mlflow-artifacts/artifacts/1",
            "runs:/",
            "runs:/x/model",
            &format!("runs:/{RUN}/../a"),
            &format!("runs:/{RUN}/%2e%2E/a"),
            &format!("runs:/{RUN}/%252e./a"),
            &format!("runs:/{RUN}/a%2f..%2Fb"),
            &format!("runs:/{RUN}/a?b"),
            &format!("runs:/{RUN}//a"),
            &format!("runs://{RUN}/a"),
            &format!("runs:/{RUN}/a\\..\\b"),
            "models:/m",
            "models://m/1",
            "models:/m/1/2#",
            "models:/a?b/1",
            "models:/m/1//",
            "models:/",
            "models:///",
            &format!("runs:/{RUN}/a#b"),
            &format!("runs:/{RUN}/a%23b"),
            &format!("runs:/{RUN}/./a"),
            &format!("runs:/{RUN}//"),
            "mlflow-artifacts://host/1",
            "mlflow-artifacts:1",
            "mlflow-artifacts:/1/%00",
            "s3://b/../c",
            "s3://b/%2e%2e/c",
            "s3://b?c=../d",
            "a\0b",
        ] {
            assert!(
                matches!(parse(bad), Err(Error::Invalid(text)) if text.starts_with("Invalid model version source")),
                "{bad}"
            );
        }
        assert!(Source::parse("s3://b", false, &[]).is_err());
        assert!(parse(&"x".repeat(SOURCE_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn a_prompts_source_is_a_placeholder() {
        assert_eq!(Source::parse("dummy-source", true, &[]), Ok(Source::Prompt));
        assert!(Source::parse(&format!("runs:/{RUN}/m"), true, &[]).is_err() && parse("dummy-source").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}", encoded in "[a:/%2e.5c]{0,40}") {
            let _ = (parse(&text), parse(&encoded), parse(&format!("s3://{encoded}")));
        }
    }
}
