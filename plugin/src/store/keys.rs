//! The whole key layout. Keys are built and read back here only.
//!
//! | key | value | read by |
//! |---|---|---|
//! | `c` | next experiment number; absent until the first write of the project | creating experiments |
//! | `e` experiment | experiment | its id |
//! | `n` name | experiment number | its name |
//! | `g` experiment, key | value of the experiment's tag | its experiment |
//! | `o` stage, created↓, experiment | – | listings, newest first |
//! | `d` experiment, name, digest | dataset | inputs of runs |
//! | `r` run `a` | run | its id |
//! | `r` run `i` name, digest | tags of a dataset input | its run |
//! | `r` run `j` model | – | its run |
//! | `r` run `m` key | newest point of the metric | its run |
//! | `r` run `p` key | value of the param | its run |
//! | `r` run `t` key | value of the tag | its run |
//! | `h` run, key, time, step, value | – | histories, by (time, step, value) |
//! | `x` experiment, stage, started↓, run | epoch of the stage | searches in default order |
//!
//! Numbers are 8 bytes, big end first, signed ones with the sign bit flipped, `↓` with all bits flipped, so that the
//! order of bytes is the order wanted. A run's id is its 16 bytes. A text that more follows is ended by a zero byte;
//! a zero byte inside it is written as two (0, 255).

use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::Stage;
use crate::domain::metric::Point;

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

    /// A text that nothing follows.
    fn last(mut self, text: &str) -> Vec<u8> {
        self.0.extend_from_slice(text.as_bytes());
        self.0
    }

    /// A text that more follows.
    fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(255);
            }
        }
        self.byte(0)
    }
}

/// A half-open range of keys: what `scan` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lowest key that belongs to it.
    pub start: Vec<u8>,
    /// The lowest key above it.
    pub end: Vec<u8>,
}

impl Span {
    /// All keys that begin with these bytes, which do not end with 255.
    fn of_prefix(prefix: Vec<u8>) -> Self {
        let mut end = prefix.clone();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Span { start: prefix, end }
    }

    /// The same without everything up to this key.
    pub fn after(&self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0);
        Span {
            start: start.max(self.start.clone()),
            end: self.end.clone(),
        }
    }
}

/// The counter of experiments.
pub fn experiment_counter() -> Vec<u8> {
    vec![b'c']
}

/// An experiment.
pub fn experiment(id: ExperimentId) -> Vec<u8> {
    Key::new(b'e').experiment(id).0
}

/// The number of the experiment of this name.
pub fn experiment_name(name: &str) -> Vec<u8> {
    Key::new(b'n').last(name)
}

/// A tag of an experiment.
pub fn experiment_tag(id: ExperimentId, key: &str) -> Vec<u8> {
    Key::new(b'g').experiment(id).last(key)
}

/// All tags of an experiment.
pub fn experiment_tags(id: ExperimentId) -> Span {
    let start = Key::new(b'g').experiment(id).0;
    // No tag's key begins with byte 255: texts are UTF-8.
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// The text of a tag's key from its record's key.
pub fn experiment_tag_key(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(9..)?).ok()
}

/// An experiment's place in the listing of its stage.
pub fn listed_experiment(stage: Stage, creation_time_ms: i64, id: ExperimentId) -> Vec<u8> {
    Key::new(b'o')
        .byte(stage_byte(stage))
        .number(descending(creation_time_ms))
        .experiment(id)
        .0
}

/// The listing of a stage.
pub fn listed_experiments(stage: Stage) -> Span {
    Span::of_prefix(Key::new(b'o').byte(stage_byte(stage)).0)
}

/// A place in a listing without the stage: comparable across stages, and what page tokens hold.
pub fn listed_experiment_place(key: &[u8]) -> Option<(&[u8], ExperimentId)> {
    let place = key.get(2..)?;
    Some((place, ExperimentId(u64::from_be_bytes(*place.last_chunk()?))))
}

/// A dataset of an experiment.
pub fn dataset(experiment: ExperimentId, name: &str, digest: &str) -> Vec<u8> {
    Key::new(b'd').experiment(experiment).text(name).last(digest)
}

/// What a record below a run's id holds; the first of them is the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPart<'a> {
    /// The run.
    Run,
    /// A dataset input, by name and digest.
    Input(&'a [u8]),
    /// The id of a model input.
    ModelInput(&'a str),
    /// The key of a metric.
    Metric(&'a str),
    /// The key of a param.
    Param(&'a str),
    /// The key of a tag.
    Tag(&'a str),
}

/// A run.
pub fn run(id: RunId) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'a').0
}

/// The tags of a dataset input of a run.
pub fn run_input(id: RunId, name: &str, digest: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'i').text(name).last(digest)
}

/// A model input of a run.
pub fn run_model_input(id: RunId, model: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'j').last(model)
}

/// The newest point of a run's metric.
pub fn run_metric(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'm').last(key)
}

/// A param of a run.
pub fn run_param(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b'p').last(key)
}

/// A tag of a run.
pub fn run_tag(id: RunId, key: &str) -> Vec<u8> {
    Key::new(b'r').run(id).byte(b't').last(key)
}

/// A run and everything that is read with it.
pub fn run_parts(id: RunId) -> Span {
    let start = Key::new(b'r').run(id).0;
    Span {
        end: Key(start.clone()).byte(255).0,
        start,
    }
}

/// What a key below a run's id names.
pub fn run_part(key: &[u8]) -> Option<RunPart<'_>> {
    let (kind, rest) = key.get(17..)?.split_first()?;
    let text = || std::str::from_utf8(rest).ok();
    match kind {
        b'a' => Some(RunPart::Run),
        b'i' => Some(RunPart::Input(rest)),
        b'j' => text().map(RunPart::ModelInput),
        b'm' => text().map(RunPart::Metric),
        b'p' => text().map(RunPart::Param),
        b't' => text().map(RunPart::Tag),
        _ => None,
    }
}

/// The dataset that a run's input names by the bytes of its own key.
pub fn dataset_of_input(experiment: ExperimentId, name_and_digest: &[u8]) -> Vec<u8> {
    let mut key = Key::new(b'd').experiment(experiment).0;
    key.extend_from_slice(name_and_digest);
    key
}

/// One point of a metric's history: the key is the whole point, so the same point is stored once.
pub fn point(id: RunId, metric: &str, point: Point) -> Vec<u8> {
    history_prefix(id, metric)
        .number(ascending(point.timestamp_ms))
        .number(ascending(point.step))
        .value(point.value)
        .0
}

/// The history of a metric, by (time, step, value).
pub fn history(id: RunId, metric: &str) -> Span {
    // The prefix ends with the zero byte that closes the text, so the span of the prefix is the points alone.
    Span::of_prefix(history_prefix(id, metric).0)
}

/// The point that a key of a history is.
pub fn point_of(key: &[u8]) -> Option<Point> {
    let place: &[u8; POINT_BYTES] = key.last_chunk()?;
    read_point(place)
}

/// A point as bytes whose order is (step, time, value): the greatest is the metric's newest.
pub fn newest_point(point: Point) -> Vec<u8> {
    Key(Vec::with_capacity(POINT_BYTES))
        .number(ascending(point.step))
        .number(ascending(point.timestamp_ms))
        .value(point.value)
        .0
}

/// The point that `newest_point` wrote.
pub fn read_newest_point(bytes: &[u8]) -> Option<Point> {
    let swapped = read_point(bytes.try_into().ok()?)?;
    Some(Point {
        step: swapped.timestamp_ms,
        timestamp_ms: swapped.step,
        ..swapped
    })
}

/// Time, step, value, and whether the value is NaN.
pub const POINT_BYTES: usize = 25;

fn read_point(bytes: &[u8; POINT_BYTES]) -> Option<Point> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let [time, step, value] = numbers else { return None };
    let value = if rest == [0] {
        read_float(u64::from_be_bytes(*value))
    } else {
        f64::NAN
    };
    Some(Point {
        value,
        timestamp_ms: read_ascending(*time),
        step: read_ascending(*step),
    })
}

/// A run's place in the search order of its experiment and stored stage.
pub fn started_run(experiment: ExperimentId, stage: Stage, start_time_ms: i64, id: RunId) -> Vec<u8> {
    Key::new(b'x')
        .experiment(experiment)
        .byte(stage_byte(stage))
        .number(descending(start_time_ms))
        .run(id)
        .0
}

/// The runs of an experiment that are stored under a stage, newest first, then by id.
pub fn started_runs(experiment: ExperimentId, stage: Stage) -> Span {
    Span::of_prefix(Key::new(b'x').experiment(experiment).byte(stage_byte(stage)).0)
}

/// A place in the search order without experiment and stage: comparable across them, and what page tokens hold.
pub fn started_run_place(key: &[u8]) -> Option<(&[u8; PLACE_BYTES], RunId)> {
    let place: &[u8; PLACE_BYTES] = key.last_chunk()?;
    Some((place, RunId(*place.last_chunk()?)))
}

/// The place of a run that started at this time.
pub fn started_run_place_of(start_time_ms: i64, id: RunId) -> Vec<u8> {
    Key(Vec::with_capacity(PLACE_BYTES))
        .number(descending(start_time_ms))
        .run(id)
        .0
}

/// The place of an experiment that was made at this time.
pub fn listed_experiment_place_of(creation_time_ms: i64, id: ExperimentId) -> Vec<u8> {
    Key(Vec::with_capacity(LISTED_PLACE_BYTES))
        .number(descending(creation_time_ms))
        .experiment(id)
        .0
}

/// Start time and run id.
pub const PLACE_BYTES: usize = 24;
/// Creation time and number of an experiment.
pub const LISTED_PLACE_BYTES: usize = 16;

/// The part of the span behind a place.
pub fn started_runs_after(experiment: ExperimentId, stage: Stage, place: &[u8; PLACE_BYTES]) -> Span {
    let mut key = Key::new(b'x').experiment(experiment).byte(stage_byte(stage)).0;
    key.extend_from_slice(place);
    started_runs(experiment, stage).after(&key)
}

/// The part of a listing behind a place.
pub fn listed_experiments_after(stage: Stage, place: &[u8]) -> Span {
    let mut key = Key::new(b'o').byte(stage_byte(stage)).0;
    key.extend_from_slice(place);
    listed_experiments(stage).after(&key)
}

impl Key {
    /// Order-preserving; NaN counts as 0 and comes behind it.
    fn value(self, value: f64) -> Self {
        let ordered = ordered_float(if value.is_nan() { 0.0 } else { value });
        self.number(ordered).byte(u8::from(value.is_nan()))
    }
}

fn history_prefix(id: RunId, metric: &str) -> Key {
    Key::new(b'h').run(id).text(metric)
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

/// The bits of a float, changed so that their order is the floats' order: IEEE 754 totalOrder.
fn ordered_float(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits }
}

fn read_float(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 0 {
        !ordered
    } else {
        ordered ^ (1 << 63)
    })
}

#[cfg(test)]
mod tests;
