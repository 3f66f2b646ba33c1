//! The stored form of look-ups of CI jobs.

use super::attempts::{read_attempts, write_attempts};
use super::{Reader, Writer};
use crate::domain::job::{JobLookup, JobRef};
use crate::error::Result;

/// The kind of a job that is named by its id.
const ID: u8 = 0;
/// The kind of a job that is named by its run.
const OF_RUN: u8 = 1;

/// Writes a look-up; the run or version that names the job is in the key.
pub fn write_lookup(lookup: &JobLookup) -> Vec<u8> {
    let writer = write_attempts(Writer::new(), &lookup.attempts);
    match &lookup.job {
        JobRef::Id(id) => writer.byte(ID).text(id).0,
        JobRef::OfRun { run, job } => {
            let writer = writer.byte(OF_RUN).text(run);
            writer.optional(job.as_deref(), Writer::text).0
        }
    }
}

/// Reads a look-up.
pub fn read_lookup(bytes: &[u8]) -> Result<JobLookup> {
    let mut reader = Reader::new("job look-up", bytes)?;
    let attempts = read_attempts(&mut reader)?;
    let job = match reader.byte()? {
        ID => JobRef::Id(reader.text()?),
        OF_RUN => JobRef::OfRun {
            run: reader.text()?,
            job: reader.optional(Reader::text)?,
        },
        _ => return Err(reader.corrupt()),
    };
    reader.end(JobLookup { job, attempts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempts::Attempts;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_look_up_reads_back(
            times in any::<(i64, i64)>(), tries in any::<u64>(), is_id in any::<bool>(),
            name in any::<(String, Option<String>)>(),
        ) {
            let (run, job) = name;
            let job = if is_id { JobRef::Id(run) } else { JobRef::OfRun { run, job } };
            let attempts = Attempts { since_ms: times.0, tried_ms: times.1, tries };
            let lookup = JobLookup { job, attempts };
            prop_assert_eq!(read_lookup(&write_lookup(&lookup)), Ok(lookup));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = read_lookup(&bytes);
        }
    }
}
