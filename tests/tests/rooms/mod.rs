//! The rooms of the sources: modules use each other only in the order that ARCHITECTURE.md gives below `##
//! Rooms`.
//!
//! A line there names a folder and its rooms, its direct child modules: `a → b, c → d`. A room may use the
//! rooms of the groups to its right. The rooms of one group, which commas separate, do not use each other.
//! The folder's own file may use all.

mod paths;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use paths::{exported, uses};
use tokens::tokens;

/// A line that gives the order of a folder's rooms.
struct Rooms {
    folder: String,
    /// The groups from left to right.
    groups: Vec<Vec<String>>,
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
