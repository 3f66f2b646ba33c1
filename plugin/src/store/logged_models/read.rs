//! Reads logged models with their params, tags and points.

use std::ops::ControlFlow;

use crate::domain::experiment::Pair;
use crate::domain::limits::LOGGED_POINTS_SHOWN_MAX;
use crate::domain::logged_model::{FullLoggedModel, KnownLoggedModel, LoggedModel, LoggedModelId, LoggedPoint};
use crate::error::{Error, Result};
use crate::host::records::{Span, scan_until};
use crate::store::codec;
use crate::store::keys::logged_models as keys;
use crate::store::keys::logged_models::LoggedPart;
use crate::store::portion::{ByteBudget, as_shown, portion};

/// Largest number of bytes that are read of one logged model besides its points.
const MODEL_BYTES_MAX: usize = 12 << 20;

/// Largest number of bytes that are read of one logged model's points. An answer holds them a second time.
const POINTS_BYTES_MAX: usize = 8 << 20;

/// Reads a logged model with all its points, even a deleted one.
pub async fn read(id: LoggedModelId) -> Result<FullLoggedModel> {
    let known = read_known(&[id]).await?.pop().flatten().ok_or_else(|| id.not_found())?;
    with_points(known).await
}

/// Reads the first of some logged models without their points, at least one if there are any. `None`: the
/// model does not exist.
pub async fn read_known(ids: &[LoggedModelId]) -> Result<Vec<Option<KnownLoggedModel>>> {
    let spans: Vec<[Span; 1]> = ids.iter().map(|id| [keys::known_parts(*id)]).collect();
    let room = ByteBudget::new(MODEL_BYTES_MAX);
    let parts = portion(
        &spans,
        room,
        as_shown,
        |index, parts: &mut LoggedModelParts, key, value| {
            let id = ids
                .get(index)
                .ok_or_else(|| Error::Corrupt("no such logged model".to_owned()))?;
            parts.add(*id, key, value)
        },
    );
    Ok(parts.await?.into_iter().map(LoggedModelParts::assemble).collect())
}

/// Reads the points of a logged model. If there are very many, or their names are long, the answer has only
/// the newest of each metric and dataset.
pub async fn with_points(known: KnownLoggedModel) -> Result<FullLoggedModel> {
    let (mut points, mut are_all) = (Vec::new(), true);
    if !known.newest.is_empty() {
        let id = known.model.id;
        let mut room = ByteBudget::new(POINTS_BYTES_MAX);
        scan_until(vec![keys::points(id)], usize::MAX, |_, key, value| {
            are_all = points.len() < LOGGED_POINTS_SHOWN_MAX && room.takes(as_shown(key, value));
            if !are_all {
                return Ok(ControlFlow::Break(()));
            }
            match keys::logged_part(key, value) {
                Some(LoggedPart::Point(point)) => points.push(point),
                _ => return Err(corrupt(id)),
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    }
    if !are_all {
        points.clone_from(&known.newest);
    }
    Ok(FullLoggedModel { known, points })
}

fn corrupt(id: LoggedModelId) -> Error {
    Error::Corrupt(format!("a record of logged model {id}"))
}

/// Collects the records of a logged model.
#[derive(Default)]
struct LoggedModelParts {
    model: Option<LoggedModel>,
    params: Vec<Pair>,
    tags: Vec<Pair>,
    newest: Vec<LoggedPoint>,
}

impl LoggedModelParts {
    fn add(&mut self, id: LoggedModelId, key: &[u8], value: &[u8]) -> Result<()> {
        match keys::logged_part(key, value).ok_or_else(|| corrupt(id))? {
            LoggedPart::Model => self.model = Some(codec::logged_models::read_logged_model(id, value)?),
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
