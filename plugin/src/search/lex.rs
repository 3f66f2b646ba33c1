//! The lexer of filters and orders. Its tokens are those of `sqlparse`, with which MLflow reads filters, as
//! far as a filter can contain them. All other text becomes unknown tokens, which no filter may contain.

/// Number of characters of a text that a message shows.
const SHOWN_CHARS: usize = 60;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    /// A word, bare or in back-quotes, or several parts joined by dots, each bare or quoted. Keywords are of
    /// this kind.
    Path,
    /// A text in single or double quotes.
    Text { content: &'a str, quote: char },
    /// A number.
    Number,
    /// A run of `< > = ! ~`.
    Comparator,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A quote that is never closed, up to the end of the text.
    Unclosed,
    /// Any other character.
    Unknown,
}

/// A token of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    /// Its kind.
    pub kind: Kind<'a>,
    /// The text as it was written.
    pub text: &'a str,
    /// The byte offset at which it begins.
    pub start: usize,
}

impl Token<'_> {
    /// True if the token is this keyword, in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Path && self.text.eq_ignore_ascii_case(word)
    }
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start_matches(is_space).len();
        start += space;
        let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        let (kind, length) = first(rest);
        tokens.push(Token {
            kind,
            text: rest.get(..length).unwrap_or(rest),
            start,
        });
        start += length.max(1);
    }
    tokens
}

/// True for white space by Python's rules.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// True for the characters of bare words.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first token of a text, and its length in bytes.
fn first(text: &str) -> (Kind<'_>, usize) {
    let Some(c) = text.chars().next() else {
        return (Kind::Unknown, 0);
    };
    if let Some(length) = number(text) {
        return (Kind::Number, length);
    }
    match c {
        '(' => (Kind::Open, 1),
        ')' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ';' => (Kind::Semicolon, 1),
        '<' | '>' | '=' | '!' | '~' => {
            let rest = text.trim_start_matches(['<', '>', '=', '!', '~']);
            (Kind::Comparator, text.len() - rest.len())
        }
        '\'' => quoted_text(text, c),
        '"' | '`' => match path(text) {
            Some(length) if c == '"' && Some(length) == quoted(text) => quoted_text(text, c),
            Some(length) => (Kind::Path, length),
            None => (Kind::Unclosed, text.len()),
        },
        c if is_word(c) => (Kind::Path, path(text).unwrap_or(c.len_utf8())),
        c => (Kind::Unknown, c.len_utf8()),
    }
}

fn quoted_text(text: &str, quote: char) -> (Kind<'_>, usize) {
    let content = quoted(text).and_then(|length| Some((text.get(1..length.checked_sub(1)?)?, length)));
    match content {
        Some((content, length)) => (Kind::Text { content, quote }, length),
        None => (Kind::Unclosed, text.len()),
    }
}

/// The length in bytes of the path at the beginning of a text. `None`: there is no path.
fn path(text: &str) -> Option<usize> {
    let mut length = part(text, false)?;
    while let Some(next) = text.get(length..).and_then(|rest| rest.strip_prefix('.')) {
        match part(next, true) {
            Some(more) => length += 1 + more,
            None => break,
        }
    }
    Some(length)
}

/// The length in bytes of the path's part at the beginning of a text. After a dot a part may have single
/// quotes.
fn part(text: &str, behind_dot: bool) -> Option<usize> {
    match text.chars().next()? {
        '`' | '"' => quoted(text),
        '\'' if behind_dot => quoted(text),
        c if is_word(c) => Some(text.len() - text.trim_start_matches(is_word).len()),
        _ => None,
    }
}

/// The parts of a path, as they were written.
pub(super) fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = Some(path);
    while let Some(text) = rest {
        let length = part(text, true).unwrap_or(text.len());
        parts.push(text.get(..length).unwrap_or(text));
        rest = text.get(length..).and_then(|rest| rest.strip_prefix('.'));
    }
    parts
}

/// A part of a path without its quotes, and true if it had quotes.
pub(super) fn unquote(part: &str) -> (&str, bool) {
    for quote in ['\'', '"', '`'] {
        if let Some(content) = part.strip_prefix(quote).and_then(|part| part.strip_suffix(quote)) {
            return (content, true);
        }
    }
    (part, false)
}

/// The length in bytes of the quoted text at the beginning of a text. A doubled quote does not end it. A
/// quote after a backslash does not end it either, except a back-quote. If no other quote ends the text, the
/// last of these does. Doubled and escaped quotes stay in the content as written.
fn quoted(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    let (_, quote) = characters.next()?;
    let mut possible_end = None;
    while let Some((at, c)) = characters.next() {
        let next_is_quote = characters.peek().is_some_and(|(_, next)| *next == quote);
        if c == quote && next_is_quote {
            possible_end = Some(at + 1);
        } else if c == '\\' && quote != '`' && next_is_quote {
            possible_end = Some(at + 2);
        } else if c == quote {
            return Some(at + 1);
        } else {
            continue;
        }
        characters.next();
    }
    possible_end
}

/// The length in bytes of the number at the beginning of a text: `1`, `1.`, `.5`, `-5`, `1e5`, `1.5E-3`.
/// Unlike MLflow's parser it accepts a plus in the exponent, since Python prints one: `1e+20`.
fn number(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with('-'));
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()
    };
    let is_at = |at: usize, signs: [char; 2]| text.get(at..).is_some_and(|rest| rest.starts_with(signs));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if is_at(end, ['.', '.']) {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if whole > 0 && is_at(end, ['e', 'E']) && !text.get(..end).is_some_and(|number| number.ends_with('.')) {
        let exponent = end + 1 + usize::from(is_at(end + 1, ['-', '+']));
        if digits(exponent) > 0 {
            return Some(exponent + digits(exponent));
        }
    }
    text.get(end..).filter(|rest| !rest.starts_with(is_word)).map(|_| end)
}

/// The beginning of a text, for a message.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    fn only(text: &str) -> Kind<'_> {
        let tokens = tokens(text);
        assert_eq!(tokens.len(), 1, "{text}: {tokens:?}");
        tokens[0].kind
    }

    #[test]
    fn a_comparison_is_tokenized_with_and_without_spaces() {
        let tokens = ["metrics.`a b`", ">=", "-1.5", "AND", "tags.mlflow.user", "!=", "'x'"];
        assert_eq!(shown("metrics.`a b` >= -1.5 AND tags.mlflow.user != 'x'"), tokens);
        assert_eq!(shown("metrics.`a b`>=-1.5\u{a0}AND\ntags.mlflow.user!='x'"), tokens);
        assert_eq!(
            shown("run_id IN('a' ,\"b\")"),
            ["run_id", "IN", "(", "'a'", ",", "\"b\"", ")"]
        );
    }

    #[test]
    fn numbers_are_those_of_sqlparse_and_may_have_a_plus_in_the_exponent() {
        for number in [
            "1", "-5", "1.0", "1.", ".5", "-.5", "1e0", "1.5E-3", "-1e5", "007", "1e+5", "-1.0E+20",
        ] {
            assert_eq!(only(number), Kind::Number, "{number}");
        }
        for other in [
            "+1", "1x", "0x1", "1_000", "1e+", "1e+-5", ".5e+3", "1.e5", "-", "NaN", "-x",
        ] {
            let whole = tokens(other)
                .iter()
                .any(|token| token.kind == Kind::Number && token.text == other);
            assert!(!whole, "{other}");
        }
        assert_eq!(shown("1e5AND"), ["1e5", "AND"]);
    }

    #[test]
    fn quotes_end_where_sqlparse_ends_them() {
        for (text, content) in [
            ("'it''s'", "it''s"),
            (r"'a\'b'", r"a\'b"),
            (r"'a\'", r"a\"),
            ("''", ""),
            ("'\"`'", "\"`"),
        ] {
            assert_eq!(only(text), Kind::Text { content, quote: '\'' });
        }
        assert_eq!(shown("'''"), ["''", "'"]);
        assert_eq!(shown(r"'a\' b 'c'"), [r"'a\' b '", "c", "'"]);
        assert_eq!(only("'abc"), Kind::Unclosed);
        assert_eq!(only("`abc"), Kind::Unclosed);
        assert_eq!(only("\"ab"), Kind::Unclosed);
    }

    #[test]
    fn a_path_has_bare_and_quoted_parts() {
        assert_eq!(parts("tags.mlflow.user"), ["tags", "mlflow", "user"]);
        assert_eq!(parts("`metrics`.'a.b'"), ["`metrics`", "'a.b'"]);
        assert_eq!(unquote("`a`"), ("a", true));
        assert_eq!(unquote("`"), ("`", false));
        assert_eq!(shown("metrics. m"), ["metrics", ".", "m"]);
        assert_eq!(shown("metrics.a-b"), ["metrics.a", "-", "b"]);
    }

    proptest! {
        #[test]
        fn tokens_and_the_space_between_them_are_the_text(text in "[-'\"`.\\\\a1_ \u{a0}üé<=>!(),;e]{0,40}|\\PC{0,40}") {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(text[end..token.start].chars().all(is_space));
                prop_assert_eq!(&text[token.start..token.start + token.text.len()], token.text);
                prop_assert!(!token.text.is_empty());
                end = token.start + token.text.len();
            }
            prop_assert!(text[end..].chars().all(is_space));
        }
    }
}
