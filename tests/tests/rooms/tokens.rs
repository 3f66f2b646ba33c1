//! The tokens of a Rust source.

/// A word, a `::` or another character of Rust, with its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// The tokens of a source without comments, strings, characters and lifetimes.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(next) = source[at..].chars().next() {
        let rest = &source[at..];
        let (length, is_token) = match next {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (comment_length(rest), false),
            '"' => (string_length(rest), false),
            '\'' => (quoted_length(rest), false),
            ':' if rest.starts_with("::") => (2, true),
            _ if next.is_alphanumeric() || next == '_' => {
                let word = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                match raw_string_length(rest, word) {
                    Some(length) => (length, false),
                    None => (word, true),
                }
            }
            _ => (next.len_utf8(), !next.is_whitespace()),
        };
        let text = &rest[..length];
        if is_token {
            found.push(Token { line, text });
        }
        line += text.matches('\n').count();
        at += length;
    }
    found
}

/// The length of a block comment. Block comments nest.
fn comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// The length of a character literal, or of the apostrophe of a lifetime.
fn quoted_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// The length of a raw string whose prefix (`r`, `br`, `cr`) is a word of this length.
fn raw_string_length(rest: &str, word: usize) -> Option<usize> {
    let after = ["r", "br", "cr"].contains(&&rest[..word]).then(|| &rest[word..])?;
    let hashes = after.find(|c| c != '#')?;
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(word + hashes + 1 + length)
}
