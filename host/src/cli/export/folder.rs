//! The folder that an export writes.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use http_body_util::BodyExt as _;
use mlforge::Body;
use serde_json::Value;
use tokio::task::block_in_place;

/// The folder, by its absolute path.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder. One that exists must be empty.
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot make {}", folder.display());
        fs::create_dir_all(folder).with_context(context)?;
        let is_empty = fs::read_dir(folder).with_context(context)?.next().is_none();
        ensure!(is_empty, "{} is not empty", folder.display());
        Ok(Self(folder.canonicalize().with_context(context)?))
    }

    /// The location of a directory, as MLflow's file store writes it.
    pub(super) fn uri(&self, directory: &str) -> String {
        self.0.join(directory).display().to_string()
    }

    /// Writes the `meta.yaml` of a directory.
    pub(super) fn write_meta(&self, directory: &str, meta: &Value) -> anyhow::Result<()> {
        self.write(&format!("{directory}/meta.yaml"), yaml(meta).as_bytes())
    }

    /// Makes a directory.
    pub(super) fn make(&self, directory: &str) -> anyhow::Result<()> {
        let path = self.0.join(directory);
        block_in_place(|| fs::create_dir_all(&path)).with_context(|| format!("cannot make {}", path.display()))
    }

    /// Writes the file of a tag or param.
    pub(super) fn write_value(&self, directory: &str, key: &str, value: &str) -> anyhow::Result<()> {
        ensure_path(key)?;
        self.write(&format!("{directory}/{key}"), value.as_bytes())
    }

    /// Adds lines to the file of a metric.
    pub(super) fn append(&self, directory: &str, key: &str, lines: &str) -> anyhow::Result<()> {
        ensure_path(key)?;
        let path = self.0.join(directory).join(key);
        block_in_place(|| {
            make_parent(&path)?;
            let file = fs::File::options().create(true).append(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
            written.with_context(|| format!("cannot write {}", path.display()))
        })
    }

    fn write(&self, path: &str, contents: &[u8]) -> anyhow::Result<()> {
        let path = self.0.join(path);
        block_in_place(|| {
            make_parent(&path)?;
            fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))
        })
    }

    /// Writes a file as it comes.
    pub(super) async fn write_stream(&self, directory: &str, path: &str, mut contents: Body) -> anyhow::Result<()> {
        ensure_path(path)?;
        let path = self.0.join(directory).join(path);
        make_parent(&path)?;
        let mut file = fs::File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
        while let Some(frame) = contents.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                block_in_place(|| file.write_all(&bytes))?;
            }
        }
        Ok(())
    }
}

fn make_parent(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))
}

/// Refuses a key that would lead out of its directory.
fn ensure_path(key: &str) -> anyhow::Result<()> {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(['\\', '\0']);
    ensure!(key.split('/').all(is_segment), "the file store has no name for it");
    Ok(())
}

/// A mapping as YAML, of which JSON's texts, numbers and lists are a part.
fn yaml(meta: &Value) -> String {
    let mut lines = String::new();
    for (key, value) in meta.as_object().into_iter().flatten() {
        // Writing to a text does not fail.
        _ = writeln!(lines, "{key}: {}", escaped(&value.to_string()));
    }
    lines
}

/// Escapes the characters that JSON allows in texts and YAML does not.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use yaml_rust2::YamlLoader;

    use super::*;

    #[test]
    fn every_text_is_read_back_from_yaml() {
        for text in [
            "",
            "null",
            "yes",
            "1e3",
            "a: b",
            "two\nlines",
            "\"é\u{7f}\u{85}\u{2028}\u{feff}\u{1}#'",
            "\\",
        ] {
            let read = YamlLoader::load_from_str(&yaml(&json!({"text": text, "number": -1, "none": null}))).unwrap();
            assert_eq!(read[0]["text"].as_str(), Some(text));
            assert_eq!(read[0]["number"].as_i64(), Some(-1));
            assert!(read[0]["none"].is_null());
        }
    }

    #[test]
    fn no_key_leads_out_of_its_directory() {
        for bad in ["../x", "/x", "a//b", ".", "a/..", "a\\b", ""] {
            assert!(ensure_path(bad).is_err(), "{bad}");
        }
        for good in ["a", "a/b", "..a", "ü b"] {
            assert!(ensure_path(good).is_ok(), "{good}");
        }
    }
}
