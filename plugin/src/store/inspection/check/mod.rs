//! The check of a project's records: each is readable, and what they say of each other is true. Records that others determine
//! can be repaired.

mod columns;
mod files;
mod references;
mod registry;
mod trace_columns;
mod traces;

use self::columns::Columns;
use self::files::SpanFiles;
pub use self::files::{FileCheck, spans_problem};
use super::inspect;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::error::Result;
use crate::store::codec;
use crate::store::keys::{self, Tombstone};

/// Reads of other records while one is checked, all at the same moment.
pub trait Source {
    /// Reads a record. `None`: there is none.
    ///
    /// # Errors
    /// Fails when the storage does.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// True if the project has a file of this name, as the record with this key says, or if files cannot be looked at.
    ///
    /// # Errors
    /// Fails when the storage does.
    fn has_file(&self, name: &str, record: &[u8]) -> Result<bool>;
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One sentence without a full stop, which names the record.
    pub text: String,
    /// The change that makes it right. `None`: no other record tells what is right.
    pub repair: Option<Repair>,
}

/// A change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Stores the value.
    Put(Vec<u8>, Vec<u8>),
    /// Removes the record.
    Delete(Vec<u8>),
}

/// A check of one project, which gets its records in the order of their keys.
pub struct Check<S> {
    source: S,
    columns: Columns,
    span_files: Option<SpanFiles>,
    problems: Vec<Problem>,
}

impl<S: Source> Check<S> {
    /// Begins a check.
    pub fn new(source: S) -> Self {
        Self {
            source,
            columns: Columns::default(),
            span_files: None,
            problems: Vec::new(),
        }
    }

    /// Checks the next record. Returns the problems found so far that were not returned before.
    ///
    /// # Errors
    /// Fails when the source does.
    pub fn record(&mut self, key: &[u8], value: &[u8]) -> Result<Vec<Problem>> {
        let Some(read) = keys::read_key(key) else {
            self.unreadable("a key of no family", key);
            return Ok(std::mem::take(&mut self.problems));
        };
        match inspect(key, value) {
            Err(error) => self.found(error.to_string(), None),
            Ok(_) => {
                references::check(self, &read, key, value)?;
                registry::check(self, &read, key, value)?;
                traces::check(self, &read, key, value)?;
                trace_columns::check(self, &read, value)?;
            }
        }
        Ok(std::mem::take(&mut self.problems))
    }

    /// Ends the check of records after the last one. Returns the remaining problems.
    ///
    /// # Errors
    /// Fails when the source does.
    pub fn end(&mut self) -> Result<Vec<Problem>> {
        std::mem::take(&mut self.columns).repairs(&self.source)
    }

    fn found(&mut self, text: String, repair: Option<Repair>) {
        self.problems.push(Problem { text, repair });
    }

    fn unreadable(&mut self, what: &str, key: &[u8]) {
        self.found(crate::error::Error::corrupt(what, key).to_string(), None);
    }

    /// Notes a record that others determine, and that is missing or different.
    fn expect(&mut self, what: &str, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let stored = self.source.get(&key)?;
        if stored.as_ref() != Some(&value) {
            let state = if stored.is_some() { "is wrong" } else { "is missing" };
            self.found(format!("{what} {state}"), Some(Repair::Put(key, value)));
        }
        Ok(())
    }

    fn exists(&self, key: &[u8]) -> Result<bool> {
        Ok(self.source.get(key)?.is_some())
    }

    /// True if a run exists, or is being removed.
    fn has_run(&self, run: RunId) -> Result<bool> {
        Ok(self.exists(&keys::run(run))? || self.exists(&keys::tombstone(&Tombstone::Run(run)))?)
    }

    fn has_experiment(&self, experiment: ExperimentId) -> Result<bool> {
        Ok(self.exists(&keys::experiment(experiment))?
            || self.exists(&keys::tombstone(&Tombstone::Experiment(experiment)))?)
    }

    fn has_model(&self, model: ModelId) -> Result<bool> {
        Ok(self.exists(&keys::registry::model(model))? || self.exists(&keys::tombstone(&Tombstone::Model(model)))?)
    }

    fn has_version(&self, model: ModelId, number: u64) -> Result<bool> {
        Ok(self.exists(&keys::registry::version(model, number))?
            || self.exists(&keys::tombstone(&Tombstone::Version(model, number)))?
            || self.exists(&keys::tombstone(&Tombstone::Model(model)))?)
    }

    fn has_logged_model(&self, id: LoggedModelId) -> Result<bool> {
        Ok(self.exists(&keys::logged_models::model(id))? || self.exists(&keys::tombstone(&Tombstone::Logged(id)))?)
    }

    /// The number in a record. `None`: there is no record, or it is no number.
    fn number_at(&self, key: &[u8]) -> Result<Option<u64>> {
        let stored = self.source.get(key)?;
        Ok(stored.and_then(|value| codec::read_number(&value).ok()))
    }
}

#[cfg(test)]
mod tests;
