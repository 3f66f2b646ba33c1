//! The spans of a trace as a tree. A span whose parent is absent is a root too, and so is one that is its own
//! ancestor.

use std::collections::{BTreeMap, VecDeque};

use super::id::SpanId;
use super::span::Span;

/// The spans of a trace, each with those that it called, in the order in which the spans are given.
pub struct SpanTree<'a> {
    spans: &'a [Span],
    /// The indices of the roots.
    roots: Vec<usize>,
    /// The indices of the spans that each span called.
    children: Vec<Vec<usize>>,
}

/// A span in a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreeRow<'a> {
    /// The span.
    pub span: &'a Span,
    /// Number of its ancestors.
    pub depth: usize,
}

/// A span of one trace beside its counterpart in another. One of both may be absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside<'a> {
    /// The span of the first trace.
    pub one: Option<&'a Span>,
    /// The span of the second trace.
    pub other: Option<&'a Span>,
    /// Number of their ancestors.
    pub depth: usize,
}

impl<'a> SpanTree<'a> {
    /// The tree of some spans, whose ids differ.
    pub fn new(spans: &'a [Span]) -> Self {
        let index_of: BTreeMap<SpanId, usize> = spans.iter().enumerate().map(|(at, span)| (span.id, at)).collect();
        let parent = |span: &Span| index_of.get(&span.parent?).copied();
        let mut parents: Vec<Option<usize>> = spans.iter().map(parent).collect();
        break_circles(&mut parents);
        let mut tree = SpanTree {
            spans,
            roots: Vec::new(),
            children: vec![Vec::new(); spans.len()],
        };
        for (index, parent) in parents.into_iter().enumerate() {
            let siblings = parent.and_then(|parent| tree.children.get_mut(parent));
            siblings.unwrap_or(&mut tree.roots).push(index);
        }
        tree
    }

    /// All spans: each stands before those that it called.
    pub fn rows(&self) -> Vec<TreeRow<'a>> {
        let mut rows = Vec::with_capacity(self.spans.len());
        let mut open: Vec<(usize, usize)> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        while let Some((index, depth)) = open.pop() {
            rows.extend(self.spans.get(index).map(|span| TreeRow { span, depth }));
            open.extend(self.below(index).iter().rev().map(|child| (*child, depth + 1)));
        }
        rows
    }

    fn below(&self, index: usize) -> &[usize] {
        self.children.get(index).map_or(&[], Vec::as_slice)
    }

    /// The spans of two traces. Those match that have the same name below matching ones, in their order.
    pub fn beside(&self, other: &SpanTree<'a>) -> Vec<Beside<'a>> {
        let mut rows = Vec::new();
        let mut open: VecDeque<(Option<usize>, Option<usize>, usize)> = VecDeque::new();
        let push = |open: &mut VecDeque<_>, ours: &[usize], theirs: &[usize], depth| {
            let matched = matched(self.spans, ours, other.spans, theirs);
            for (one, two) in matched.into_iter().rev() {
                open.push_back((one, two, depth));
            }
        };
        push(&mut open, &self.roots, &other.roots, 0);
        while let Some((one, two, depth)) = open.pop_back() {
            rows.push(Beside {
                one: one.and_then(|index| self.spans.get(index)),
                other: two.and_then(|index| other.spans.get(index)),
                depth,
            });
            let ours = one.map_or(&[][..], |index| self.below(index));
            let theirs = two.map_or(&[][..], |index| other.below(index));
            push(&mut open, ours, theirs, depth + 1);
        }
        rows
    }
}

/// Makes a root of one span of each circle of parents.
fn break_circles(parents: &mut [Option<usize>]) {
    // The walk from a span upwards that came by a span first. 0: none did.
    let mut walked = vec![0_usize; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while let Some(walk) = walked.get_mut(at) {
            if *walk == start + 1 {
                parents.iter_mut().skip(at).take(1).for_each(|parent| *parent = None);
            }
            if *walk != 0 {
                break;
            }
            *walk = start + 1;
            match parents.get(at).copied().flatten() {
                Some(parent) => at = parent,
                None => break,
            }
        }
    }
}

type Match = (Option<usize>, Option<usize>);

/// The pairs of spans with equal names, in the order of the first ones, and then the rest of the second ones.
fn matched(spans: &[Span], ours: &[usize], others: &[Span], theirs: &[usize]) -> Vec<Match> {
    fn name(spans: &[Span], index: usize) -> Option<&str> {
        spans.get(index).map(|span| span.name.as_str())
    }
    let mut left: BTreeMap<Option<&str>, VecDeque<usize>> = BTreeMap::new();
    for index in theirs {
        left.entry(name(others, *index)).or_default().push_back(*index);
    }
    let mut pair = |index: &usize| left.get_mut(&name(spans, *index)).and_then(VecDeque::pop_front);
    let mut pairs: Vec<Match> = ours.iter().map(|index| (Some(*index), pair(index))).collect();
    let mut rest: Vec<usize> = left.into_values().flatten().collect();
    rest.sort_unstable();
    pairs.extend(rest.into_iter().map(|index| (None, Some(index))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(id: u8, parent: Option<u8>, name: &str) -> Span {
        Span {
            id: [id; 8],
            parent: parent.map(|parent| [parent; 8]),
            name: name.to_owned(),
            ..Span::default()
        }
    }

    fn drawn(spans: &[Span]) -> Vec<String> {
        let rows = SpanTree::new(spans).rows();
        rows.iter()
            .map(|row| format!("{}{}", "-".repeat(row.depth), row.span.name))
            .collect()
    }

    #[test]
    fn each_span_stands_before_those_that_it_called() {
        let spans = [
            span(1, None, "a"),
            span(2, Some(1), "b"),
            span(3, Some(1), "c"),
            span(4, Some(2), "d"),
            span(5, Some(9), "orphan"),
        ];
        assert_eq!(drawn(&spans), ["a", "-b", "--d", "-c", "orphan"]);
    }

    #[test]
    fn spans_of_two_traces_match_by_their_names() {
        let one = [span(1, None, "a"), span(2, Some(1), "b"), span(3, Some(1), "b")];
        let two = [span(7, None, "a"), span(8, Some(7), "c"), span(9, Some(7), "b")];
        let rows = SpanTree::new(&one).beside(&SpanTree::new(&two));
        let ids: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.one.map(|span| span.id[0]),
                    row.other.map(|span| span.id[0]),
                    row.depth,
                )
            })
            .collect();
        assert_eq!(
            ids,
            [
                (Some(1), Some(7), 0),
                (Some(2), Some(9), 1),
                (Some(3), None, 1),
                (None, Some(8), 1)
            ]
        );
    }

    proptest! {
        #[test]
        fn every_span_is_in_the_tree_once(parents in prop::collection::vec(prop::option::of(0u8..12), 0..10)) {
            let spans: Vec<Span> = (0u8..).zip(parents).map(|(id, parent)| span(id, parent, "")).collect();
            let mut ids: Vec<SpanId> = SpanTree::new(&spans).rows().iter().map(|row| row.span.id).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, spans.iter().map(|span| span.id).collect::<Vec<_>>());
        }
    }
}
