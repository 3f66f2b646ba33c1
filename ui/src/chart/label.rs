//! Texts in charts: names that are cut, and labels that are pushed apart.

/// Longest name beside a chart, in characters.
const NAME_CHARS_MAX: usize = 17;
/// Distance of two labels, in pixels.
pub(super) const LINE_PX: f64 = 14.0;

/// A name that fits beside a chart: a long one is cut in the middle, since runs of a sweep begin alike. Signs that change the
/// direction of text are shown as what they are not.
pub(super) fn cut(name: &str) -> String {
    let clean = clean(name);
    let count = clean.chars().count();
    if count <= NAME_CHARS_MAX {
        return clean;
    }
    let half = NAME_CHARS_MAX / 2;
    let start: String = clean.chars().take(half).collect();
    let end: String = clean.chars().skip(count - half).collect();
    format!("{start}…{end}")
}

/// A text without signs that no drawing may have: XML forbids most controls, and a drawing has no `bdi`.
pub(super) fn clean(text: &str) -> String {
    let is_unfit = |char: char| {
        char.is_control()
            || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars()
        .map(|char| {
            if is_unfit(char) {
                char::REPLACEMENT_CHARACTER
            } else {
                char
            }
        })
        .collect()
}

/// Moves labels apart, each by as little as the order allows, and back up if the last falls below `height`. Returns the new
/// places in the order of the old ones.
pub(super) fn pushed_apart(places: &[f64], height: f64) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = places.iter().copied().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut above = f64::NEG_INFINITY;
    for (_, place) in &mut sorted {
        *place = place.max(above + LINE_PX);
        above = *place;
    }
    let mut below = height.max(LINE_PX * super::float(places.len().saturating_sub(1))) + LINE_PX;
    for (_, place) in sorted.iter_mut().rev() {
        *place = place.min(below - LINE_PX);
        below = *place;
    }
    sorted.sort_by_key(|(index, _)| *index);
    sorted.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(cut("mixup-lr3e-4"), "mixup-lr3e-4");
        assert_eq!(cut("resnet50-augmented-lr3e-4"), "resnet50…d-lr3e-4");
        assert_eq!(cut("a\u{202e}b\u{0}"), "a\u{fffd}b\u{fffd}");
    }

    proptest! {
        #[test]
        fn labels_do_not_touch(places in proptest::collection::vec(0.0..230.0, 0..12)) {
            let pushed = pushed_apart(&places, 230.0);
            let mut sorted = pushed.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] > LINE_PX - 1e-6), "{pushed:?}");
            prop_assert!(sorted.last().is_none_or(|last| *last < 230.0 + 1e-6), "{pushed:?}");
        }
    }
}
