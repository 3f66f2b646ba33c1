//! The rooms of the sources: modules use each other only in the order that ARCHITECTURE.md gives below `##
//! Rooms`.
//!
//! A line there names a folder and its rooms, its direct child modules: `a → b, c → d`. A room may use the
//! rooms of the groups to its right. The rooms of one group, which commas separate, do not use each other.
//! The folder's own file may use all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A line that gives the order of a folder's rooms.
struct Rooms {
    folder: String,
    /// The groups from left to right.
    groups: Vec<Vec<String>>,
}

/// A path in a source file, with its line. It starts at the root of the crate.
#[derive(Debug, PartialEq, Eq)]
struct Use {
    line: usize,
    path: Vec<String>,
}

#[test]
fn rooms_use_only_rooms_to_their_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let document = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let lines = Rooms::all_in(&document);
    assert!(
        lines.iter().any(|rooms| rooms.folder == "host/src"),
        "ARCHITECTURE.md orders no rooms of host/src"
    );
    let wrong: Vec<String> = lines.iter().flat_map(|rooms| rooms.faults(&root)).collect();
    assert!(wrong.is_empty(), "against ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

impl Rooms {
    /// All lines of the section. A line may continue in lines that begin with a space.
    fn all_in(document: &str) -> Vec<Self> {
        let section = document.split("\n## Rooms\n").nth(1).unwrap_or_default();
        let section = section.split("\n## ").next().unwrap_or_default();
        let joined = section.replace("\n  ", " ");
        let lines = joined
            .lines()
            .filter_map(|line| line.strip_prefix("- `")?.split_once("`:"));
        lines.map(|(folder, order)| Self::parse(folder, order)).collect()
    }

    fn parse(folder: &str, order: &str) -> Self {
        let names = |group: &str| group.split(',').map(|name| name.trim().to_owned()).collect();
        Self {
            folder: folder.to_owned(),
            groups: order.split('→').map(names).collect(),
        }
    }

    fn group_of(&self, room: &str) -> Option<usize> {
        self.groups
            .iter()
            .position(|group| group.iter().any(|name| name == room))
    }

    fn may_use(&self, from: &str, to: &str) -> bool {
        from == to || self.group_of(from) < self.group_of(to)
    }

    /// Uses against the order, and rooms that the line or the folder lacks.
    fn faults(&self, root: &Path) -> Vec<String> {
        let (_, within) = self.folder.split_once("src").expect("a folder of sources");
        let base: Vec<String> = within
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let sources = Sources::read(root, &self.folder, &base);
        let mut faults = Vec::new();
        for room in sources.rooms.keys().filter(|room| self.group_of(room).is_none()) {
            faults.push(format!(
                "{}: the line of this folder lacks the room `{room}`",
                self.folder
            ));
        }
        for room in self
            .groups
            .iter()
            .flatten()
            .filter(|room| !sources.rooms.contains_key(*room))
        {
            faults.push(format!("{}: there is no room `{room}`", self.folder));
        }
        for (room, files) in &sources.rooms {
            for file in files {
                let text = fs::read_to_string(root.join(&file.path)).unwrap();
                for used in uses(&text, &file.module) {
                    let fault = self.fault(room, &used.path, &base, &sources.exports);
                    faults.extend(fault.map(|fault| format!("{}:{}: {fault}", file.path, used.line)));
                }
            }
        }
        faults
    }

    /// The fault of a use in a room. `None`: the use is allowed.
    fn fault(
        &self,
        room: &str,
        path: &[String],
        base: &[String],
        exports: &BTreeMap<String, String>,
    ) -> Option<String> {
        let [first, ..] = path.strip_prefix(base)? else {
            return Some(format!("`{room}` uses the whole folder"));
        };
        if first == "*" {
            return Some(format!("`{room}` uses the whole folder"));
        }
        let to = exports.get(first).unwrap_or(first);
        // An item of the folder's own file that is no room belongs to the parent.
        let is_wrong = self.group_of(to).is_some() && !self.may_use(room, to);
        is_wrong.then(|| format!("`{room}` uses `{to}`, which is not to its right"))
    }
}

/// The source files of a folder.
struct Sources {
    rooms: BTreeMap<String, Vec<Source>>,
    /// The names that the folder's own file re-exports from its rooms, with these rooms.
    exports: BTreeMap<String, String>,
}

struct Source {
    /// The path from the root of the repository.
    path: String,
    /// The module of the file, from the root of the crate.
    module: Vec<String>,
}

impl Sources {
    fn read(root: &Path, folder: &str, base: &[String]) -> Self {
        let mut rooms: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        let mut own = vec![format!("{folder}.rs")];
        for file in rust_files(&root.join(folder)) {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            let mut module: Vec<String> = path[folder.len() + 1..path.len() - 3]
                .split('/')
                .map(str::to_owned)
                .collect();
            if module.last().is_some_and(|name| name == "mod") || ["lib", "main"].contains(&module.join("/").as_str()) {
                module.pop();
            }
            match module.first().cloned() {
                Some(room) => rooms.entry(room).or_default().push(Source {
                    path,
                    module: [base, &module].concat(),
                }),
                None => own.push(path),
            }
        }
        let mut exports = BTreeMap::new();
        for text in own.iter().filter_map(|path| fs::read_to_string(root.join(path)).ok()) {
            let tokens = tokens(&text);
            for used in exported(&tokens, base) {
                if let Some([room, .., name]) = used.path.strip_prefix(base)
                    && rooms.contains_key(room)
                {
                    exports.insert(name.clone(), room.clone());
                }
            }
        }
        Self { rooms, exports }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(rust_files(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => files.push(path),
            false => {}
        }
    }
    files.sort();
    files
}

/// A word, a `::` or another character of Rust, with its line.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// The tokens of a source without comments, strings, characters and lifetimes.
fn tokens(source: &str) -> Vec<Token<'_>> {
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

/// All paths of a file that begin with `crate`, `self` or `super`, resolved by the module that contains them.
fn uses(source: &str, module: &[String]) -> Vec<Use> {
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
fn exported(tokens: &[Token<'_>], base: &[String]) -> Vec<Use> {
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

#[test]
fn a_room_uses_rooms_to_its_right_and_none_of_its_group() {
    let document = "\n## Rooms\n\ntext\n- `x/src/y`: a → b, c\n  → d\n- `z/src`: e\n\n## More\n- `w/src`: f\n";
    let all = Rooms::all_in(document);
    assert_eq!(all.len(), 2);
    let rooms = &all[0];
    assert_eq!(rooms.folder, "x/src/y");
    for (from, to) in [("a", "a"), ("a", "b"), ("a", "d"), ("b", "d"), ("c", "d")] {
        assert!(rooms.may_use(from, to), "{from} {to}");
    }
    for (from, to) in [("b", "a"), ("b", "c"), ("c", "b"), ("d", "a"), ("d", "c")] {
        assert!(!rooms.may_use(from, to), "{from} {to}");
    }
    let exports = BTreeMap::from([("Exported".to_owned(), "c".to_owned())]);
    let is_wrong = |path: &[&str]| {
        let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        rooms.fault("b", &path, &["y".to_owned()], &exports).is_some()
    };
    for wrong in [
        &["y", "a", "X"][..],
        &["y", "c"],
        &["y", "Exported"],
        &["y"],
        &["y", "*"],
    ] {
        assert!(is_wrong(wrong), "{wrong:?}");
    }
    for right in [&["y", "b", "X"][..], &["y", "d", "a"], &["y", "Own"], &["z", "a"]] {
        assert!(!is_wrong(right), "{right:?}");
    }
}
