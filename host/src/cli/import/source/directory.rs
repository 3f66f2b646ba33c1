//! Directories of MLflow's file store: their names, and the keys and contents of the files below them.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::{Pair, meta};

/// Deepest directory of keys: MLflow makes one for each slash of a key, which has at most 250 characters.
const KEY_DEPTH_MAX: usize = 250;

/// The names of the directories in a directory, sorted. A link is none. A directory that does not exist is empty.
pub(super) fn directories(parent: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    entries(parent, |name, is_directory| {
        if is_directory {
            names.push(name);
        }
        Ok(())
    })?;
    names.sort();
    Ok(names)
}

fn entries(parent: &Path, mut each: impl FnMut(String, bool) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let context = || format!("cannot read {}", parent.display());
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(context),
    };
    for entry in entries {
        let entry = entry.with_context(context)?;
        let kind = entry.file_type().with_context(context)?;
        if let Ok(name) = entry.file_name().into_string()
            && (kind.is_dir() || kind.is_file())
        {
            each(name, kind.is_dir())?;
        }
    }
    Ok(())
}

/// The keys of the files below a directory, sorted. A key with slashes is a path.
pub(super) fn keys_below(directory: &Path) -> anyhow::Result<Vec<String>> {
    let (mut keys, mut left) = (Vec::new(), vec![(String::new(), 0)]);
    while let Some((prefix, depth)) = left.pop() {
        entries(&directory.join(&prefix), |name, is_directory| {
            let path = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            match is_directory {
                false => keys.push(path),
                true if depth < KEY_DEPTH_MAX => left.push((path, depth + 1)),
                true => return Err(anyhow!("{} has too many levels", directory.display())),
            }
            Ok(())
        })?;
    }
    keys.sort();
    Ok(keys)
}

/// The keys and contents of the files below a directory.
pub(super) fn pairs_below(directory: &Path) -> anyhow::Result<Vec<Pair>> {
    let keys = keys_below(directory)?.into_iter();
    keys.map(|key| Ok((key.clone(), meta::text(&directory.join(&key))?)))
        .collect()
}
