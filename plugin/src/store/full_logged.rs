//! Logged models with what belongs to them.

use super::keys::logged::{self as keys, LoggedPart};
use super::records::{scan, scan_all};
use super::{codec, keys::Span};
use crate::domain::experiment::Pair;
use crate::domain::limits::LOGGED_POINTS_SHOWN_MAX;
use crate::domain::logged::{FullLoggedModel, KnownLoggedModel, LoggedModel, LoggedModelId, LoggedPoint};
use crate::error::{Error, Result};

/// Reads a logged model with all its points, a deleted one too.
pub async fn read(id: LoggedModelId) -> Result<FullLoggedModel> {
    let known = read_known(&[id]).await?.pop().ok_or_else(|| id.not_found())?;
    with_points(known).await
}

/// Reads logged models without their points, in the order asked; those that do not exist are left out.
pub async fn read_known(ids: &[LoggedModelId]) -> Result<Vec<KnownLoggedModel>> {
    let mut parts: Vec<Parts> = ids.iter().map(|_| Parts::default()).collect();
    let spans: Vec<Span> = ids.iter().map(|id| keys::known_parts(*id)).collect();
    scan_all(spans, usize::MAX, |index, key, value| {
        match (ids.get(index), parts.get_mut(index)) {
            (Some(id), Some(parts)) => parts.add(*id, key, value),
            _ => Ok(()),
        }
    })
    .await?;
    Ok(parts.into_iter().filter_map(Parts::assemble).collect())
}

/// Reads the points of a logged model. Of one that has very many, the newest of each metric and dataset stand for all.
pub async fn with_points(known: KnownLoggedModel) -> Result<FullLoggedModel> {
    let mut points = Vec::new();
    if !known.newest.is_empty() {
        let id = known.model.id;
        let all = keys::points(id);
        scan(all, LOGGED_POINTS_SHOWN_MAX + 1, |key, value| {
            match keys::logged_part(key, value) {
                Some(LoggedPart::Point(point)) => points.push(point),
                _ => return Err(corrupt(id)),
            }
            Ok(())
        })
        .await?;
        if points.len() > LOGGED_POINTS_SHOWN_MAX {
            points.clone_from(&known.newest);
        }
    }
    Ok(FullLoggedModel { known, points })
}

fn corrupt(id: LoggedModelId) -> Error {
    Error::Corrupt(format!("a record of logged model {id}"))
}

/// A logged model while its records are read.
#[derive(Default)]
struct Parts {
    model: Option<LoggedModel>,
    params: Vec<Pair>,
    tags: Vec<Pair>,
    newest: Vec<LoggedPoint>,
}

impl Parts {
    fn add(&mut self, id: LoggedModelId, key: &[u8], value: &[u8]) -> Result<()> {
        match keys::logged_part(key, value).ok_or_else(|| corrupt(id))? {
            LoggedPart::Model => self.model = Some(codec::logged::read_logged_model(id, value)?),
            LoggedPart::Param(key) => self.params.push((key.to_owned(), codec::read_text(value)?)),
            LoggedPart::Tag(key) => self.tags.push((key.to_owned(), codec::read_text(value)?)),
            LoggedPart::Newest(point) => self.newest.push(point),
            LoggedPart::Point(_) => return Err(corrupt(id)),
        }
        Ok(())
    }

    fn assemble(self) -> Option<KnownLoggedModel> {
        Some(KnownLoggedModel {
            model: self.model?,
            params: self.params,
            tags: self.tags,
            newest: self.newest,
        })
    }
}
