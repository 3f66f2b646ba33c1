//! Every limit on what a request may carry: those of the newest MLflow (3.18), in characters unless named otherwise.

/// Metric, param and tag keys.
pub const KEY_CHARS_MAX: usize = 250;
/// Longer param values are cut, as MLflow does by default.
pub const PARAM_VALUE_CHARS_MAX: usize = 6_000;
/// Longer run tag values, a run's name among them, are cut, as MLflow does by default.
pub const RUN_TAG_VALUE_CHARS_MAX: usize = 8_000;
/// Experiment tag values.
pub const EXPERIMENT_TAG_VALUE_CHARS_MAX: usize = 20_000;
/// Experiment names.
pub const EXPERIMENT_NAME_CHARS_MAX: usize = 500;
/// User ids of runs.
pub const USER_ID_CHARS_MAX: usize = 256;
/// Artifact locations of experiments.
pub const ARTIFACT_LOCATION_CHARS_MAX: usize = 2_048;
/// Tags given when an experiment or a run is made.
pub const TAGS_ON_CREATE_MAX: usize = 1_000;

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
/// Params, and tags, that one request gives a logged model.
pub const LOGGED_MODEL_PAIRS_MAX: usize = 1_000;
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
/// A LIKE pattern: no stored value that a filter reads is longer, but the tags of experiments.
pub const LIKE_PATTERN_CHARS_MAX: usize = 8_000;
/// Items of one `order_by`.
pub const ORDER_BY_ITEMS_MAX: usize = 20;
/// One item of an `order_by`.
pub const ORDER_BY_ITEM_BYTES_MAX: usize = 2_048;
/// Texts are ordered by as many bytes, as in MySQL; what is equal so far keeps the order behind it.
pub const ORDERED_TEXT_BYTES_MAX: usize = 1_024;
