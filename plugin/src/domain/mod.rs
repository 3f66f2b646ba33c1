//! The things that MLflow tracks and their rules. Nothing here knows of WIT, HTTP or JSON.

pub mod dataset;
pub mod experiment;
pub mod id;
pub mod lifecycle;
pub mod limits;
pub mod metric;
pub mod name;
pub mod nickname;
pub mod run;
pub mod sample;
