//! The pages of a run: its overview, metrics, parameters, tags and artifacts, and the forms that change it.
//!
//! Each page reads the run once, with everything that is logged to it but its histories. Of histories it reads a bounded part.

pub mod artifacts;
pub mod aside;
pub mod charts;
pub mod datasets;
pub mod edit;
pub mod files;
pub mod head;
pub mod lifecycle;
pub mod lineage;
pub mod metric;
pub mod metrics;
pub mod overview;
pub mod pairs;
pub mod points;
pub mod promote;
pub mod tags;
pub mod view;
