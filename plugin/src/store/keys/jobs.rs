//! The keys of look-ups of CI jobs.

use super::Key;
use crate::domain::id::{ModelId, RunId};
use crate::host::records::Span;

/// The item that names a CI job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobTarget {
    /// A run.
    Run(RunId),
    /// A version of a registered model, by its number.
    Version(ModelId, u64),
}

/// Key of the look-up of the job that a run or version names.
pub fn job_lookup(target: &JobTarget) -> Vec<u8> {
    let key = Key::new(b'j');
    match target {
        JobTarget::Run(id) => key.byte(b'r').run(*id).0,
        JobTarget::Version(ModelId(model), number) => key.byte(b'v').number(*model).number(*number).0,
    }
}

/// Span of all look-ups, those of runs first.
pub fn all_job_lookups() -> Span {
    Span::of_prefix(vec![b'j'])
}

/// Returns what names the job, from the key of a look-up.
pub fn job_target_of(key: &[u8]) -> Option<JobTarget> {
    let (kind, id) = key.strip_prefix(b"j")?.split_first()?;
    match kind {
        b'r' => id.try_into().ok().map(RunId).map(JobTarget::Run),
        b'v' => {
            let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
            let (model, version) = id.split_at_checked(8)?;
            Some(JobTarget::Version(ModelId(number(model)?), number(version)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_look_up_reads_back() {
        for target in [
            JobTarget::Run(RunId([255; 16])),
            JobTarget::Version(ModelId(u64::MAX), 3),
        ] {
            let (key, all) = (job_lookup(&target), all_job_lookups());
            assert_eq!(job_target_of(&key), Some(target));
            assert!(all.start <= key && key < all.end);
        }
        for other in [&b"j"[..], b"jx", b"jr0", b"jv01234567", b"y0", b""] {
            assert_eq!(job_target_of(other), None);
        }
    }
}
