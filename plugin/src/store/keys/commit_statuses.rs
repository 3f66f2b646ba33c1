//! The keys of commit statuses that are still to be set.

use super::Key;
use crate::domain::commit_status::CommitHash;
use crate::domain::id::ExperimentId;
use crate::host::records::Span;

/// Key of the pending status of a commit for an experiment. A commit has one status an experiment, so the run that
/// ended last replaces those before it.
pub fn pending_status(experiment: ExperimentId, commit: &CommitHash) -> Vec<u8> {
    Key::new(b's').experiment(experiment).last(commit.as_str())
}

/// Span of all pending statuses.
pub fn all_pending_statuses() -> Span {
    Span::of_prefix(vec![b's'])
}

/// Returns the commit, from the key of a pending status.
pub fn pending_status_of(key: &[u8]) -> Option<CommitHash> {
    let (_, commit) = key.strip_prefix(b"s")?.split_first_chunk::<8>()?;
    CommitHash::parse(std::str::from_utf8(commit).ok()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_key_of_a_pending_status_reads_back(experiment in any::<u64>(), commit in "[0-9a-f]{40}([0-9a-f]{24})?") {
            let commit = CommitHash::parse(&commit).unwrap();
            let (key, all) = (pending_status(ExperimentId(experiment), &commit), all_pending_statuses());
            prop_assert_eq!(pending_status_of(&key), Some(commit));
            prop_assert!(all.start <= key && key < all.end);
        }
    }

    #[test]
    fn other_keys_are_of_no_commit() {
        for other in [
            &b""[..],
            b"s",
            b"s00000000",
            b"s00000000abc",
            b"j0000000000000000000000000000000000000000000000",
        ] {
            assert_eq!(pending_status_of(other), None);
        }
    }
}
