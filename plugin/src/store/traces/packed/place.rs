//! Places of traces in the default order of an experiment.

use crate::domain::id::ExperimentId;
use crate::domain::trace::id::TraceId;
use crate::error::{Error, Result};
use crate::host::records::scan;
use crate::store::keys::traces::{List, read_sort_key, sort_key, sort_key_in};

/// The start of a trace in milliseconds since the Unix epoch, and its id.
pub type Place = (i64, TraceId);

/// Traces that were read from the list of an experiment.
pub(super) struct Listed {
    /// Their places, in order.
    pub(super) places: Vec<Place>,
    /// The sort key at which the next ones begin. `None`: there are no more.
    pub(super) next: Option<Vec<u8>>,
}

/// Reads the list of an experiment from a sort key on and below another, at most `limit` traces. Without the other one, it reads to
/// the end of the list.
pub(super) async fn listed(
    experiment: ExperimentId,
    from: &[u8],
    until: Option<&[u8]>,
    limit: usize,
) -> Result<Listed> {
    let span = List::Experiment(experiment).between(from, until);
    let mut places = Vec::new();
    let count = scan(span, limit, |key, _| {
        places.push(sort_key_in(key).and_then(read_sort_key).ok_or_else(damaged)?);
        Ok(())
    })
    .await?;
    let next = places.last().filter(|_| count == limit).map(just_after);
    Ok(Listed { places, next })
}

/// The least sort key after that of a trace.
pub(super) fn just_after((start_ms, id): &Place) -> Vec<u8> {
    let mut key = sort_key(*start_ms, id);
    key.push(0);
    key
}

/// The error of columns, or of lists, that cannot be read.
pub(super) fn damaged() -> Error {
    Error::Corrupt("columns of traces".to_owned())
}
