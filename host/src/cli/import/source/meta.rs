//! The `meta.yaml` of an object in MLflow's file store: one flat mapping.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

use super::Pair;

/// Largest file of a text: a tag, a param or a `meta.yaml` with a dataset's profile of 16 million characters.
const TEXT_BYTES_MAX: u64 = 72 << 20;

/// The fields of a `meta.yaml`.
pub(super) struct Meta(Hash);

impl Meta {
    /// Reads the file in a directory.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join("meta.yaml");
        let mut documents = YamlLoader::load_from_str(&text(&path)?).with_context(|| path.display().to_string())?;
        match documents.pop() {
            Some(Yaml::Hash(fields)) => Ok(Self(fields)),
            _ => bail!("{} has no fields", path.display()),
        }
    }

    fn get(&self, key: &str) -> &Yaml {
        self.0.get(&Yaml::String(key.to_owned())).unwrap_or(&Yaml::Null)
    }

    /// A text. `None`: the field is absent or null.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        scalar(self.get(key))
    }

    /// A text; empty when the field is absent.
    pub(super) fn text_or_empty(&self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// A number. `None`: the field is absent, or no number.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.text(key)?.parse().ok()
    }

    /// The entries of a mapping; empty when the field is absent.
    pub(super) fn pairs(&self, key: &str) -> Vec<Pair> {
        let Yaml::Hash(entries) = self.get(key) else {
            return Vec::new();
        };
        let pair = |(key, value): (&Yaml, &Yaml)| Some((scalar(key)?, scalar(value)?));
        entries.iter().filter_map(pair).collect()
    }
}

/// The text of a scalar. PyYAML writes without quotes what it does not read as a number, but other readers might.
fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) | Yaml::Real(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Reads a file whose whole content is a text.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text));
    let bytes = read.with_context(|| format!("cannot read {}", path.display()))?;
    if u64::try_from(bytes)? > TEXT_BYTES_MAX {
        bail!("{} has more than {TEXT_BYTES_MAX} bytes", path.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_pyyaml_folds_escapes_or_leaves_bare_are_read_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let yaml = "artifact_uri: /mlruns/1/artifacts/sub\n  dir\ndescription: 'desc\n\n  more: it''s'\nend_time: null\n\
                    run_id: 00000000000000000000000000000e12\nname: \"\\xE9 \\\"d\\\"\"\nstatus: 4\ntags: {k: v}\n";
        std::fs::write(folder.path().join("meta.yaml"), yaml).unwrap();
        let meta = Meta::read(folder.path()).unwrap();
        assert_eq!(meta.text_or_empty("artifact_uri"), "/mlruns/1/artifacts/sub dir");
        assert_eq!(meta.text_or_empty("description"), "desc\nmore: it's");
        assert_eq!(meta.text("end_time"), None);
        assert_eq!(meta.text_or_empty("run_id"), "00000000000000000000000000000e12");
        assert_eq!(meta.text_or_empty("name"), "é \"d\"");
        assert_eq!(meta.number("status"), Some(4));
        assert_eq!(meta.pairs("tags"), [("k".to_owned(), "v".to_owned())]);
    }
}
