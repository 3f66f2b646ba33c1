//! The model registry: models, their versions, aliases and stages.

pub mod aliases;
pub mod audited;
pub mod create_version;
pub mod jobs;
pub mod latest;
pub mod model_list;
pub mod model_name;
pub mod model_search;
pub mod models;
pub mod source;
pub mod stage;
pub mod version_delete;
pub mod version_list;
pub mod version_read;
pub mod version_search;
pub mod versions;
