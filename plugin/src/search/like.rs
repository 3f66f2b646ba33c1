//! The patterns of LIKE and ILIKE: `%` stands for any text and `_` for any character. There is no escape.
//!
//! The time of a match is proportional to the length of the text. The pieces between `%` are searched one
//! after the other. A piece with a `_` is searched with a bit for each of its characters, 64 at a time. Other
//! pieces are searched with the standard library.

use std::borrow::Cow;
use std::collections::HashMap;

/// A pattern, prepared for matching.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The pattern as it was given.
    text: String,
    ignore_case: bool,
    first: Piece,
    /// The pieces after the first `%`, split at each further one. Empty when there is no `%`.
    others: Vec<Piece>,
}

/// A piece of a pattern between two `%`.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// A piece without wildcards.
    Plain(String),
    /// A piece with wildcards. `None` stands for any character.
    Wild(Vec<Option<char>>, Masks),
}

/// Bit masks of a piece: for each character the positions that it matches, and the positions of wildcards.
#[derive(Clone, Debug, PartialEq)]
struct Masks {
    by_char: HashMap<char, Vec<u64>>,
    any: Vec<u64>,
}

impl Pattern {
    /// Prepares a pattern.
    pub fn new(text: &str, ignore_case: bool) -> Self {
        let folded = if ignore_case { fold(text) } else { Cow::Borrowed(text) };
        let mut pieces = folded.split('%');
        Pattern {
            text: text.to_owned(),
            ignore_case,
            first: Piece::new(pieces.next().unwrap_or_default()),
            others: pieces.map(Piece::new).collect(),
        }
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True for a pattern of ILIKE.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// True if the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let text = if self.ignore_case {
            fold(text)
        } else {
            Cow::Borrowed(text)
        };
        let Some(mut rest) = self.first.after_start(&text) else {
            return false;
        };
        let Some((last, middle)) = self.others.split_last() else {
            return rest.is_empty();
        };
        // Taking the first match of each piece is enough: it gives the pieces after it the longest rest.
        for piece in middle {
            match piece.after_first(rest) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        last.ends(rest)
    }
}

impl Piece {
    fn new(text: &str) -> Self {
        if !text.contains('_') {
            return Piece::Plain(text.to_owned());
        }
        let characters: Vec<Option<char>> = text.chars().map(|c| (c != '_').then_some(c)).collect();
        let masks = Masks::new(&characters);
        Piece::Wild(characters, masks)
    }

    /// The rest of a text that starts with the piece. `None`: it does not.
    fn after_start<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Piece::Plain(piece) => text.strip_prefix(piece.as_str()),
            Piece::Wild(characters, _) => {
                let mut rest = text.chars();
                let same = |wanted: &Option<char>| rest.next().is_some_and(|c| wanted.is_none_or(|wanted| wanted == c));
                characters.iter().all(same).then_some(rest.as_str())
            }
        }
    }

    /// True if a text ends with the piece.
    fn ends(&self, text: &str) -> bool {
        match self {
            Piece::Plain(piece) => text.ends_with(piece.as_str()),
            Piece::Wild(characters, _) => {
                let mut rest = text.chars().rev();
                let same = |wanted: &Option<char>| rest.next().is_some_and(|c| wanted.is_none_or(|wanted| wanted == c));
                characters.iter().rev().all(same)
            }
        }
    }

    /// The rest of a text after the first match of the piece. `None`: there is no match.
    fn after_first<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Piece::Plain(piece) => find(text, piece).and_then(|at| text.get(at + piece.len()..)),
            Piece::Wild(characters, masks) => masks.after_first(text, characters.len()),
        }
    }
}

/// Length in bytes up to which each position of a text is tried. Preparing a search would take longer.
const SHORT: usize = 64;

/// The byte offset of the first match of a piece in a text.
fn find(text: &str, piece: &str) -> Option<usize> {
    let (first, rest) = match piece.as_bytes().split_first() {
        Some(split) if text.len() <= SHORT => split,
        _ => return text.find(piece),
    };
    let stands_at = |at: &usize| {
        let behind = text.as_bytes().get(*at..).and_then(<[u8]>::split_first);
        behind.is_some_and(|(here, behind)| here == first && behind.starts_with(rest))
    };
    (0..text.len()).find(stands_at)
}

impl Masks {
    fn new(characters: &[Option<char>]) -> Self {
        let mut any = vec![0; characters.len().div_ceil(64)];
        for (at, _) in characters.iter().enumerate().filter(|(_, c)| c.is_none()) {
            set_bit(&mut any, at);
        }
        let mut by_char: HashMap<char, Vec<u64>> = HashMap::new();
        for (at, c) in characters.iter().enumerate().filter_map(|(at, c)| c.map(|c| (at, c))) {
            set_bit(by_char.entry(c).or_insert_with(|| any.clone()), at);
        }
        Masks { by_char, any }
    }

    /// Bit n of the state is set if the last n+1 characters read match the first n+1 characters of the piece.
    fn after_first<'a>(&self, text: &'a str, length: usize) -> Option<&'a str> {
        let last = length.checked_sub(1)?;
        let mut state = vec![0_u64; self.any.len()];
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let mask = self.by_char.get(&c).unwrap_or(&self.any);
            let mut carry = 1;
            for (word, mask) in state.iter_mut().zip(mask) {
                let shifted = *word << 1 | carry;
                carry = *word >> 63;
                *word = shifted & mask;
            }
            if state.get(last / 64).is_some_and(|word| word >> (last % 64) & 1 == 1) {
                return Some(rest.as_str());
            }
        }
        None
    }
}

fn set_bit(words: &mut [u64], at: usize) {
    if let Some(word) = words.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// Lower case, character by character, so that `_` still matches one character.
fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(lower), None) => lower,
            _ => c,
        }
    };
    Cow::Owned(text.chars().map(lower).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(first, others)| (*c == '_' || c == first) && naive(rest, others)),
        }
    }

    fn agrees(pattern: &str, text: &str) -> bool {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        Pattern::new(pattern, false).matches(text) == naive(&p, &t)
    }

    proptest! {
        #[test]
        fn like_agrees_with_the_naive_matcher(pattern in "[ab_%ü]{0,9}", text in "[abü]{0,9}") {
            prop_assert!(agrees(&pattern, &text));
        }

        #[test]
        fn long_pieces_match_like_short_ones(text in "[ab]{60,200}", from in 0_usize..60, length in 60_usize..140, holes in 0_usize..7) {
            let mut piece: Vec<char> = text.chars().skip(from).take(length).collect();
            let count = piece.len();
            (0..holes).for_each(|hole| piece[hole * 31 % count] = '_');
            let piece: String = piece.into_iter().collect();
            let pattern = format!("%{piece}%");
            prop_assert!(Pattern::new(&pattern, false).matches(&text));
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.replace("ab", "ba").chars().collect());
            prop_assert_eq!(Pattern::new(&pattern, false).matches(&text.replace("ab", "ba")), naive(&p, &t));
        }
    }

    #[test]
    fn ilike_ignores_case_in_every_script() {
        assert!(Pattern::new("ÄB%", true).matches("äbC"));
        assert!(!Pattern::new("ÄB%", false).matches("äbC"));
        // The lower case of this character has two characters, but it is matched as one.
        assert!(Pattern::new("_", true).matches("İ"));
    }

    #[test]
    fn a_hostile_pattern_is_matched_in_linear_time() {
        let pattern = Pattern::new(&format!("%{}_b%", "a".repeat(7_900)), false);
        assert!(!pattern.matches(&"a".repeat(20_000)));
        assert!(!Pattern::new(&"%a".repeat(4_000), false).matches(&"a".repeat(3_999)));
    }
}
