//! Artifacts: files that belong to a run, a logged model or a trace, under the path that its artifact URI names.
//!
//! Reading needs only the path, since the host binds the project. Writing looks up the owner of the path.

pub mod tree;
pub mod upload_gc;
pub mod uploads;

use std::borrow::Cow;

use super::{audit, keys, logged_models, runs, traces};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::domain::artifact_name;
use crate::domain::audit::AuditObject;
use crate::domain::id::RunId;
use crate::domain::limits::ARTIFACTS_PER_REQUEST_MAX;
use crate::domain::logged_model::LoggedModelId;
use crate::domain::source::{Source, possible_models, possible_runs};
use crate::domain::trace::id::TraceId;
use crate::domain::upload::{NamedPart, UploadId};
use crate::error::{Error, Result};
use crate::host::blobs::{FileInfo, Item, Staged};
use crate::host::direct_transfers::{self, Completion};
use crate::host::records::{ABSENT, Change, get};
use crate::host::streams::ByteStream;
use crate::host::{blobs, parts};

/// Largest number of attempts to open a file that is replaced at the same time.
const ATTEMPTS_MAX: usize = 10;

/// An opened file.
pub struct Opened {
    /// Size and other properties of the whole file.
    pub info: FileInfo,
    /// The bytes that were asked for.
    pub contents: ByteStream,
}

/// The owner of a path.
pub enum Owner {
    /// A run that is active.
    Run(runs::StoredRun),
    /// A logged model that is not deleted.
    Logged(logged_models::StoredLoggedModel),
    /// A trace.
    Trace(traces::StoredTrace),
}

impl Owner {
    /// Makes a change depend on the owner being as it was read.
    pub fn require_unchanged(&self, change: &mut Change) {
        match self {
            Owner::Run(run) => run.expect(change),
            Owner::Logged(model) => model.require_unchanged(change),
            Owner::Trace(trace) => trace.require_unchanged(change),
        }
    }

    /// Checks that the owner still exists after a file was stored. If the owner was purged meanwhile, this
    /// removes the file and returns an error. The purge may not have seen the file, and no other purge would.
    async fn must_still_exist(&self, path: &ArtifactPath) -> Result<()> {
        let key = match self {
            Owner::Run(stored) => keys::run(stored.run.id),
            Owner::Logged(stored) => keys::logged_models::model(stored.model.id),
            Owner::Trace(stored) => keys::traces::trace(&stored.trace.id),
        };
        let [owner] = get([key]).await?;
        if owner.version != ABSENT {
            return Ok(());
        }
        blobs::delete(path).await?;
        Err(belongs_to_nothing(path))
    }
}

/// Finds the owner of a path. Returns an error if there is none, or if it is not active.
pub async fn owner_of(path: &ArtifactPath) -> Result<Owner> {
    // The last id in the path is the closest owner.
    for id in possible_runs(path.as_str()).into_iter().rev() {
        let run = match runs::load(id).await {
            Ok(run) => run,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        if path.is_within_uri(&run.run.artifact_uri) {
            run.ensure_active()?;
            return Ok(Owner::Run(run));
        }
    }
    for id in possible_models(path.as_str()).into_iter().rev() {
        let stored = match logged_models::load(id).await {
            Ok(stored) => stored,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        if !stored.model.is_deleted && path.is_within_uri(&stored.model.artifact_uri) {
            return Ok(Owner::Logged(stored));
        }
    }
    match trace_of(path).await? {
        Some(stored) => Ok(Owner::Trace(stored)),
        None => Err(belongs_to_nothing(path)),
    }
}

/// Finds the trace below whose artifacts a path is. `None`: there is none.
pub async fn trace_of(path: &ArtifactPath) -> Result<Option<traces::StoredTrace>> {
    let names: Vec<&str> = path.as_str().split('/').collect();
    let ids = names.windows(3).rev().filter_map(|names| match names {
        ["traces", id, "artifacts"] => TraceId::parse(id).ok(),
        _ => None,
    });
    // The last id in the path is the closest owner, and no other is possible.
    for id in ids.take(1) {
        match traces::load(&id).await {
            Ok(stored) if path.is_within_uri(&stored.trace.artifact_uri) => return Ok(Some(stored)),
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn belongs_to_nothing(path: &ArtifactPath) -> Error {
    Error::Invalid(format!(
        "The path '{path}' does not lie below the artifacts of a run, logged model or trace of this project."
    ))
}

/// Returns the location of a run's artifacts, even of a soft-deleted run.
pub async fn root_of_run(id: RunId) -> Result<(String, ArtifactPath)> {
    let uri = runs::load(id).await?.run.artifact_uri;
    let root = of_uri(&uri)?;
    Ok((uri, root))
}

/// Returns the location of a logged model's artifacts. A deleted model is not found.
pub async fn root_of_logged_model(id: LoggedModelId) -> Result<(String, ArtifactPath)> {
    let model = logged_models::load(id).await?.model;
    if model.is_deleted {
        return Err(id.not_found());
    }
    let root = of_uri(&model.artifact_uri)?;
    Ok((model.artifact_uri, root))
}

/// Returns the path of a URI, if its files are stored here.
pub fn of_uri(uri: &str) -> Result<ArtifactPath> {
    ArtifactPath::of_uri(uri)
        .ok_or_else(|| Error::Invalid(format!("The artifacts at '{uri}' are not kept by this server.")))
}

/// Returns the path of a version's location, if its files are stored here.
pub async fn of_location(location: &str) -> Result<ArtifactPath> {
    match Source::parse(location, false, &[]) {
        Ok(Source::Run(place)) => root_of_run(place.run).await?.1.below(&place.below, Purpose::Read),
        _ => of_uri(location),
    }
}

/// Stores a received file, unless its owner was deleted meanwhile.
pub async fn put(path: &ArtifactPath, staged: Staged) -> Result<()> {
    let owner = owner_of(path).await?;
    let stored = audit::recorded(AuditObject::Artifact(path), async || {
        blobs::commit(staged, path).await?;
        owner.must_still_exist(path).await.map(|()| true)
    });
    stored.await.map(drop)
}

/// Joins the parts of an upload into a file, unless its owner was deleted meanwhile. Returns false if a part
/// does not exist.
pub async fn join(path: &ArtifactPath, upload: UploadId, parts: &[NamedPart]) -> Result<bool> {
    let owner = owner_of(path).await?;
    let joined = audit::recorded(AuditObject::Artifact(path), async || {
        if !parts::join(upload, parts, path).await? {
            return Ok(false);
        }
        owner.must_still_exist(path).await.map(|()| true)
    });
    joined.await
}

/// Completes a direct upload as a file, unless its owner was deleted meanwhile.
pub async fn complete_direct(path: &ArtifactPath, upload: &str, etags: Vec<String>) -> Result<Completion> {
    let owner = owner_of(path).await?;
    let mut outcome = Completion::Absent;
    let completed = audit::recorded(AuditObject::Artifact(path), async || {
        outcome = direct_transfers::complete(upload, etags, path).await?;
        if outcome != Completion::Done {
            return Ok(false);
        }
        owner.must_still_exist(path).await.map(|()| true)
    });
    completed.await.map(|_| outcome)
}

/// The thing that has a path.
pub enum Found {
    /// A file: its stored path and its properties.
    File(ArtifactPath, FileInfo),
    /// A directory that is not empty.
    Directory,
    /// Nothing.
    Nothing,
}

/// Finds what has a path.
pub async fn look_up(path: &ArtifactPath) -> Result<Found> {
    if let Some(info) = blobs::stat(path).await? {
        return Ok(Found::File(path.clone(), info));
    }
    let earlier = earlier_place(path).await?;
    if let Some(earlier) = &earlier
        && let Some(info) = blobs::stat(earlier).await?
    {
        return Ok(Found::File(earlier.clone(), info));
    }
    Ok(match blobs::is_directory(earlier.as_ref().unwrap_or(path)).await? {
        true => Found::Directory,
        false => Found::Nothing,
    })
}

/// Finds a file. Returns its stored path and its properties.
pub async fn find(path: &ArtifactPath) -> Result<(ArtifactPath, FileInfo)> {
    match look_up(path).await? {
        Found::File(place, info) => Ok((place, info)),
        Found::Directory => Err(Error::Invalid(format!("The path '{path}' is that of a directory."))),
        Found::Nothing => Err(Error::NotFound(format!("No artifact has the path '{path}'."))),
    }
}

/// Reads the beginning of a file, at most this many bytes. Returns its properties too.
pub async fn start_of(path: &ArtifactPath, bytes_max: u64) -> Result<(FileInfo, Vec<u8>)> {
    let opened = open(path, |info| Ok((0, info.size.min(bytes_max)))).await?;
    Ok((opened.info, opened.contents.collect().await?))
}

/// Opens a part of a file. `part` chooses offset and length, given the file's properties.
pub async fn open(path: &ArtifactPath, part: impl Fn(FileInfo) -> Result<(u64, u64)>) -> Result<Opened> {
    for _ in 0..ATTEMPTS_MAX {
        let (place, info) = find(path).await?;
        let (offset, length) = part(info)?;
        let contents = blobs::read(&place, offset, length).await?;
        // If the properties are still the same, the file was not replaced between the look-up and the read.
        if let Some(contents) = contents
            && blobs::stat(&place).await? == Some(info)
        {
            return Ok(Opened { info, contents });
        }
    }
    Err(Error::Contended)
}

/// Returns the items directly under a directory, sorted by name. Empty for a file, or if there is nothing.
pub async fn list(directory: Option<&ArtifactPath>) -> Result<Vec<Item>> {
    let mut items = blobs::list(directory, ARTIFACTS_PER_REQUEST_MAX).await?;
    if items.is_empty()
        && let Some(directory) = directory
        && let Some(earlier) = earlier_place(directory).await?
    {
        items = blobs::list(Some(&earlier), ARTIFACTS_PER_REQUEST_MAX).await?;
    }
    let mut is_changed = false;
    for item in &mut items {
        if let Cow::Owned(name) = artifact_name::listed(&item.name) {
            item.name = name;
            is_changed = true;
        }
    }
    if is_changed {
        // If names are equal, a look-up finds the first.
        items.sort_by(|one, other| one.name.cmp(&other.name));
        items.dedup_by(|later, first| later.name == first.name);
    }
    Ok(items)
}

/// Removes a file, or a directory with everything in it. A path that does not exist counts as removed.
pub async fn delete(path: &ArtifactPath) -> Result<()> {
    owner_of(path).await?;
    let deleted = audit::recorded(AuditObject::Artifact(path), async || {
        if delete_at(path).await? {
            return Ok(true);
        }
        match earlier_place(path).await? {
            Some(earlier) => delete_at(&earlier).await,
            None => Ok(false),
        }
    });
    deleted.await.map(drop)
}

async fn delete_at(path: &ArtifactPath) -> Result<bool> {
    Ok(blobs::delete(path).await? || blobs::delete_below(path).await?)
}

/// Returns the path at which an earlier version of this server stored the file that now has this path.
/// `None`: there is no such path. Callers ask only when nothing is stored under the path itself.
///
/// This costs nothing for most paths. A name with a `+` costs a look-up, and the list of its directory if it
/// is not found.
async fn earlier_place(path: &ArtifactPath) -> Result<Option<ArtifactPath>> {
    if let Some(earlier) = path.earlier()
        && blobs::exists(&earlier).await?
    {
        return Ok(Some(earlier));
    }
    let (root, names) = after_owner(path.as_str());
    if !names.contains('+') {
        return Ok(None);
    }
    let mut place = ArtifactPath::kept(root.to_owned());
    for name in names.split('/') {
        place = match earlier_item(&place, name).await? {
            Some(item) => item,
            None => return Ok(None),
        };
    }
    Ok((place != *path).then_some(place))
}

/// Returns the item of a directory that is listed under a name.
async fn earlier_item(directory: &ArtifactPath, name: &str) -> Result<Option<ArtifactPath>> {
    let item = directory.item(name);
    if !name.contains('+') || blobs::exists(&item).await? {
        return Ok(Some(item));
    }
    if let Some(image) = artifact_name::earlier_image(name) {
        let image = directory.item(&image);
        if blobs::exists(&image).await? {
            return Ok(Some(image));
        }
    }
    let items = blobs::list(Some(directory), ARTIFACTS_PER_REQUEST_MAX).await?;
    let kept = items.iter().find(|item| artifact_name::listed(&item.name) == name);
    Ok(kept.map(|item| directory.item(&item.name)))
}

/// Splits a path after the last id of a run or logged model in it. Names before the split have only one form.
fn after_owner(path: &str) -> (&str, &str) {
    let is_owner = |name: &str| RunId::parse(name).is_ok() || LoggedModelId::parse(name).is_ok();
    let mut end = 0;
    let mut at = 0;
    for name in path.split('/') {
        at += name.len();
        if is_owner(name) {
            end = at;
        }
        at += 1;
    }
    match path.split_at_checked(end) {
        Some((root, below)) if end > 0 => (root, below.trim_start_matches('/')),
        _ => (path, ""),
    }
}
