//! The keys of a run, kind `r` of the table in `keys.rs`, and its sort key in the default order.

use super::{Key, descending, read_text};
use crate::domain::id::RunId;
use crate::host::records::Span;

/// Bytes of a run's sort key: start time and run id.
pub const RUN_SORT_KEY_BYTES: usize = 24;

/// A record under a run's id. The first that is read with the run is the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPart<'a> {
    /// The run.
    Run,
    /// The packed run: its compacted metrics, params and tags.
    PackedRun,
    /// A dataset input, by name and digest.
    Input(&'a [u8]),
    /// The id of a model input.
    ModelInput(&'a str),
    /// The id of a model output.
    ModelOutput(&'a str),
    /// The key of a metric.
    Metric(&'a str),
    /// The key of a param.
    Param(&'a str),
    /// The key of a tag.
    Tag(&'a str),
}

/// Key of a run.
pub fn run(id: RunId) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'a').0
}

/// Key of a packed run.
pub fn packed_run(id: RunId) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'b').0
}

/// Key of the tags of a run's dataset input.
pub fn run_input(id: RunId, name: &str, digest: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'i').text(name).last(digest)
}

/// Key of a run's model input.
pub fn run_model_input(id: RunId, model: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'j').last(model)
}

/// Key of a run's model output. Compaction takes nothing before `m`.
pub fn run_model_output(id: RunId, model: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'k').last(model)
}

/// Key of the newest point of a run's metric.
pub fn run_metric(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'm').last(key)
}

/// Key of a run's param.
pub fn run_param(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'p').last(key)
}

/// Key of a run's tag.
pub fn run_tag(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b't').last(key)
}

/// Span of a run and everything that is read with it. The high-water marks of its metrics lie before it.
pub fn run_parts(id: RunId) -> Span {
    Span {
        start: run(id),
        end: Key::new(b'r').run(id).byte(255).0,
    }
}

/// Spans of the run and its packed run, then of its metrics, params and tags that are not compacted.
pub fn run_values(id: RunId) -> [Span; 2] {
    let values = Span {
        start: Key::new(b'r').run(id).byte(b'm').0,
        end: Key::new(b'r').run(id).byte(b'u').0,
    };
    [run_itself(id), values]
}

/// Reads a key under a run's id.
pub fn run_part(key: &[u8]) -> Option<RunPart<'_>> {
    let (kind, rest) = key.get(17..)?.split_first()?;
    let text = || std::str::from_utf8(rest).ok();
    match kind {
        b'a' => Some(RunPart::Run),
        b'b' => Some(RunPart::PackedRun),
        b'i' => Some(RunPart::Input(rest)),
        b'j' => text().map(RunPart::ModelInput),
        b'k' => text().map(RunPart::ModelOutput),
        b'm' => text().map(RunPart::Metric),
        b'p' => text().map(RunPart::Param),
        b't' => text().map(RunPart::Tag),
        _ => None,
    }
}

/// Returns name and digest of the dataset in the key of a run's input.
pub fn name_and_digest(bytes: &[u8]) -> Option<(String, String)> {
    let (name, digest) = read_text(bytes)?;
    Some((name, String::from_utf8(digest.to_vec()).ok()?))
}

/// Span of a run's dataset inputs.
pub fn run_inputs(id: RunId) -> Span {
    Span::of_prefix(Key::new(b'r').run(id).byte(b'i').0)
}

/// Span of a run and its packed run.
pub fn run_itself(id: RunId) -> Span {
    Span {
        start: Key::new(b'r').run(id).byte(b'a').0,
        end: Key::new(b'r').run(id).byte(b'c').0,
    }
}

/// Sort key of a run in the default order: newest first, then by id. It is comparable across experiments.
/// Page tokens hold it.
pub fn run_sort_key(start_time_ms: i64, id: RunId) -> [u8; RUN_SORT_KEY_BYTES] {
    let mut sort_key = [0; RUN_SORT_KEY_BYTES];
    let (start, run) = sort_key.split_at_mut(8);
    start.copy_from_slice(&descending(start_time_ms).to_be_bytes());
    run.copy_from_slice(&id.0);
    sort_key
}

/// Returns the start time and the id of a sort key.
pub fn run_of_sort_key(sort_key: &[u8; RUN_SORT_KEY_BYTES]) -> (i64, RunId) {
    let (start, run) = sort_key.split_at(8);
    let start = start.try_into().map(u64::from_be_bytes).unwrap_or_default();
    let run = run.try_into().unwrap_or_default();
    (((!start) ^ (1 << 63)).cast_signed(), RunId(run))
}
