//! The columnar format: rebuildable copies of the values of runs, laid out for searches.

pub mod block;
pub mod block_builder;
pub mod cache;
pub mod columns;
pub mod dirty;
pub mod instance_cache;
pub mod packed_run;
pub mod row_keys;
pub mod slot_bitmap;
pub mod zone_map;
