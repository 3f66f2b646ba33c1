//! The paths in a Rust source.

use super::tokens::{Token, tokens};

/// A path in a source file, with its line. It starts at the root of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

/// All paths of a file that begin with `crate`, `self` or `super`, resolved by the module that contains them.
pub(super) fn uses(source: &str, module: &[String]) -> Vec<Use> {
    let tokens = tokens(source);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut found = Vec::new();
    // The inline modules of the file, with the depth of their braces.
    let (mut inner, mut depth) = (Vec::new(), 0);
    let mut at = 0;
    while at < tokens.len() {
        let before = |back: usize| at.checked_sub(back).map_or("", text);
        match text(at) {
            "{" => {
                depth += 1;
                if before(2) == "mod" {
                    inner.push((depth, before(1).to_owned()));
                }
            }
            "}" => {
                inner.retain(|(of, _)| *of < depth);
                depth -= 1;
            }
            // `pub(in crate::storage)` restricts the visibility of an item, and uses nothing.
            "in" if before(1) == "(" => at += 1,
            "crate" | "self" | "super" if text(at + 1) == "::" => {
                let names = inner.iter().map(|(_, name)| name.clone());
                let base: Vec<String> = module.iter().cloned().chain(names).collect();
                at = paths(&tokens, at, &base, &mut found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The paths of the `pub use` items in a folder's own file. They may name rooms without `self::`.
pub(super) fn exported(tokens: &[Token<'_>], base: &[String]) -> Vec<Use> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].text == "use" && (at > 0 && ["pub", ")"].contains(&tokens[at - 1].text)) {
            paths(tokens, at + 1, base, &mut found);
        }
    }
    found
}

/// Reads a path or a tree of paths that begins at a token. Returns the token after it.
fn paths(tokens: &[Token<'_>], mut at: usize, base: &[String], found: &mut Vec<Use>) -> usize {
    let Some(Token { line, .. }) = tokens.get(at).copied() else {
        return at;
    };
    let mut path = base.to_vec();
    loop {
        match tokens.get(at).map_or("", |token| token.text) {
            "crate" => path.clear(),
            "self" => {}
            "super" => drop(path.pop()),
            "{" => return branches(tokens, at + 1, &path, found),
            "<" => break,
            name => path.push(name.to_owned()),
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    found.push(Use { line, path });
    at
}

/// Reads the paths between braces. Returns the token after the closing one.
fn branches(tokens: &[Token<'_>], mut at: usize, base: &[String], found: &mut Vec<Use>) -> usize {
    while let Some(token) = tokens.get(at) {
        at = match token.text {
            "}" => return at + 1,
            "," => at + 1,
            // An alias of the preceding path.
            "as" => at + 2,
            _ => paths(tokens, at, base, found).max(at + 1),
        };
    }
    at
}

#[test]
fn paths_are_found_in_all_positions() {
    let source = r##"
        // crate::comment::A
        /* crate::comment::B /* inside */ crate::comment::C */
        pub(crate) mod child;
        use crate::{a::{self, B as C}, d::*};
        use super::sibling::{Item, other::*};
        pub(in crate::nobody) fn f<'a>(x: &'a str, c: char) -> super::super::Top {
            let text = ("crate::text::A \\", r#"crate::raw::"A"#, b"crate::bytes::A", '"', '\\'');
            for x in crate::list::all() {}
        }
        mod tests {
            use super::*;
            mod deeper { use super::super::child::X; }
        }
        fn g() { self::child::h::<u8>(self.x) }
    "##;
    let module = ["room", "file"].map(str::to_owned);
    let found: Vec<String> = uses(source, &module)
        .iter()
        .map(|used| format!("{} {}", used.line, used.path.join("::")))
        .collect();
    let expected = [
        "5 a",
        "5 a::B",
        "5 d::*",
        "6 room::sibling::Item",
        "6 room::sibling::other::*",
        "7 Top",
        "9 list::all",
        "12 room::file::*",
        "13 room::file::child::X",
        "15 room::file::child::h",
    ];
    assert_eq!(found, expected);
}
