//! Files: what the records say of each, by its name.

use std::collections::BTreeSet;

use super::{Check, Source};
use crate::domain::artifact::ArtifactPath;
use crate::domain::source::{possible_models, possible_runs};
use crate::domain::trace::id::TraceId;
use crate::domain::upload::{NamedPart, UploadId};
use crate::error::Result;
use crate::store::codec::purge::read_note;
use crate::store::codec::spans::{Batch, read_batch};
use crate::store::codec::traces::read_trace;
use crate::store::codec::upload::read_upload;
use crate::store::codec::{logged_models::read_logged_model, read_run};
use crate::store::keys::{self, Tombstone};

/// Largest number of batches of a trace whose names are kept. The files of larger ones are not judged.
const BATCHES_MAX: u64 = 100_000;

/// The owner of a file, by the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileCheck {
    /// It belongs to something, and may have any content.
    Owned,
    /// It is a part of an upload, whose SHA-256 is this, in hex.
    Part(String),
    /// It has spans of a trace: `spans_problem` reads them.
    Spans,
    /// Nothing refers to it.
    Orphan {
        /// One sentence without a full stop.
        text: String,
        /// True if nobody can ever ask for it.
        is_useless: bool,
    },
}

/// The reason why the content of a file is no batch of spans. `None`: it is one.
pub fn spans_problem(content: &[u8]) -> Option<String> {
    match read_batch(content) {
        Ok(Batch::Here(_)) => None,
        Ok(Batch::Blob(_)) => Some("a batch of spans that is in another file".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The files of spans of one trace, by their names. `None`: the trace has too many to be kept.
pub(super) struct SpanFiles {
    trace: TraceId,
    names: Option<BTreeSet<String>>,
}

// A record that cannot be read is told by itself. Its files count as owned, since nobody can tell.
impl<S: Source> Check<S> {
    /// The owner of the project's file with this name, by the records. Calls for files of one directory should follow each other.
    ///
    /// # Errors
    /// Fails when the source does.
    pub fn file(&mut self, name: &str) -> Result<FileCheck> {
        let found = match name.split_once('/') {
            Some(("a", path)) => self.artifact(&ArtifactPath::kept(path.to_owned()))?,
            Some(("p", part)) => self.part(part)?,
            Some(("s", spans)) => self.spans(name, spans)?,
            _ => None,
        };
        Ok(found.unwrap_or_else(|| FileCheck::Orphan {
            text: format!("the file {name:?} belongs to nothing that exists"),
            is_useless: name.starts_with("p/") || name.starts_with("s/"),
        }))
    }

    fn artifact(&self, path: &ArtifactPath) -> Result<Option<FileCheck>> {
        for id in possible_runs(path.as_str()) {
            let stored = self.source.get(&keys::run(id))?;
            let uri = stored.map(|value| Some(read_run(id, &value).ok()?.artifact_uri));
            if self.is_within(path, uri, &Tombstone::Run(id))? {
                return Ok(Some(FileCheck::Owned));
            }
        }
        for id in possible_models(path.as_str()) {
            let stored = self.source.get(&keys::logged_models::model(id))?;
            let uri = stored.map(|value| Some(read_logged_model(id, &value).ok()?.artifact_uri));
            if self.is_within(path, uri, &Tombstone::Logged(id))? {
                return Ok(Some(FileCheck::Owned));
            }
        }
        let names: Vec<&str> = path.as_str().split('/').collect();
        for names in names.windows(3) {
            let ["traces", id, "artifacts"] = names else { continue };
            let id = TraceId::stored(id);
            let stored = self.source.get(&keys::traces::trace(&id))?;
            let uri = stored.map(|value| Some(read_trace(&id, &value).ok()?.artifact_uri));
            if is_below(path, uri) {
                return Ok(Some(FileCheck::Owned));
            }
        }
        Ok(None)
    }

    /// True if a path is below the URI of an owner, or of one that is being removed.
    fn is_within(&self, path: &ArtifactPath, uri: Option<Option<String>>, tombstone: &Tombstone) -> Result<bool> {
        if is_below(path, uri) {
            return Ok(true);
        }
        let note = self.source.get(&keys::tombstone(tombstone))?;
        Ok(is_below(
            path,
            note.map(|note| Some(read_note(&note).ok()?.artifact_uri)),
        ))
    }

    fn part(&self, part: &str) -> Result<Option<FileCheck>> {
        let named = part.split_once('/').and_then(|(id, name)| {
            let (number, digest) = name.split_once('-')?;
            let named = NamedPart::parse(number.parse().ok()?, digest).ok()?;
            Some((UploadId::parse(id).ok()?, named))
        });
        let Some((id, named)) = named else { return Ok(None) };
        let stored = self.source.get(&keys::upload(id))?;
        let is_part = stored.is_some_and(|value| {
            let upload = read_upload(&value);
            upload.is_err() || upload.is_ok_and(|upload| upload.must_have_part(named.number).is_ok())
        });
        Ok(is_part.then_some(FileCheck::Part(named.digest)))
    }

    fn spans(&mut self, name: &str, spans: &str) -> Result<Option<FileCheck>> {
        let Some((id, _)) = spans.rsplit_once('/') else {
            return Ok(None);
        };
        let id = TraceId::stored(id);
        let files = match self.span_files.take().filter(|files| files.trace == id) {
            Some(files) => files,
            None => self.span_files_of(id)?,
        };
        let is_known = files.names.as_ref().is_none_or(|names| names.contains(name));
        self.span_files = Some(files);
        Ok(is_known.then_some(FileCheck::Spans))
    }

    fn span_files_of(&self, trace: TraceId) -> Result<SpanFiles> {
        let mut names = BTreeSet::new();
        let Some(stored) = self.source.get(&keys::traces::trace(&trace))? else {
            return Ok(SpanFiles {
                trace,
                names: Some(names),
            });
        };
        let Some(batches) = read_trace(&trace, &stored)
            .ok()
            .map(|read| read.batches)
            .filter(|count| *count <= BATCHES_MAX)
        else {
            return Ok(SpanFiles { trace, names: None });
        };
        for number in 0..batches {
            let batch = self.source.get(&keys::traces::batch(&trace, number))?;
            if let Some(Ok(Batch::Blob(name))) = batch.map(|value| read_batch(&value)) {
                names.insert(name);
            }
        }
        Ok(SpanFiles {
            trace,
            names: Some(names),
        })
    }
}

/// True if a path is below a URI. The URI is `None` if there is no owner, and `Some(None)` if its record cannot be read.
fn is_below(path: &ArtifactPath, uri: Option<Option<String>>) -> bool {
    uri.is_some_and(|uri| uri.is_none_or(|uri| path.is_within_uri(&uri)))
}
