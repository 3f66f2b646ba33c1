//! The key layout. Keys are built and read back here only.
//!
//! | key | value | read by |
//! |---|---|---|
//! | `c` | next experiment number; absent until the first write of the project | creating experiments |
//! | `e` experiment | experiment | its id |
//! | `n` name | experiment number | its name |
//! | `g` experiment, key | value of the experiment's tag | its experiment |
//! | `o` stage, created↓, experiment | – | listings, newest first |
//! | `d` experiment, name, digest | dataset | inputs of runs |
//! | `q` experiment, run | dirty marker of a run changed since its compaction | compaction, searches |
//! | `k` experiment, column, block | values of up to 512 runs in the column | searches |
//! | `w` experiment, number | row keys: sort keys of 32 packed runs in default order | searches |
//! | `z` experiment | zone map of its blocks | compaction, searches |
//! | `r` run `G` key | high-water mark: the last point of the metric's last chunk | batches with many points of the metric |
//! | `r` run `a` | run | its id |
//! | `r` run `b` | packed run: compacted metrics, params and tags | its run |
//! | `r` run `i` name, digest | tags of a dataset input | its run |
//! | `r` run `j` model | – | its run |
//! | `r` run `k` model | step of a model output | its run |
//! | `r` run `m` key | newest point of the metric | its run |
//! | `r` run `p` key | value of the param | its run |
//! | `r` run `t` key | value of the tag | its run |
//! | `h` run, key, time, step, value | – | histories, by (time, step, value) |
//! | `H` run, key, time, step, value | a chunk: many points of which this is the last | histories |
//! | `t` trace `a` | trace: its data, tags, metadata and assessments | its id |
//! | `t` trace `s` number | a batch of its spans | its trace |
//! | `u` experiment, name, digest, context | context of a dataset's use | searches of datasets |
//! | `i` experiment `f` session, trace | – | traces with assessments that count for a whole session |
//! | `i` experiment `t` start↓, trace | – | searches of traces in default order |
//! | `i` experiment `v` field, key, value, start↓, trace | – | searches of traces for a tag, metadata, state, run or prompt |
//! | `j` `r` run, or `v` model, number | the look-up of the CI job that it names | changes of the tags that name it; maintenance |
//! | `s` experiment, commit | the run whose end is still to become the status of the commit | maintenance |
//! | `x` upload | a file that is uploaded in parts | its id; upload GC |
//! | `y` run | time of its deletion, and its experiment | purge |
//! | `Y` `e` experiment, `l` logged model, `m` model, `r` run, or `v` model, number | tombstone: the data that purge needs to remove the rest | purge |
//! | `a` time↓ `c` unique | audit record of one change | listings of the audit log, newest first |
//! | `a` hour↓ `l` run, caller | audit record of what a caller logged to a run within an hour | the same |
//! | `A` | next model number; absent until the first model | creating models |
//! | `B` name | model number | its name; listings by name |
//! | `E` experiment | number of the model that it belongs to | changes of the experiment |
//! | `F` logged model `a` | logged model | its id |
//! | `F` logged model `l` metric, dataset, digest | newest point of the metric on that dataset, and its run | its model |
//! | `F` logged model `p` key | value of the param | its model |
//! | `F` logged model `t` key | value of the tag | its model |
//! | `F` logged model `v` metric, dataset, digest, time, step, value, run | – | its model |
//! | `G` experiment, created↓, logged model | – | searches of logged models in default order |
//! | `K` experiment, name, created↓, logged model | – | the same by name |
//! | `L` experiment | guard record `versions_guard`: each commit that links a version to the experiment writes it | deletions |
//! | `L` experiment, run, model, number | – | versions of a run |
//! | `M` model `a` | model | its number |
//! | `M` model `l` alias | number of a version | its alias; its model |
//! | `M` model `t` key | value of the tag | its model |
//! | `P` experiment `a` | directory of its blocks of traces | searches of traces, compaction |
//! | `P` experiment `c` block, column | values of up to 512 traces in the column | searches of traces |
//! | `P` experiment `w` block, number | starts and ids of 32 of the block's traces | the same |
//! | `Q` experiment, start↓, trace | dirty marker of a trace changed since its compaction | compaction, searches of traces |
//! | `S` model, stage, precedence, number | – | the latest versions |
//! | `T` model, semantic version | number of the version | its semantic version |
//! | `U` model, updated↓, number↓ | – | searches of one model's versions in default order |
//! | `V` model, number `a` | version | its number |
//! | `V` model, number `l` alias | – | its version |
//! | `V` model, number `t` key | value of the tag | its version |
//! | `W` updated↓, model, number | – | searches of all versions in default order |
//!
//! Numbers are 8 bytes, big-endian. Signed numbers have the sign bit flipped, and `↓` numbers all bits, so
//! that bytes sort as wanted. A run's id is its 16 bytes. A text that is followed by more ends with a zero
//! byte. A zero byte inside it is written as two bytes (0, 255).

use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::name::cut;
use crate::host::records::Span;

mod audit;
mod columns;
mod commit_statuses;
pub mod counted;
mod jobs;
mod layout;
pub mod logged_models;
mod points;
mod purge;
mod read_key;
pub mod registry;
mod runs;
pub mod trace_columns;
pub mod traces;
mod uploads;

pub use audit::{audit_records, audited_at, audited_change, audited_logging};
pub use columns::{
    Column, all_dirty_markers, all_row_keys, block, block_number, blocks, dirty_marker, dirty_markers, dirty_run_of,
    row_keys, row_keys_between, zones,
};
pub use commit_statuses::{all_pending_statuses, pending_status, pending_status_of};
pub use jobs::{JobTarget, all_job_lookups, job_lookup, job_target_of};
pub use layout::Family;
use points::read_point;
pub use points::{
    POINT_BYTES, chunk, chunks, high_water_mark, histories, history, newest_point, point, point_at, point_of,
    point_sort_key, read_newest_point,
};
pub use purge::{
    Tombstone, all_deletions, all_tombstones, deleted_run, deletion, of_experiment, tombstone, tombstone_of,
};
pub use read_key::{FieldValue, ReadKey, read_key};
pub use runs::{
    RUN_SORT_KEY_BYTES, RunPart, name_and_digest, packed_run, run, run_input, run_inputs, run_itself, run_metric,
    run_model_input, run_model_output, run_of_sort_key, run_param, run_part, run_parts, run_sort_key, run_tag,
    run_values,
};
pub use uploads::{all_uploads, upload, upload_of};

/// A key under construction.
struct Key(Vec<u8>);

impl Key {
    fn new(kind: u8) -> Self {
        Key(vec![kind])
    }

    fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn experiment(self, id: ExperimentId) -> Self {
        self.number(id.0)
    }

    fn run(mut self, id: RunId) -> Self {
        self.0.extend_from_slice(&id.0);
        self
    }

    /// Appends a text that nothing follows.
    fn last(mut self, text: &str) -> Vec<u8> {
        self.0.extend_from_slice(text.as_bytes());
        self.0
    }

    /// Appends a text that is followed by more.
    fn text(mut self, text: &str) -> Self {
        let mut pieces = text.split('\0');
        let first = pieces.next().unwrap_or_default();
        self.0.extend_from_slice(first.as_bytes());
        for piece in pieces {
            self.0.extend_from_slice(&[0, 255]);
            self.0.extend_from_slice(piece.as_bytes());
        }
        self.byte(0)
    }
}

/// Key of the counter of experiments.
pub fn experiment_counter() -> Vec<u8> {
    vec![b'c']
}

/// Key of an experiment.
pub fn experiment(id: ExperimentId) -> Vec<u8> {
    Key::new(b'e').experiment(id).0
}

/// Span of all experiments, in any stage.
pub fn all_experiments() -> Span {
    Span::of_prefix(vec![b'e'])
}

/// Returns the experiment of a key of `all_experiments`.
pub fn experiment_of(key: &[u8]) -> Option<ExperimentId> {
    let number = key.strip_prefix(b"e")?.try_into().ok()?;
    Some(ExperimentId(u64::from_be_bytes(number)))
}

/// Key of the number of the experiment with this name.
pub fn experiment_name(name: &str) -> Vec<u8> {
    Key::new(b'n').last(name)
}

/// Key of an experiment's tag.
pub fn experiment_tag(id: ExperimentId, key: &str) -> Vec<u8> {
    Key::new(b'g').experiment(id).last(key)
}

/// Span of an experiment's tags.
pub fn experiment_tags(id: ExperimentId) -> Span {
    let start = Key::new(b'g').experiment(id).0;
    // No tag's key begins with byte 255: texts are UTF-8.
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// Returns a tag's key from the key of its record.
pub fn experiment_tag_key(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(9..)?).ok()
}

/// Key of an experiment in the listing of its stage.
pub fn listed_experiment(stage: Stage, creation_time_ms: i64, id: ExperimentId) -> Vec<u8> {
    Key::new(b'o')
        .byte(stage_byte(stage))
        .number(descending(creation_time_ms))
        .experiment(id)
        .0
}

/// Span of the listing of a stage.
pub fn listed_experiments(stage: Stage) -> Span {
    Span::of_prefix(Key::new(b'o').byte(stage_byte(stage)).0)
}

/// Returns the sort key and the experiment of a listing's key. The sort key leaves out the stage, so it is
/// comparable across stages. Page tokens hold it.
pub fn listed_experiment_sort_key(key: &[u8]) -> Option<(&[u8], ExperimentId)> {
    let sort_key = key.get(2..)?;
    Some((sort_key, ExperimentId(u64::from_be_bytes(*sort_key.last_chunk()?))))
}

/// Key of an experiment's dataset.
pub fn dataset(experiment: ExperimentId, name: &str, digest: &str) -> Vec<u8> {
    Key::new(b'd').experiment(experiment).text(name).last(digest)
}

/// Key of the use of a dataset in some context by runs of an experiment. It holds only the beginning of a
/// very long context, so that the key is never too long. Contexts with the same beginning share a key.
pub fn dataset_use(experiment: ExperimentId, name: &str, digest: &str, context: Option<&str>) -> Vec<u8> {
    let key = Key::new(b'u').experiment(experiment).text(name).text(digest);
    match context {
        None => key.byte(0).0,
        Some(context) => key.byte(1).last(&cut(context.to_owned(), USE_CONTEXT_CHARS_MAX)),
    }
}

/// Largest number of characters of a context in the key of a dataset's use.
const USE_CONTEXT_CHARS_MAX: usize = 100;

/// Span of the uses of an experiment's datasets, by (name, digest, context).
pub fn dataset_uses(experiment: ExperimentId) -> Span {
    let start = Key::new(b'u').experiment(experiment).0;
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// Returns name and digest of the dataset in a use's key. The third is true if there is a context.
pub fn read_dataset_use(key: &[u8]) -> Option<(String, String, bool)> {
    let (name, rest) = read_text(key.get(9..)?)?;
    let (digest, rest) = read_text(rest)?;
    Some((name, digest, *rest.first()? == 1))
}

/// Sort key of an experiment with this creation time in the listing.
pub fn experiment_sort_key(creation_time_ms: i64, id: ExperimentId) -> Vec<u8> {
    Key(Vec::with_capacity(LISTED_SORT_KEY_BYTES))
        .number(descending(creation_time_ms))
        .experiment(id)
        .0
}

/// Bytes of an experiment's sort key: creation time and number.
pub const LISTED_SORT_KEY_BYTES: usize = 16;

/// Span of the part of a listing after a sort key.
pub fn listed_experiments_after(stage: Stage, sort_key: &[u8]) -> Span {
    let mut key = Key::new(b'o').byte(stage_byte(stage)).0;
    key.extend_from_slice(sort_key);
    listed_experiments(stage).after(&key)
}

/// Reads a text that `Key::text` wrote. Returns the text and the bytes after it.
fn read_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut text = Vec::new();
    let mut rest = bytes;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        if *byte == 0 {
            match after.split_first() {
                Some((255, after)) => rest = after,
                _ => return Some((String::from_utf8(text).ok()?, rest)),
            }
        }
        text.push(*byte);
    }
}

fn stage_byte(stage: Stage) -> u8 {
    match stage {
        Stage::Active => b'a',
        Stage::Deleted => b'd',
    }
}

fn ascending(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn descending(number: i64) -> u64 {
    !ascending(number)
}

fn read_ascending(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

#[cfg(test)]
mod tests;
