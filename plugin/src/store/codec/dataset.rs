//! The stored form of datasets.

use super::{Reader, Writer};
use crate::domain::dataset::Dataset;
use crate::error::Result;

/// Writes a dataset. Its name and digest are written too, since they cannot always be read from a key.
pub fn write_dataset(dataset: &Dataset) -> Vec<u8> {
    Writer::new()
        .text(&dataset.name)
        .text(&dataset.digest)
        .text(&dataset.source_type)
        .text(&dataset.source)
        .optional(dataset.schema.as_deref(), Writer::text)
        .optional(dataset.profile.as_deref(), Writer::text)
        .0
}

/// Reads a dataset.
pub fn read_dataset(bytes: &[u8]) -> Result<Dataset> {
    let mut reader = Reader::new("dataset", bytes)?;
    let dataset = Dataset {
        name: reader.text()?,
        digest: reader.text()?,
        source_type: reader.text()?,
        source: reader.text()?,
        schema: reader.optional(Reader::text)?,
        profile: reader.optional(Reader::text)?,
    };
    reader.end(dataset)
}
