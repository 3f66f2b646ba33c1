//! Every limit on what a request may carry: those of the newest MLflow (3.18), in characters unless named otherwise.
//!
//! What is stored under a key of its own, on every way in. The rules of pairs are applied by `pair.rs`, those of names by
//! `name.rs`, `model.rs`, `alias.rs`, `semver.rs` and `logged.rs`; nothing else decides what is too long.
//!
//! | what | ways in | its key or name | its value, and a longer one |
//! |---|---|---|---|
//! | name of an experiment | create, update | 500, not blank | – |
//! | tag of an experiment | create, set-experiment-tag | 250, a normal path | 20,000, refused |
//! | name of a run | create, update, set-tag, log-batch | – | 8,000, cut |
//! | tag of a run | create, set-tag, log-batch | 250, a normal path | 8,000, cut |
//! | … that begins with `mlflow.` | the same, and log-model | the same | 100,000, refused |
//! | param of a run | log-parameter, log-batch | 250, a normal path | 6,000, cut |
//! | metric of a run or logged model | log-metric, log-batch | 250, a normal path | a number |
//! | dataset | log-inputs, and by name and digest log-metric, log-batch | name 500, digest 36 | see below, refused |
//! | tag of a dataset input | log-inputs | 255, any text | 500, refused |
//! | model of a run | log-inputs, outputs | 250, any text | – |
//! | name of a registered model | create, rename | 493 and 1,000 bytes, a normal path | – |
//! | tag of a registered model or version | create, set-tag | 250, a normal path | 100,000, refused |
//! | alias | alias | 255, letters, digits, `_`, `-` | – |
//! | semantic version | create of a version | 255, SemVer 2 | – |
//! | name of a logged model | create | 500, without `/ : . % " '` | – |
//! | tag or param of a logged model | create, tags, params | 255, any text | 65,535, refused |
//!
//! A list of pairs has at most 1,000 items, in a batch fewer. The longest key that follows from this has less than the 4,096 bytes
//! of a storage's key: a dataset's use, by name, digest and context.

/// Metric, param and tag keys.
pub const KEY_CHARS_MAX: usize = 250;
/// Longer param values are cut, as MLflow does by default.
pub const PARAM_VALUE_CHARS_MAX: usize = 6_000;
/// Longer values of other run tags are cut, as MLflow does by default.
pub const RUN_TAG_VALUE_CHARS_MAX: usize = 8_000;
/// Run tags that begin with `mlflow.`: clients parse them, so that they are whole or refused.
pub const RESERVED_TAG_VALUE_CHARS_MAX: usize = 100_000;
/// Longer names of runs are cut, as MLflow cuts the tag that is the name.
pub const RUN_NAME_CHARS_MAX: usize = RUN_TAG_VALUE_CHARS_MAX;
/// Experiment tag values.
pub const EXPERIMENT_TAG_VALUE_CHARS_MAX: usize = 20_000;
/// Experiment names.
pub const EXPERIMENT_NAME_CHARS_MAX: usize = 500;
/// User ids of runs.
pub const USER_ID_CHARS_MAX: usize = 256;
/// Artifact locations of experiments.
pub const ARTIFACT_LOCATION_CHARS_MAX: usize = 2_048;
/// Tags, or params, of one list in a request.
pub const PAIRS_AT_ONCE_MAX: usize = 1_000;

/// Names of registered models: their experiment has `[model]` before it.
pub const MODEL_NAME_CHARS_MAX: usize = EXPERIMENT_NAME_CHARS_MAX - 7;
/// The same in bytes: names are ordered whole.
pub const MODEL_NAME_BYTES_MAX: usize = 1_000;
/// Values of tags of models and versions.
pub const REGISTRY_TAG_VALUE_CHARS_MAX: usize = 100_000;
/// Descriptions of models and versions.
pub const DESCRIPTION_CHARS_MAX: usize = 100_000;
/// Aliases.
pub const ALIAS_CHARS_MAX: usize = 255;
/// Semantic versions; they are ASCII.
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
/// Points that are shown of a logged model; of one with more, the newest of each metric and dataset.
pub const LOGGED_POINTS_SHOWN_MAX: usize = 25_000;
/// Logged models of one search page.
pub const LOGGED_MODELS_PER_PAGE_MAX: i64 = 50_000;
/// Logged models of one search page when the caller does not say.
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

/// Paths of artifacts, in bytes: the storage adds a few.
pub const ARTIFACT_PATH_BYTES_MAX: usize = 1_000;
/// Paths of locations of experiments in the project's own store, in bytes: room is left for the artifacts of runs.
pub const OWN_LOCATION_BYTES_MAX: usize = 500;
/// Names in paths of artifacts, in bytes.
pub const ARTIFACT_NAME_BYTES_MAX: usize = 255;
/// Names of one path of an artifact.
pub const ARTIFACT_DEPTH_MAX: usize = 100;
/// Items of one listed directory, and files that one request deletes.
pub const ARTIFACTS_PER_REQUEST_MAX: usize = 100_000;

/// Parts of one file.
pub const UPLOAD_PARTS_MAX: u32 = 10_000;
/// How long an upload in parts may take, in milliseconds.
pub const UPLOAD_LIFE_MS: i64 = 24 * 3_600 * 1_000;
/// How far a clock may be set back, in milliseconds, without an upload that goes on taking notice.
pub const CLOCK_SLACK_MS: i64 = 3_600 * 1_000;

/// Datasets of one log-inputs.
pub const INPUTS_MAX: usize = 1_000;
/// Names of datasets.
pub const DATASET_NAME_CHARS_MAX: usize = 500;
/// Digests of datasets.
pub const DATASET_DIGEST_CHARS_MAX: usize = 36;
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
/// Runs of one search page when the caller does not say.
pub const RUNS_PER_PAGE_DEFAULT: i64 = 1_000;
/// Experiments of one search page.
pub const EXPERIMENTS_PER_PAGE_MAX: i64 = 50_000;
/// Experiments that one search of runs may name.
pub const EXPERIMENTS_PER_SEARCH_MAX: usize = 10_000;
/// Registered models of one search page.
pub const MODELS_PER_PAGE_MAX: i64 = 1_000;
/// Registered models of one search page when the caller does not say.
pub const MODELS_PER_PAGE_DEFAULT: i64 = 100;
/// Model versions of one search page.
pub const VERSIONS_PER_PAGE_MAX: i64 = 200_000;
/// Model versions of one search page when the caller does not say.
pub const VERSIONS_PER_PAGE_DEFAULT: i64 = 10_000;
/// Points of one page of a metric's history, also when the caller does not say: clients follow the page token.
pub const POINTS_PER_PAGE_MAX: i64 = 25_000;

/// Runs whose histories one request may ask for.
pub const RUNS_PER_HISTORIES_MAX: usize = 100;
/// Points of each run in a sample of histories, also when the caller does not say.
pub const POINTS_PER_SAMPLE_MAX: i64 = 2_500;
/// Experiments whose datasets one request may ask for.
pub const EXPERIMENTS_PER_DATASETS_MAX: usize = 20;
/// Datasets that one search answers.
pub const DATASETS_PER_SEARCH_MAX: usize = 1_000;

/// A search's filter.
pub const FILTER_BYTES_MAX: usize = 65_536;
/// Comparisons of one filter.
pub const FILTER_CLAUSES_MAX: usize = 1_000;
/// Values of one list of a filter.
pub const FILTER_LIST_MAX: usize = 10_000;
/// A LIKE pattern: few stored values that a filter reads are longer, such as tags of experiments.
pub const LIKE_PATTERN_CHARS_MAX: usize = 8_000;
/// Items of one `order_by`.
pub const ORDER_BY_ITEMS_MAX: usize = 20;
/// One item of an `order_by`.
pub const ORDER_BY_ITEM_BYTES_MAX: usize = 2_048;
/// Texts are ordered by as many bytes, as in MySQL; what is equal so far keeps the order behind it.
pub const ORDERED_TEXT_BYTES_MAX: usize = 1_024;
