//! Copies the files of a run, logged model or version.

use std::collections::HashMap;

use super::Importer;
use super::files::{Entry, Place, joined, listed};
use super::report::Kind;

/// Deepest directory of files that is copied; the limit of artifact paths.
const DEPTH_MAX: usize = 100;

impl Importer {
    /// Copies the files at a location of the source to a URI of the project. A file that is there with its size already is left.
    /// `is_new`: nothing is there yet. Returns the number of files that the source has.
    pub(super) async fn copy_files(
        &self,
        object: &str,
        location: &str,
        to: &str,
        is_new: bool,
    ) -> anyhow::Result<usize> {
        let place = self.files.place(location);
        match &place {
            Place::Folder(_) | Place::Proxy(_) => {}
            Place::Elsewhere => {
                if to != location {
                    self.report
                        .problem(object, format_args!("its files stay at {location}"));
                }
                return Ok(0);
            }
            Place::Outside(reason) => {
                self.report.problem(object, reason);
                return Ok(0);
            }
            Place::Absent => {
                self.report.without_files();
                return Ok(0);
            }
        }
        let Some(root) = to.strip_prefix("mlflow-artifacts:/") else {
            self.report.problem(
                object,
                format_args!("its files would go to {to}, which is not in this project"),
            );
            return Ok(0);
        };
        self.copy_below(object, &place, root.trim_matches('/'), is_new).await
    }

    async fn copy_below(&self, object: &str, place: &Place, root: &str, is_new: bool) -> anyhow::Result<usize> {
        let (mut directories, mut count) = (vec![(String::new(), 0)], 0);
        while let Some((directory, depth)) = directories.pop() {
            let entries = self.files.list(place, &directory).await?;
            let known = match is_new || entries.is_empty() {
                true => HashMap::new(),
                false => self.sizes(&joined(root, &directory)).await?,
            };
            for entry in entries {
                let path = joined(&directory, &entry.name);
                if !entry.is_directory {
                    count += 1;
                    if known.get(&entry.name) == Some(&entry.bytes) {
                        self.report.present(Kind::Files);
                    } else {
                        self.copy(object, place, &path, root, &entry).await?;
                    }
                } else if depth < DEPTH_MAX {
                    directories.push((path, depth + 1));
                } else {
                    self.report
                        .problem(object, format_args!("{path} has too many directories"));
                }
            }
        }
        Ok(count)
    }

    async fn copy(&self, object: &str, place: &Place, path: &str, root: &str, entry: &Entry) -> anyhow::Result<()> {
        let copied = match self.files.open(place, path).await {
            Ok(contents) => self.target.upload(&joined(root, path), contents, entry.bytes).await,
            Err(error) => Err(error),
        };
        let object = format!("file {path} of {object}");
        if self.report.survive(object, copied)?.is_some() {
            self.report.carried(Kind::Files, 1);
        }
        Ok(())
    }

    /// The sizes of the files in a directory of the project, by name.
    async fn sizes(&self, directory: &str) -> anyhow::Result<HashMap<String, u64>> {
        let found = self
            .target
            .find("mlflow-artifacts/artifacts", &[("path", directory)])
            .await?;
        let entries = found.map(|found| listed(&found)).unwrap_or_default();
        let files = entries.into_iter().filter(|entry| !entry.is_directory);
        Ok(files.map(|entry| (entry.name, entry.bytes)).collect())
    }
}
