//! The lines in which two texts differ.

/// Largest number of pairs of lines that are compared, after equal lines at both ends are set aside.
const PAIRS_MAX: usize = 1 << 20;

/// A line of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// In both texts.
    Same(&'a str),
    /// In the old text alone.
    Old(&'a str),
    /// In the new text alone.
    New(&'a str),
}

/// The lines of two texts in order, with as few as possible that are in one alone. `false`: they differ in too many
/// lines to be matched, so all old lines come before all new ones.
pub(super) fn lines<'a>(old: &'a str, new: &'a str) -> (Vec<Line<'a>>, bool) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let begin = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (
        old.get(begin..).unwrap_or_default(),
        new.get(begin..).unwrap_or_default(),
    );
    let end = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = end.take_while(|(one, other)| one == other).count();
    let (old_part, tail) = old_rest.split_at_checked(old_rest.len() - end).unwrap_or_default();
    let new_part = new_rest.get(..new_rest.len() - end).unwrap_or_default();
    let mut all: Vec<Line<'a>> = old.iter().take(begin).map(|line| Line::Same(line)).collect();
    let is_matched = old_part.len().saturating_mul(new_part.len()) <= PAIRS_MAX;
    if is_matched {
        all.extend(matched(old_part, new_part));
    } else {
        all.extend(old_part.iter().map(|line| Line::Old(line)));
        all.extend(new_part.iter().map(|line| Line::New(line)));
    }
    all.extend(tail.iter().map(|line| Line::Same(line)));
    (all, is_matched)
}

/// Matches lines by their longest common subsequence.
fn matched<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    // The length of the longest common subsequence of the rests after each pair of places.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let at = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let length = if one == other {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(place) = lengths.get_mut(i * width + j) {
                *place = length;
            }
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    loop {
        match (old.get(i), new.get(j)) {
            (Some(one), Some(other)) if one == other => {
                all.push(Line::Same(one));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), other) if other.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                all.push(Line::Old(one));
                i += 1;
            }
            (_, Some(other)) => {
                all.push(Line::New(other));
                j += 1;
            }
            (_, None) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_changed_lines_differ() {
        let (all, is_matched) = lines("a\nb\nc\nd", "a\nx\nc\nd\ne");
        let expected = [
            Line::Same("a"),
            Line::Old("b"),
            Line::New("x"),
            Line::Same("c"),
            Line::Same("d"),
            Line::New("e"),
        ];
        assert_eq!((all.as_slice(), is_matched), (&expected[..], true));
    }

    #[test]
    fn texts_that_differ_in_very_many_lines_are_not_matched() {
        let text = |begin: usize| {
            (begin..begin + 2_000)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (old, new) = (text(0), text(5_000));
        let (all, is_matched) = lines(&old, &new);
        assert_eq!((all.len(), is_matched), (4_000, false));
        // Equal ends do not count.
        let longer = format!("{old}\nx");
        let (all, is_matched) = lines(&old, &longer);
        assert_eq!((all.len(), is_matched), (2_001, true));
    }

    proptest! {
        #[test]
        fn both_texts_are_in_their_difference(old in "[ab\n]{0,30}", new in "[ab\n]{0,30}") {
            let (all, _) = lines(&old, &new);
            let text = |is_of: fn(&Line<'_>) -> bool| {
                let of = all.iter().filter(|line| is_of(line)).map(|line| match line {
                    Line::Same(line) | Line::Old(line) | Line::New(line) => *line,
                });
                of.collect::<Vec<_>>().join("\n")
            };
            prop_assert_eq!(text(|line| !matches!(line, Line::New(_))), old.as_str());
            prop_assert_eq!(text(|line| !matches!(line, Line::Old(_))), new.as_str());
        }
    }
}
