//! The documents name only files and headings that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Names with a slash that end so are files of the repository.
const EXTENSIONS: [&str; 8] = ["json", "lock", "md", "py", "rs", "sh", "toml", "wit"];
/// Folders that are not in the repository.
const OUTSIDE: [&str; 3] = ["target", ".git", "node_modules"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All documents, relative to the root.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() && !OUTSIDE.contains(&name.as_str()) && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A document without its fenced blocks.
fn prose(document: &str) -> String {
    let outside = document.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The words of a document in backticks that name a path of the repository.
fn paths(prose: &str, folders: &BTreeSet<String>) -> Vec<String> {
    let quoted = prose.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        let Some((first, _)) = word.split_once('/') else {
            return false;
        };
        let extension = word.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_plain = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-*".contains(&byte));
        is_plain && !first.is_empty() && (folders.contains(first) || EXTENSIONS.contains(&extension))
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

/// True if a path exists. A `*` stands for any characters of one segment.
fn exists(path: &str) -> bool {
    let mut found = vec![root()];
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        found = match segment.split_once('*') {
            None => found
                .iter()
                .map(|folder| folder.join(segment))
                .filter(|path| path.exists())
                .collect(),
            Some((start, end)) => {
                let fits =
                    |name: &str| name.len() >= segment.len() - 1 && name.starts_with(start) && name.ends_with(end);
                let entries = found
                    .iter()
                    .filter_map(|folder| fs::read_dir(folder).ok())
                    .flatten()
                    .flatten();
                entries
                    .filter(|entry| entry.file_name().to_str().is_some_and(fits))
                    .map(|entry| entry.path())
                    .collect()
            }
        };
    }
    !found.is_empty()
}

/// The targets of the links of a document that lead to files and headings.
fn links(prose: &str) -> Vec<&str> {
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of the headings, as forges make them.
fn anchors(document: &str) -> BTreeSet<String> {
    let prose = prose(document);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn paths_in_documents_exist() {
    let top = fs::read_dir(root())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir());
    let mut folders: BTreeSet<String> = top.map(|entry| entry.file_name().into_string().unwrap()).collect();
    folders.retain(|folder| !OUTSIDE.contains(&folder.as_str()));
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        let absent = paths(&prose(&text), &folders).into_iter().filter(|path| !exists(path));
        missing.extend(absent.map(|path| format!("{}: {path}", document.display())));
    }
    assert!(missing.is_empty(), "these paths do not exist:\n{}", missing.join("\n"));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).unwrap();
        for link in links(&prose(&text)) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&document),
                file => root().join(&document).with_file_name(file),
            };
            let leads = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn paths_and_links_are_recognised() {
    let folders = BTreeSet::from(["docs".to_owned()]);
    let document = "`docs/x` `a/b.rs` `b.rs` `GET /x.md` `/api/x.json` `https://x/y.md` `x/*.toml`\n```\n`c/d.rs` [a](b)\n```\n[a](b.md#c) [d](http://e)";
    let prose = prose(document);
    assert_eq!(paths(&prose, &folders), ["docs/x", "a/b.rs", "x/*.toml"]);
    assert_eq!(links(&prose), ["b.md#c"]);
    assert!(exists("tests/tests/*.rs") && exists("docs/") && !exists("tests/*.none") && !exists("docs/none.md"));
    let found = anchors("# A `b/c` d!\n```\n# no\n```\n## E_f");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a-bc-d", "e_f"]);
}
