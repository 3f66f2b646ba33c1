//! Every limit on the content of a request. The values are those of the newest MLflow (3.18), in characters
//! unless named otherwise.
//!
//! The table lists each kind of item that is stored under a key of its own, with every endpoint that writes
//! it. `pair.rs` applies the rules of pairs. `name.rs`, `model.rs`, `alias.rs`, `semver.rs` and
//! `logged_model.rs` apply those of names. No other file decides the length of a text.
//!
//! | item | endpoints | its key or name | its value, and a longer one |
//! |---|---|---|---|
//! | name of an experiment | create, update | 500, not blank | – |
//! | tag of an experiment | create, set-experiment-tag | 250, a normal path | 20,000, refused |
//! | name of a run | create, update, set-tag, log-batch | – | 8,000, cut |
//! | tag of a run | create, set-tag, log-batch | 250, a normal path | 8,000, cut |
//! | … that begins with `mlflow.` | the same, and log-model | the same | 100,000, refused |
//! | tag of a run, model or version that begins with `mlforge.` | CI jobs | fixed | 2,048, cut; a client's is ignored |
//! | param of a run | log-parameter, log-batch | 250, a normal path | 6,000, cut |
//! | metric of a run or logged model | log-metric, log-batch | 250, a normal path | a number |
//! | dataset | log-inputs; log-metric, log-batch (name, digest) | name 500, digest 36 | see below, refused |
//! | tag of a dataset input | log-inputs | 255, any text | 500, refused |
//! | model of a run | log-inputs, outputs | 250, any text | – |
//! | name of a registered model | create, rename | 493 and 1,000 bytes, a normal path | – |
//! | tag of a registered model or version | create, set-tag | 250, a normal path | 100,000, refused |
//! | alias | alias | 255, letters, digits, `_`, `-` | – |
//! | semantic version | create of a version | 255, SemVer 2 | – |
//! | name of a logged model | create | 500, without `/ : . % " '` | – |
//! | tag or param of a logged model | create, tags, params | 255, any text | 65,535, refused |
//! | id of a trace | start, OTLP | 250 bytes, a name of a path | – |
//! | tag of a trace | start, end, OTLP, tags | 250, cut or a normal path | 8,000, cut |
//! | metadata of a trace | start, end | 250, cut | 8,000, cut; 250 of a session, refused |
//!
//! A list of pairs has at most 1,000 items, in a batch fewer. The longest storage key that follows is a
//! dataset's use, by name, digest and context. It is shorter than a storage's limit of 2,560 bytes.

/// Keys of metrics, params and tags.
pub const KEY_CHARS_MAX: usize = 250;
/// Values of params. Longer ones are cut, as MLflow does by default.
pub const PARAM_VALUE_CHARS_MAX: usize = 6_000;
/// Values of run tags without the prefix `mlflow.`. Longer ones are cut, as MLflow does by default.
pub const RUN_TAG_VALUE_CHARS_MAX: usize = 8_000;
/// Values of run tags with the prefix `mlflow.`. Longer ones are refused instead of cut, because clients
/// parse them.
pub const RESERVED_TAG_VALUE_CHARS_MAX: usize = 100_000;
/// Names of runs. Longer ones are cut, as MLflow cuts the tag that holds the name.
pub const RUN_NAME_CHARS_MAX: usize = RUN_TAG_VALUE_CHARS_MAX;
/// Values of experiment tags.
pub const EXPERIMENT_TAG_VALUE_CHARS_MAX: usize = 20_000;
/// Names of experiments.
pub const EXPERIMENT_NAME_CHARS_MAX: usize = 500;
/// User ids of runs.
pub const USER_ID_CHARS_MAX: usize = 256;
/// Texts of an author: id, login and display name. Longer ones are cut.
pub const ACTOR_CHARS_MAX: usize = USER_ID_CHARS_MAX;
/// Texts by which a client names a CI job. A longer one names none.
pub const JOB_REF_CHARS_MAX: usize = 255;
/// Texts of a CI job, as the forge tells them. Longer ones are cut.
pub const JOB_TEXT_CHARS_MAX: usize = 2_048;
/// The time in which a call of the forge is made again, in milliseconds: the look-up of a CI job, or a commit status.
pub const FORGE_CALL_LIFE_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// Artifact locations of experiments.
pub const ARTIFACT_LOCATION_CHARS_MAX: usize = 2_048;
/// Tags, or params, in one list of a request.
pub const PAIRS_AT_ONCE_MAX: usize = 1_000;

/// The number of an experiment or version that a replay chooses. Numbers that a server counts stay far below; the file store of
/// MLflow draws those of experiments at random above.
pub const CHOSEN_NUMBER_MAX: u64 = (1 << 31) - 1;

/// Names of registered models. The name of a model's experiment is `[model]` and the model's name.
pub const MODEL_NAME_CHARS_MAX: usize = EXPERIMENT_NAME_CHARS_MAX - 7;
/// Names of registered models, in bytes. Searches order by the whole name.
pub const MODEL_NAME_BYTES_MAX: usize = 1_000;
/// Values of tags of models and versions.
pub const REGISTRY_TAG_VALUE_CHARS_MAX: usize = 100_000;
/// Descriptions of models and versions.
pub const DESCRIPTION_CHARS_MAX: usize = 100_000;
/// Aliases.
pub const ALIAS_CHARS_MAX: usize = 255;
/// Semantic versions, which are ASCII.
pub const SEMVER_CHARS_MAX: usize = 255;
/// Sources of versions, and links to their runs.
pub const SOURCE_CHARS_MAX: usize = 2_048;

/// Names of logged models.
pub const LOGGED_MODEL_NAME_CHARS_MAX: usize = 500;
/// Types of logged models.
pub const LOGGED_MODEL_TYPE_CHARS_MAX: usize = 500;
/// Keys of params and tags of logged models.
pub const LOGGED_MODEL_KEY_CHARS_MAX: usize = 255;
/// Values of params and tags of logged models.
pub const LOGGED_MODEL_VALUE_CHARS_MAX: usize = 65_535;
/// Models of one runs/outputs.
pub const OUTPUTS_MAX: usize = 1_000;
/// Points in the answer for a logged model. Of a model with more, only the newest of each metric and dataset
/// are shown.
pub const LOGGED_POINTS_SHOWN_MAX: usize = 25_000;
/// Logged models of one search page.
pub const LOGGED_MODELS_PER_PAGE_MAX: i64 = 50_000;
/// Logged models of one search page, by default.
pub const LOGGED_MODELS_PER_PAGE_DEFAULT: i64 = 50;
/// Datasets that one search of logged models may name.
pub const DATASETS_PER_LOGGED_SEARCH_MAX: usize = 1_000;

/// Metrics of one log-batch.
pub const BATCH_METRICS_MAX: usize = 1_000;
/// Params of one log-batch.
pub const BATCH_PARAMS_MAX: usize = 100;
/// Tags of one log-batch.
pub const BATCH_TAGS_MAX: usize = 100;
/// Metrics, params and tags of one log-batch together.
pub const BATCH_ITEMS_MAX: usize = 1_000;

/// Paths of artifacts, in bytes. The storage adds a few bytes of its own.
pub const ARTIFACT_PATH_BYTES_MAX: usize = 1_000;
/// Paths of experiments' artifact locations in the project's own store, in bytes. The rest is for the
/// artifacts of runs.
pub const OWN_LOCATION_BYTES_MAX: usize = 500;
/// Names in paths of artifacts, in bytes.
pub const ARTIFACT_NAME_BYTES_MAX: usize = 255;
/// Names in one path of an artifact.
pub const ARTIFACT_DEPTH_MAX: usize = 100;
/// Entries of one listed directory, and files that one request deletes.
pub const ARTIFACTS_PER_REQUEST_MAX: usize = 100_000;

/// Parts of one file.
pub const UPLOAD_PARTS_MAX: u32 = 10_000;
/// The time in which an upload in parts must be completed, in milliseconds.
pub const UPLOAD_LIFE_MS: i64 = 24 * 3_600 * 1_000;
/// The clock may be set back by this many milliseconds without ending an upload.
pub const CLOCK_SLACK_MS: i64 = 3_600 * 1_000;

/// Datasets of one log-inputs.
pub const INPUTS_MAX: usize = 1_000;
/// Names of datasets.
pub const DATASET_NAME_CHARS_MAX: usize = 500;
/// Digests of datasets.
pub const DATASET_DIGEST_CHARS_MAX: usize = 36;
/// The key of a metric of a logged model, with the name and digest of its dataset: bytes of all three, a zero byte counted
/// twice. They are parts of one key of a record.
pub const MEASURED_BYTES_MAX: usize = 2_400;
/// Sources of datasets.
pub const DATASET_SOURCE_CHARS_MAX: usize = 65_535;
/// Schemas of datasets.
pub const DATASET_SCHEMA_CHARS_MAX: usize = 1_048_575;
/// Profiles of datasets.
pub const DATASET_PROFILE_CHARS_MAX: usize = 16_777_215;
/// Keys of tags on a run's input.
pub const INPUT_TAG_KEY_CHARS_MAX: usize = 255;
/// Values of tags on a run's input.
pub const INPUT_TAG_VALUE_CHARS_MAX: usize = 500;

/// Runs of one search page.
pub const RUNS_PER_PAGE_MAX: i64 = 50_000;
/// Runs of one search page, by default.
pub const RUNS_PER_PAGE_DEFAULT: i64 = 1_000;
/// Experiments of one search page.
pub const EXPERIMENTS_PER_PAGE_MAX: i64 = 50_000;
/// Experiments in one search of runs.
pub const EXPERIMENTS_PER_SEARCH_MAX: usize = 10_000;
/// Registered models of one search page.
pub const MODELS_PER_PAGE_MAX: i64 = 1_000;
/// Registered models of one search page, by default.
pub const MODELS_PER_PAGE_DEFAULT: i64 = 100;
/// Model versions of one search page.
pub const VERSIONS_PER_PAGE_MAX: i64 = 200_000;
/// Model versions of one search page, by default.
pub const VERSIONS_PER_PAGE_DEFAULT: i64 = 10_000;
/// Points of one page of a metric's history. It is also the default, since clients follow the page token.
pub const POINTS_PER_PAGE_MAX: i64 = 25_000;

/// Records of one page of the audit log.
pub const AUDIT_RECORDS_PER_PAGE_MAX: i64 = 1_000;
/// Records of one page of the audit log, by default.
pub const AUDIT_RECORDS_PER_PAGE_DEFAULT: i64 = 100;

/// Runs in one request for metric histories.
pub const RUNS_PER_HISTORIES_MAX: usize = 100;
/// Points of each run in a sample of histories. It is also the default.
pub const POINTS_PER_SAMPLE_MAX: i64 = 2_500;
/// Experiments in one request for datasets.
pub const EXPERIMENTS_PER_DATASETS_MAX: usize = 20;
/// Datasets in the answer of one search.
pub const DATASETS_PER_SEARCH_MAX: usize = 1_000;

/// The filter of a search, in bytes.
pub const FILTER_BYTES_MAX: usize = 65_536;
/// Comparisons of one filter.
pub const FILTER_CLAUSES_MAX: usize = 1_000;
/// Values of one list of a filter.
pub const FILTER_LIST_MAX: usize = 10_000;
/// A LIKE pattern. Few stored values that a filter reads are longer; tags of experiments can be.
pub const LIKE_PATTERN_CHARS_MAX: usize = 8_000;
/// Items of one `order_by`.
pub const ORDER_BY_ITEMS_MAX: usize = 20;
/// One item of an `order_by`, in bytes.
pub const ORDER_BY_ITEM_BYTES_MAX: usize = 2_048;
/// Texts are ordered by this many of their first bytes, as in MySQL. Texts that are equal so far are ordered
/// by the next key.
pub const ORDERED_TEXT_BYTES_MAX: usize = 1_024;

/// Tags, or metadata, of one trace.
pub const TRACE_PAIRS_MAX: usize = 1_000;
/// Values of tags of traces.
pub const TRACE_TAG_VALUE_CHARS_MAX: usize = 8_000;
/// Values of metadata of traces.
pub const TRACE_METADATA_VALUE_CHARS_MAX: usize = 8_000;
/// Traces of one search page.
pub const TRACES_PER_PAGE_MAX: i64 = 500;
/// Traces of one search page, by default.
pub const TRACES_PER_PAGE_DEFAULT: i64 = 100;
/// Traces that one request links to a run.
pub const TRACES_PER_LINK_MAX: usize = 100;
/// Traces that one request reads or deletes by their ids.
pub const TRACES_AT_ONCE_MAX: usize = 10_000;
/// Spans of one request.
pub const SPANS_AT_ONCE_MAX: usize = 100_000;
