//! A reader of the file `MLmodel`: nested keys in the form in which MLflow's client writes YAML. Lists, anchors and nested
//! values in braces are left out, since no part of the page needs them.

use std::iter::Peekable;
use std::str::Lines;

/// Number of values that are read.
const VALUES_MAX: usize = 1_000;
/// Number of nested keys.
const DEPTH_MAX: usize = 8;
/// Number of bytes of a value.
const VALUE_BYTES_MAX: usize = 128 << 10;

/// A value, with the keys that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys, the outermost first.
    pub(super) path: Vec<String>,
    /// The value. Empty: the key has no text, since it has keys below it.
    pub(super) value: String,
}

/// Reads the values of a text. Lines that have no key are left out.
pub(super) fn read(text: &str) -> Vec<Entry> {
    let mut lines = text.lines().peekable();
    let (mut open, mut found): (Vec<(usize, String)>, Vec<Entry>) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        if found.len() == VALUES_MAX {
            break;
        }
        let indent = indent_of(line);
        let Some((key, value)) = key_and_value(line.trim()) else {
            continue;
        };
        open.retain(|(other, _)| *other < indent);
        if open.len() == DEPTH_MAX {
            continue;
        }
        open.push((indent, key.to_owned()));
        found.push(Entry {
            path: open.iter().map(|(_, key)| key.clone()).collect(),
            value: scalar(value, indent, &mut lines),
        });
    }
    found
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key of a line, and the text after it.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    if line.starts_with(['#', '-', '\'', '"', '[', '{']) {
        return None;
    }
    match line.split_once(": ") {
        Some((key, value)) => Some((key, value.trim_start())),
        None => line.strip_suffix(':').map(|key| (key, "")),
    }
}

/// The value that begins with a text. It may go on in the lines below.
fn scalar(start: &str, indent: usize, lines: &mut Peekable<Lines<'_>>) -> String {
    match start.chars().next() {
        None => String::new(),
        Some(quote @ ('\'' | '"')) => quoted(start.get(1..).unwrap_or_default(), quote, lines),
        Some('|' | '>') => {
            let mut text = String::new();
            while let Some(line) = below(indent, lines) {
                text.push_str(line.trim());
                text.push('\n');
                bound(&mut text);
            }
            text
        }
        Some(_) => {
            let mut text = start.to_owned();
            while let Some(line) = below(indent, lines) {
                text.push(' ');
                text.push_str(line.trim());
                bound(&mut text);
            }
            text
        }
    }
}

/// The next line, if it stands further to the right.
fn below<'a>(indent: usize, lines: &mut Peekable<Lines<'a>>) -> Option<&'a str> {
    lines.next_if(|line| line.trim().is_empty() || indent_of(line) > indent)
}

fn bound(text: &mut String) {
    if text.len() > VALUE_BYTES_MAX {
        let end = (0..=VALUE_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
}

/// A text in quotes. A line break in it is a space, and an empty line a line break.
fn quoted(start: &str, quote: char, lines: &mut Peekable<Lines<'_>>) -> String {
    let (mut text, mut line) = (String::new(), start);
    loop {
        let end = part(line, quote, &mut text);
        bound(&mut text);
        if end == End::Closed {
            return text;
        }
        if end == End::Broken {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
        let mut breaks = 0;
        while lines.next_if(|line| line.trim().is_empty()).is_some() {
            breaks += 1;
        }
        match breaks {
            0 if end == End::Broken => text.push(' '),
            _ => text.extend(std::iter::repeat_n('\n', breaks)),
        }
        match lines.next() {
            Some(next) => line = next.trim_start(),
            None => {
                text.truncate(text.trim_end().len());
                return text;
            }
        }
    }
}

/// The end of a line within quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The closing quote.
    Closed,
    /// The line's end, which is a space.
    Broken,
    /// A backslash at the line's end, which is nothing.
    Joined,
}

/// Reads a line within quotes.
fn part(line: &str, quote: char, text: &mut String) -> End {
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' if quote == '\'' && chars.next_if_eq(&'\'').is_some() => text.push('\''),
            char if char == quote => return End::Closed,
            '\\' if quote == '"' => match chars.next() {
                None => return End::Joined,
                Some(escape) => text.extend(escaped(escape, &mut chars)),
            },
            char => text.push(char),
        }
    }
    End::Broken
}

/// The character that an escape stands for. `None`: none that can be shown.
fn escaped(escape: char, chars: &mut impl Iterator<Item = char>) -> Option<char> {
    let digits = match escape {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some(other),
    };
    let number: String = chars.take(digits).collect();
    u32::from_str_radix(&number, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let entries = read(text).into_iter();
        entries.map(|entry| (entry.path.join("/"), entry.value)).collect()
    }

    #[test]
    fn nested_keys_and_folded_texts_are_read_as_mlflow_writes_them() {
        let text = "artifact_path: model\nflavors:\n  python_function:\n    env:\n      conda: conda.yaml\n    \
                    loader_module: mlflow.sklearn\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \
                    \"it''s\"}, {\"type\":\n    \"long\"}]'\n  params: null\nutc: \"a\\u00e9\\\n  \\ b\\\"\"\n";
        let expected = [
            ("artifact_path", "model"),
            ("flavors", ""),
            ("flavors/python_function", ""),
            ("flavors/python_function/env", ""),
            ("flavors/python_function/env/conda", "conda.yaml"),
            ("flavors/python_function/loader_module", "mlflow.sklearn"),
            ("signature", ""),
            (
                "signature/inputs",
                "[{\"type\": \"double\", \"name\": \"it's\"}, {\"type\": \"long\"}]",
            ),
            ("signature/params", "null"),
            ("utc", "aé b\""),
        ];
        let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(values(text), expected);
    }

    #[test]
    fn lists_and_texts_in_blocks_do_not_disturb_what_follows() {
        let text = "a:\n- b: 1\n- c\ntext: |\n  x: 1\n  y\nlong: one\n  two\nz: 3\n";
        let expected = [("a", ""), ("text", "x: 1\ny\n"), ("long", "one two"), ("z", "3")];
        let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(values(text), expected);
    }

    #[test]
    fn a_text_without_an_end_ends_with_the_file() {
        assert_eq!(values("a: 'b\n  c"), [("a".to_owned(), "b c".to_owned())]);
        let deep: String = (0..30).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect();
        assert_eq!(read(&deep).len(), DEPTH_MAX);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a: \n'\"\\\\|>#{-]{0,80}") {
            let found = read(&text);
            prop_assert!(found.len() <= VALUES_MAX);
            prop_assert!(found.iter().all(|entry| (1..=DEPTH_MAX).contains(&entry.path.len())));
        }
    }
}
