//! The order of runs on a page, with children below their parents.

use std::collections::HashMap;

use super::cell::tag;
use super::found::PARENT_TAG;
use crate::domain::id::RunId;
use crate::domain::run::FullRun;

/// Deepest level that is indented.
const DEPTH_MAX: usize = 2;

/// The place of a run in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The index of the run.
    pub(super) index: usize,
    /// The number of its ancestors on the page, at most two.
    pub(super) depth: usize,
    /// The number of its children on the page.
    pub(super) children: usize,
}

/// The order in which runs are shown: as they are, and each child after its parent if that is on the page.
pub(super) fn nested(runs: &[FullRun<'_>]) -> Vec<Place> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.run.id).collect();
    let parent = |run: &FullRun<'_>| tag(run, PARENT_TAG).and_then(|id| RunId::parse(id).ok());
    let parents: Vec<Option<RunId>> = runs.iter().map(parent).collect();
    places(&ids, &parents)
}

fn places(ids: &[RunId], parents: &[Option<RunId>]) -> Vec<Place> {
    let index: HashMap<RunId, usize> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
    let mut roots = Vec::new();
    for (child, parent) in parents.iter().enumerate() {
        let parent = parent.as_ref().and_then(|parent| index.get(parent));
        let below = parent.filter(|parent| **parent != child);
        match below.and_then(|parent| children.get_mut(*parent)) {
            Some(siblings) => siblings.push(child),
            None => roots.push(child),
        }
    }
    let mut placed = vec![false; ids.len()];
    let mut places = Vec::with_capacity(ids.len());
    // Runs whose ancestors form a circle are reached from no root, so each run begins once more.
    for start in roots.into_iter().chain(0..ids.len()) {
        let mut waiting = vec![(start, 0)];
        while let Some((index, depth)) = waiting.pop() {
            let Some(is_placed) = placed.get_mut(index).filter(|is_placed| !**is_placed) else {
                continue;
            };
            *is_placed = true;
            let below = children.get(index).map_or(&[][..], Vec::as_slice);
            places.push(Place {
                index,
                depth,
                children: below.len(),
            });
            let depth = (depth + 1).min(DEPTH_MAX);
            waiting.extend(below.iter().rev().map(|child| (*child, depth)));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u8) -> RunId {
        RunId([number; 16])
    }

    fn shown(parents: &[Option<u8>]) -> Vec<(usize, usize)> {
        let ids: Vec<RunId> = (0..).map(id).take(parents.len()).collect();
        let parents: Vec<Option<RunId>> = parents.iter().map(|parent| parent.map(id)).collect();
        let places = places(&ids, &parents);
        places.iter().map(|place| (place.index, place.depth)).collect()
    }

    #[test]
    fn children_follow_their_parent_in_their_order() {
        assert_eq!(
            shown(&[Some(2), None, None, Some(2), Some(0), Some(9)]),
            [(1, 0), (2, 0), (0, 1), (4, 2), (3, 1), (5, 0)]
        );
    }

    #[test]
    fn runs_that_are_ancestors_of_themselves_are_shown() {
        assert_eq!(shown(&[Some(0), Some(2), Some(1)]), [(0, 0), (1, 0), (2, 1)]);
    }

    proptest! {
        #[test]
        fn every_run_has_one_place(parents in proptest::collection::vec(proptest::option::of(0..12_u8), 0..12)) {
            let mut indexes: Vec<usize> = shown(&parents).into_iter().map(|(index, _)| index).collect();
            indexes.sort_unstable();
            prop_assert_eq!(indexes, (0..parents.len()).collect::<Vec<_>>());
        }
    }
}
