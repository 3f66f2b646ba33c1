//! How searches are asked for. Nothing here knows of WIT, HTTP or JSON.

pub mod page;
