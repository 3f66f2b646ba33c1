//! Every key read back field by field, for those who look inside a store. The families are those of the table in `keys.rs`.

use std::fmt;

use super::registry::identifier_end;
use super::{POINT_BYTES, read_ascending, read_point, read_text};
use crate::domain::id::RunId;
use crate::domain::metric::Point;

/// A family of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the table in `keys.rs` describes each")]
pub enum Family {
    ExperimentCounter,
    Experiment,
    ExperimentName,
    ExperimentTag,
    ListedExperiment,
    Dataset,
    DatasetUse,
    DirtyMarker,
    Block,
    RowKeys,
    Zones,
    HighWaterMark,
    Run,
    PackedRun,
    RunInput,
    RunModelInput,
    RunModelOutput,
    RunMetric,
    RunParam,
    RunTag,
    Point,
    Chunk,
    JobLookup,
    PendingStatus,
    Upload,
    Deletion,
    Tombstone,
    TombstoneWithRemains,
    AuditRecord,
    AuditedLogging,
    ModelCounter,
    ModelName,
    ModelOfExperiment,
    LoggedModel,
    LoggedNewest,
    LoggedParam,
    LoggedTag,
    LoggedPoint,
    ListedLogged,
    ListedLoggedByName,
    VersionsGuard,
    VersionOfRun,
    Model,
    ModelAlias,
    ModelTag,
    RankedVersion,
    SemVer,
    UpdatedInModel,
    Updated,
    Version,
    VersionAlias,
    VersionTag,
}

/// The form of a field.
#[derive(Clone, Copy)]
enum Form {
    Number,
    Short,
    Descending,
    Inverted,
    Letter,
    Id,
    Text,
    Last,
    LastIfAny,
    Point,
    Precedence,
}

/// A part of a key.
#[derive(Clone, Copy)]
enum Part {
    Is(u8),
    Field(&'static str, Form),
}

use Form::{Descending, Id, Inverted, Last, LastIfAny, Letter, Number, Precedence, Short, Text};
use Part::{Field, Is};

const EXPERIMENT: Part = Field("experiment", Number);
const RUN: Part = Field("run", Id);
const LOGGED: Part = Field("logged_model", Id);
const MODEL: Part = Field("model", Number);
const VERSION: Part = Field("number", Number);
const METRIC: Part = Field("metric", Text);
const POINT: Part = Field("point", Form::Point);

/// The parts of each family's keys. The first family that fits is that of a key.
const LAYOUTS: &[(Family, &[Part])] = &[
    (Family::ExperimentCounter, &[Is(b'c')]),
    (Family::Experiment, &[Is(b'e'), EXPERIMENT]),
    (Family::ExperimentName, &[Is(b'n'), Field("name", Last)]),
    (Family::ExperimentTag, &[Is(b'g'), EXPERIMENT, Field("tag", Last)]),
    (
        Family::ListedExperiment,
        &[
            Is(b'o'),
            Field("stage", Letter),
            Field("created", Descending),
            EXPERIMENT,
        ],
    ),
    (
        Family::Dataset,
        &[Is(b'd'), EXPERIMENT, Field("name", Text), Field("digest", Last)],
    ),
    (
        Family::DatasetUse,
        &[
            Is(b'u'),
            EXPERIMENT,
            Field("name", Text),
            Field("digest", Text),
            Field("context", LastIfAny),
        ],
    ),
    (Family::DirtyMarker, &[Is(b'q'), EXPERIMENT, RUN]),
    (
        Family::Block,
        &[Is(b'k'), EXPERIMENT, Field("column", Letter), Field("block", Short)],
    ),
    (
        Family::Block,
        &[
            Is(b'k'),
            EXPERIMENT,
            Field("column", Letter),
            Field("key", Text),
            Field("block", Short),
        ],
    ),
    (Family::RowKeys, &[Is(b'w'), EXPERIMENT, Field("record", Short)]),
    (Family::Zones, &[Is(b'z'), EXPERIMENT]),
    (Family::HighWaterMark, &[Is(b'r'), RUN, Is(b'G'), Field("metric", Last)]),
    (Family::Run, &[Is(b'r'), RUN, Is(b'a')]),
    (Family::PackedRun, &[Is(b'r'), RUN, Is(b'b')]),
    (
        Family::RunInput,
        &[Is(b'r'), RUN, Is(b'i'), Field("name", Text), Field("digest", Last)],
    ),
    (Family::RunModelInput, &[Is(b'r'), RUN, Is(b'j'), Field("model", Last)]),
    (Family::RunModelOutput, &[Is(b'r'), RUN, Is(b'k'), Field("model", Last)]),
    (Family::RunMetric, &[Is(b'r'), RUN, Is(b'm'), Field("metric", Last)]),
    (Family::RunParam, &[Is(b'r'), RUN, Is(b'p'), Field("param", Last)]),
    (Family::RunTag, &[Is(b'r'), RUN, Is(b't'), Field("tag", Last)]),
    (Family::Point, &[Is(b'h'), RUN, METRIC, POINT]),
    (Family::Chunk, &[Is(b'H'), RUN, METRIC, POINT]),
    (Family::JobLookup, &[Is(b'j'), Is(b'r'), RUN]),
    (Family::JobLookup, &[Is(b'j'), Is(b'v'), MODEL, VERSION]),
    (Family::PendingStatus, &[Is(b's'), EXPERIMENT, Field("commit", Last)]),
    (Family::Upload, &[Is(b'x'), Field("upload", Id)]),
    (Family::Deletion, &[Is(b'y'), RUN]),
    (Family::Tombstone, &[Is(b'Y'), Is(b'e'), EXPERIMENT]),
    (Family::TombstoneWithRemains, &[Is(b'Y'), Is(b'l'), LOGGED]),
    (Family::Tombstone, &[Is(b'Y'), Is(b'm'), MODEL]),
    (Family::TombstoneWithRemains, &[Is(b'Y'), Is(b'r'), RUN]),
    (Family::Tombstone, &[Is(b'Y'), Is(b'v'), MODEL, VERSION]),
    (
        Family::AuditRecord,
        &[Is(b'a'), Field("time", Descending), Is(b'c'), Field("unique", Number)],
    ),
    (
        Family::AuditedLogging,
        &[
            Is(b'a'),
            Field("time", Descending),
            Is(b'l'),
            RUN,
            Field("caller", Last),
        ],
    ),
    (Family::ModelCounter, &[Is(b'A')]),
    (Family::ModelName, &[Is(b'B'), Field("name", Last)]),
    (Family::ModelOfExperiment, &[Is(b'E'), EXPERIMENT]),
    (Family::LoggedModel, &[Is(b'F'), LOGGED, Is(b'a')]),
    (
        Family::LoggedNewest,
        &[
            Is(b'F'),
            LOGGED,
            Is(b'l'),
            METRIC,
            Field("dataset", Text),
            Field("digest", Text),
        ],
    ),
    (Family::LoggedParam, &[Is(b'F'), LOGGED, Is(b'p'), Field("param", Last)]),
    (Family::LoggedTag, &[Is(b'F'), LOGGED, Is(b't'), Field("tag", Last)]),
    (
        Family::LoggedPoint,
        &[
            Is(b'F'),
            LOGGED,
            Is(b'v'),
            METRIC,
            Field("dataset", Text),
            Field("digest", Text),
            POINT,
            RUN,
        ],
    ),
    (
        Family::ListedLogged,
        &[Is(b'G'), EXPERIMENT, Field("created", Descending), LOGGED],
    ),
    (
        Family::ListedLoggedByName,
        &[
            Is(b'K'),
            EXPERIMENT,
            Field("name", Text),
            Field("created", Descending),
            LOGGED,
        ],
    ),
    (Family::VersionsGuard, &[Is(b'L'), EXPERIMENT]),
    (Family::VersionOfRun, &[Is(b'L'), EXPERIMENT, RUN, MODEL, VERSION]),
    (Family::Model, &[Is(b'M'), MODEL, Is(b'a')]),
    (Family::ModelAlias, &[Is(b'M'), MODEL, Is(b'l'), Field("alias", Last)]),
    (Family::ModelTag, &[Is(b'M'), MODEL, Is(b't'), Field("tag", Last)]),
    (
        Family::RankedVersion,
        &[
            Is(b'S'),
            MODEL,
            Field("stage", Letter),
            Field("precedence", Precedence),
            VERSION,
        ],
    ),
    (Family::SemVer, &[Is(b'T'), MODEL, Field("semver", Last)]),
    (
        Family::UpdatedInModel,
        &[Is(b'U'), MODEL, Field("updated", Descending), Field("number", Inverted)],
    ),
    (
        Family::Updated,
        &[Is(b'W'), Field("updated", Descending), MODEL, VERSION],
    ),
    (Family::Version, &[Is(b'V'), MODEL, VERSION, Is(b'a')]),
    (
        Family::VersionAlias,
        &[Is(b'V'), MODEL, VERSION, Is(b'l'), Field("alias", Last)],
    ),
    (
        Family::VersionTag,
        &[Is(b'V'), MODEL, VERSION, Is(b't'), Field("tag", Last)],
    ),
];

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each holds what its name says")]
pub enum FieldValue {
    Number(u64),
    Time(i64),
    Id([u8; 16]),
    Text(String),
    NoText,
    Letter(char),
    Point(Point),
    Precedence(Vec<u8>),
}

/// A key with its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadKey {
    /// The family of the key.
    pub family: Family,
    /// The fields with their names, in the order of the key.
    pub fields: Vec<(&'static str, FieldValue)>,
}

impl ReadKey {
    /// The number in a field. `None`: there is no such field.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Number(number) if *of == name => Some(*number),
            _ => None,
        })
    }

    /// The id in a field, as that of a run. `None`: there is no such field.
    pub fn id(&self, name: &str) -> Option<RunId> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Id(id) if *of == name => Some(RunId(*id)),
            _ => None,
        })
    }

    /// The text in a field. `None`: there is no such field.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(of, value)| match value {
            FieldValue::Text(text) if *of == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The point in the key. `None`: there is none.
    pub fn point(&self) -> Option<Point> {
        self.fields.iter().find_map(|(_, value)| match value {
            FieldValue::Point(point) => Some(*point),
            _ => None,
        })
    }
}

/// Reads a key. `None`: it is of no family.
pub fn read_key(key: &[u8]) -> Option<ReadKey> {
    LAYOUTS.iter().find_map(|(family, parts)| {
        let fields = read_fields(parts, key)?;
        Some(ReadKey {
            family: *family,
            fields,
        })
    })
}

fn read_fields(parts: &[Part], key: &[u8]) -> Option<Vec<(&'static str, FieldValue)>> {
    let mut rest = key;
    let mut fields = Vec::new();
    for part in parts {
        match part {
            Part::Is(byte) => rest = rest.strip_prefix(&[*byte])?,
            Part::Field(name, form) => {
                let (value, after) = read_field(*form, rest)?;
                fields.push((*name, value));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(fields)
}

fn read_field(form: Form, bytes: &[u8]) -> Option<(FieldValue, &[u8])> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().map(FieldValue::Text);
    Some(match form {
        Form::Number | Form::Inverted | Form::Descending => {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            let value = match form {
                Form::Inverted => FieldValue::Number(!u64::from_be_bytes(*number)),
                Form::Descending => FieldValue::Time(read_ascending(number.map(|byte| !byte))),
                _ => FieldValue::Number(u64::from_be_bytes(*number)),
            };
            (value, rest)
        }
        Form::Short => {
            let (number, rest) = bytes.split_first_chunk::<4>()?;
            (FieldValue::Number(u32::from_be_bytes(*number).into()), rest)
        }
        Form::Letter => {
            let (letter, rest) = bytes.split_first()?;
            (FieldValue::Letter(char::from(*letter)), rest)
        }
        Form::Id => {
            let (id, rest) = bytes.split_first_chunk::<16>()?;
            (FieldValue::Id(*id), rest)
        }
        Form::Text => {
            let (text, rest) = read_text(bytes)?;
            (FieldValue::Text(text), rest)
        }
        Form::Last => (text(bytes)?, &[]),
        Form::LastIfAny => match bytes.split_first()? {
            (0, []) => (FieldValue::NoText, &[]),
            (1, rest) => (text(rest)?, &[]),
            _ => return None,
        },
        Form::Point => {
            let (point, rest) = bytes.split_first_chunk::<POINT_BYTES>()?;
            (FieldValue::Point(read_point(point)?), rest)
        }
        Form::Precedence => {
            let (precedence, rest) = bytes.split_at_checked(identifier_end(bytes)?)?;
            (FieldValue::Precedence(precedence.to_vec()), rest)
        }
    })
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(ms) => write!(f, "{ms}"),
            Self::Id(id) => write!(f, "{}", RunId(*id)),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::NoText => f.write_str("none"),
            Self::Letter(letter) => write!(f, "{letter:?}"),
            Self::Point(point) => write!(f, "({}, step {}, {})", point.timestamp_ms, point.step, point.value),
            Self::Precedence(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}
