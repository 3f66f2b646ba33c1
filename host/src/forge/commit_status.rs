//! Statuses of commits: the ends of runs, as the forge shows them beside the commits that the runs name.
//!
//! The texts of a run are those of a developer, and the component may be another one than ours. So a status is built
//! here, and its name always begins with `mlforge/`: nobody passes for another check.

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ForgeError, ForgeReply};

/// The beginning of every name.
const PREFIX: &str = "mlforge/";
/// Maximum number of characters of an experiment's or run's name. With the rest of the text there are fewer than 255,
/// which GitLab takes.
const NAME_CHARS_MAX: usize = 200;
/// Numbers of hex digits of a commit's full hash: SHA-1 and SHA-256.
const HASH_DIGITS: [usize; 2] = [40, 64];
/// Number of hex digits of a run's id.
const RUN_ID_DIGITS: usize = 32;
/// The characters of a project's path that are percent-encoded in a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The state of a commit, as far as a status tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// The run finished.
    Success,
    /// The run failed.
    Failure,
    /// The run was stopped.
    Canceled,
}

/// A status of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// The full hash of the commit, 40 or 64 hex digits.
    pub commit: String,
    /// The state.
    pub state: CommitState,
    /// The name, which tells this status from others of the commit: `mlforge/` and the name of the run's experiment. It
    /// has at most 208 characters, one line, and no control characters.
    pub context: String,
    /// A sentence about the run, with at most 255 characters, in one line.
    pub description: String,
    base_url: String,
    run: String,
}

/// A run that ended, as the component tells it.
#[derive(Clone, Debug)]
pub(crate) struct EndedRun {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The name of the run's experiment.
    pub(crate) experiment: String,
    pub(crate) state: CommitState,
    /// The hash of the commit.
    pub(crate) commit: String,
}

impl CommitStatus {
    /// The status of a run's commit. `base_url` is that of this host. `None`: the run's id or the commit's hash is none.
    pub(crate) fn of_run(run: EndedRun, base_url: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_run = run.id.len() == RUN_ID_DIGITS && is_hex(&run.id);
        let is_commit = HASH_DIGITS.contains(&run.commit.len()) && is_hex(&run.commit);
        let end = match run.state {
            CommitState::Success => "finished",
            CommitState::Failure => "failed",
            CommitState::Canceled => "was stopped",
        };
        (is_run && is_commit).then(|| Self {
            state: run.state,
            context: format!("{PREFIX}{}", plain(&run.experiment)),
            description: format!("Run {} {end}", plain(&run.name)),
            base_url: base_url.to_owned(),
            commit: run.commit,
            run: run.id,
        })
    }

    /// The URL of the run's page, given the path of its project, for example `group/project`.
    pub fn url(&self, project_path: &str) -> String {
        let (base, path) = (&self.base_url, utf8_percent_encode(project_path, ENCODED));
        format!("{base}/{path}/-/ml/candidates/{}", self.run)
    }
}

/// The meaning of an answer to the request to set a status. False: there is no such commit, or no status is taken for it.
///
/// # Errors
/// Fails when the token may not do this, or the status is of another meaning.
pub(super) fn is_set(reply: &ForgeReply) -> Result<bool, ForgeError> {
    match reply.status {
        StatusCode::CREATED => Ok(true),
        // Locked: the repository is archived.
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::LOCKED => {
            Ok(false)
        }
        StatusCode::UNAUTHORIZED => Err(ForgeError::new("it refuses the service token")),
        StatusCode::FORBIDDEN => Err(ForgeError::new("the service token may not set commit statuses here")),
        _ => Err(reply.unexpected()),
    }
}

/// A name in one line, without characters that are invisible or turn the direction of the text, and cut.
fn plain(name: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = name.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::forge) const BASE: &str = "https://ml.example.org";
    pub(in crate::forge) const RUN: &str = "018bcfe568007b4c81574d78b9d74d81";

    /// The status of the run `try-1` in the experiment `cats`.
    pub(in crate::forge) fn status(commit: &str, state: CommitState) -> CommitStatus {
        let run = EndedRun {
            id: RUN.to_owned(),
            name: "try-1".to_owned(),
            experiment: "cats".to_owned(),
            state,
            commit: commit.to_owned(),
        };
        CommitStatus::of_run(run, BASE).unwrap()
    }

    fn of_names(name: &str, experiment: &str) -> CommitStatus {
        let run = EndedRun {
            id: RUN.to_owned(),
            name: name.to_owned(),
            experiment: experiment.to_owned(),
            state: CommitState::Success,
            commit: "c".repeat(40),
        };
        CommitStatus::of_run(run, BASE).unwrap()
    }

    #[test]
    fn a_status_says_what_became_of_a_run_and_leads_to_it() {
        for (state, description) in [
            (CommitState::Success, "Run try-1 finished"),
            (CommitState::Failure, "Run try-1 failed"),
            (CommitState::Canceled, "Run try-1 was stopped"),
        ] {
            let status = status(&"c".repeat(40), state);
            assert_eq!(
                (status.context.as_str(), status.description.as_str()),
                ("mlforge/cats", description)
            );
            let url = format!("{BASE}/group/sub/a%20b/-/ml/candidates/{RUN}");
            assert_eq!(status.url("group/sub/a b"), url);
        }
    }

    #[test]
    fn a_hostile_name_is_one_short_visible_line() {
        let status = of_names("a\r\nb\u{202e}c\u{200b}", "\u{0}ci/build\t\u{1b}[2J");
        assert_eq!(status.description, "Run a b c finished");
        assert_eq!(status.context, "mlforge/ci/build [2J");
        let long = of_names(&"é".repeat(8_000), &"x".repeat(500));
        assert_eq!(long.context.chars().count(), PREFIX.len() + NAME_CHARS_MAX);
        assert!(long.description.chars().count() < 255 && long.description.ends_with(" finished"));
    }

    #[test]
    fn only_a_full_hash_and_an_id_make_a_status() {
        let good = "c".repeat(40);
        let refused = |id: &str, commit: &str| {
            let run = EndedRun {
                id: id.to_owned(),
                name: String::new(),
                experiment: String::new(),
                state: CommitState::Success,
                commit: commit.to_owned(),
            };
            CommitStatus::of_run(run, BASE).is_none()
        };
        assert!(!refused(RUN, &good));
        for id in ["", &RUN[1..], "../../../../../../../etc/passwd."] {
            assert!(refused(id, &good), "{id}");
        }
        for commit in ["", "c0ffee", &"../x".repeat(10), &"g".repeat(64), &"é".repeat(20)] {
            assert!(refused(RUN, commit), "{commit}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_prefix_or_the_line(name in any::<String>(), experiment in any::<String>()) {
            let status = of_names(&name, &experiment);
            prop_assert!(status.context.starts_with(PREFIX));
            prop_assert!(status.context.chars().count() <= PREFIX.len() + NAME_CHARS_MAX);
            prop_assert!(status.description.chars().count() <= 255);
            let shown = status.context.chars().chain(status.description.chars());
            prop_assert!(!shown.into_iter().any(char::is_control));
        }
    }
}
