//! The families of keys and the fields of each, as a table: those of `keys.rs`. `read_key.rs` reads keys by it.

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
    Trace,
    SpanBatch,
    ListedTrace,
    ListedTraceByValue,
    JudgedInSession,
    TraceDirectory,
    TraceColumn,
    TraceRows,
    TraceMarker,
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
pub(super) enum Form {
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
pub(super) enum Part {
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
/// The id of a trace at the end of a key.
const TRACE: Part = Field("trace", Last);
const POINT: Part = Field("point", Form::Point);

/// The parts of each family's keys. The first family that fits is that of a key.
pub(super) const LAYOUTS: &[(Family, &[Part])] = &[
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
    (Family::Trace, &[Is(b't'), Field("trace", Text), Is(b'a')]),
    (
        Family::SpanBatch,
        &[Is(b't'), Field("trace", Text), Is(b's'), Field("batch", Number)],
    ),
    (
        Family::ListedTrace,
        &[Is(b'i'), EXPERIMENT, Is(b't'), Field("start", Descending), TRACE],
    ),
    (
        Family::ListedTraceByValue,
        &[
            Is(b'i'),
            EXPERIMENT,
            Is(b'v'),
            Field("field", Letter),
            Field("key", Text),
            Field("value", Text),
            Field("start", Descending),
            TRACE,
        ],
    ),
    (
        Family::JudgedInSession,
        &[Is(b'i'), EXPERIMENT, Is(b'f'), Field("session", Text), TRACE],
    ),
    (Family::TraceDirectory, &[Is(b'P'), EXPERIMENT, Is(b'a')]),
    (
        Family::TraceColumn,
        &[
            Is(b'P'),
            EXPERIMENT,
            Is(b'c'),
            Field("block", Number),
            Field("column", Letter),
            Field("key", Last),
        ],
    ),
    (
        Family::TraceRows,
        &[
            Is(b'P'),
            EXPERIMENT,
            Is(b'w'),
            Field("block", Number),
            Field("record", Short),
        ],
    ),
    (
        Family::TraceMarker,
        &[Is(b'Q'), EXPERIMENT, Field("start", Descending), TRACE],
    ),
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
