//! The entities that MLflow tracks, and their rules. No module here knows WIT, HTTP or JSON.

pub mod actor;
pub mod alias;
pub mod artifact;
pub mod artifact_name;
pub mod audit;
pub mod dataset;
pub mod experiment;
pub mod id;
pub mod job;
pub mod lifecycle;
pub mod limits;
pub mod logged_model;
pub mod metric;
pub mod model;
pub mod name;
pub mod nickname;
pub mod pair;
pub mod percent;
pub mod prompt;
pub mod run;
pub mod sample;
pub mod semver;
pub mod source;
pub mod stage;
pub mod upload;
pub mod version;
