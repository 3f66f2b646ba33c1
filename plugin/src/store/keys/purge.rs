//! The keys of purge: times of deletions, and tombstones.

use super::Key;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::host::records::Span;

/// A tombstone: a record of something that is hidden, and whose records and files are still to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstone {
    /// An experiment with everything in it.
    Experiment(ExperimentId),
    /// A logged model of a purged experiment.
    Logged(LoggedModelId),
    /// A registered model with its versions.
    Model(ModelId),
    /// A run.
    Run(RunId),
    /// A version of a registered model, by its number.
    Version(ModelId, u64),
}

/// Key of a run's deletion.
pub fn deletion(id: RunId) -> Vec<u8> {
    Key::new(b'y').run(id).0
}

/// Span of all deleted runs, except those of deleted experiments.
pub fn all_deletions() -> Span {
    Span::of_prefix(vec![b'y'])
}

/// Returns the run of a key of `all_deletions`.
pub fn deleted_run(key: &[u8]) -> Option<RunId> {
    key.strip_prefix(b"y")?.try_into().ok().map(RunId)
}

/// Key of a tombstone.
pub fn tombstone(tombstone: &Tombstone) -> Vec<u8> {
    let key = Key::new(b'Y');
    match tombstone {
        Tombstone::Experiment(id) => key.byte(b'e').experiment(*id).0,
        Tombstone::Logged(LoggedModelId(id)) => key.byte(b'l').run(RunId(*id)).0,
        Tombstone::Model(ModelId(id)) => key.byte(b'm').number(*id).0,
        Tombstone::Run(id) => key.byte(b'r').run(*id).0,
        Tombstone::Version(ModelId(model), number) => key.byte(b'v').number(*model).number(*number).0,
    }
}

/// Span of all tombstones, experiments first.
pub fn all_tombstones() -> Span {
    Span::of_prefix(vec![b'Y'])
}

/// Returns the tombstone of a key of `all_ruins`.
pub fn tombstone_of(key: &[u8]) -> Option<Tombstone> {
    let (kind, id) = key.strip_prefix(b"Y")?.split_first()?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    match kind {
        b'e' => number(id).map(ExperimentId).map(Tombstone::Experiment),
        b'l' => id.try_into().ok().map(LoggedModelId).map(Tombstone::Logged),
        b'm' => number(id).map(ModelId).map(Tombstone::Model),
        b'r' => id.try_into().ok().map(RunId).map(Tombstone::Run),
        b'v' => {
            let (model, version) = id.split_at_checked(8)?;
            Some(Tombstone::Version(ModelId(number(model)?), number(version)?))
        }
        _ => None,
    }
}

/// Spans of the records under an experiment's id: tags, datasets and their uses, columns, zone map, row keys,
/// and lists of logged models.
pub fn of_experiment(id: ExperimentId) -> Vec<Span> {
    let below = |kind| Span {
        start: Key::new(kind).experiment(id).0,
        // No experiment has this number: ids count from 0 and are never used up.
        end: Key::new(kind).experiment(ExperimentId(id.0.saturating_add(1))).0,
    };
    [b'G', b'K', b'd', b'g', b'k', b'u', b'w']
        .map(below)
        .into_iter()
        .chain([Span::of_key(super::zones(id))])
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn deletions_and_tombstones_read_back() {
        let run = RunId([255; 16]);
        assert_eq!(deleted_run(&deletion(run)), Some(run));
        let all = all_deletions();
        assert!(all.start <= deletion(run) && deletion(run) < all.end);
        let known = [
            Tombstone::Experiment(ExperimentId(7)),
            Tombstone::Logged(LoggedModelId([255; 16])),
            Tombstone::Model(ModelId(u64::MAX)),
            Tombstone::Run(run),
            Tombstone::Version(ModelId(0), 3),
        ];
        for known in known {
            let (key, all) = (tombstone(&known), all_tombstones());
            assert_eq!(tombstone_of(&key), Some(known));
            assert!(all.start <= key && key < all.end);
        }
        for other in [&b"Y"[..], b"Yx", b"Yr0", b"Ye012345678", b"Yv01234567", b"y0", b""] {
            assert_eq!((tombstone_of(other), deleted_run(other)), (None, None));
        }
    }

    #[test]
    fn the_spans_of_an_experiment_hold_no_key_of_another() {
        let key = super::super::experiment_tag(ExperimentId(7), "k");
        let holds = |id| {
            of_experiment(ExperimentId(id))
                .iter()
                .any(|span| span.start <= key && key < span.end)
        };
        assert!(holds(7) && !holds(6) && !holds(8));
        let zones = super::super::zones(ExperimentId(7));
        assert!(
            of_experiment(ExperimentId(7))
                .iter()
                .any(|span| span.start <= zones && zones < span.end)
        );
    }
}
