//! The endpoints, one function each: parse, decide, store, answer. Only this folder knows the names of
//! MLflow's fields.

use serde::Serialize;

use crate::error::{Error, Result};

pub mod aliases;
pub mod artifacts;
pub mod audit;
pub mod datasets;
pub mod experiments;
pub mod graphql;
pub mod inputs;
pub mod logged_models;
pub mod logging;
pub mod metrics;
pub mod models;
pub mod openapi;
pub mod otlp;
pub mod outputs;
pub mod paging;
pub mod pairs;
pub mod run_json;
pub mod run_page;
pub mod runs;
pub mod traces;
pub mod uploads;
pub mod versions;
pub mod web_pages;
pub mod wire;

/// The answer of an endpoint without a result.
const EMPTY: &[u8] = b"{}";

fn json(body: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, body)?;
    Ok(bytes)
}

fn write_json<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, body: &T) -> Result<()> {
    serde_json::to_writer(bytes, body).map_err(|error| Error::Corrupt(format!("an answer cannot be written: {error}")))
}
