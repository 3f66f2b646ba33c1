//! Params of runs, which are logged once and never change.

use super::packed;
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, Record};
use crate::store::{codec, keys};

/// Returns the keys that logging params reads: the packed run, then each param. Empty without params.
pub(super) fn keys_of_params(id: RunId, params: &[Pair]) -> Vec<Vec<u8>> {
    let packed = params.first().map(|_| keys::packed_run(id));
    let loose = params.iter().map(|(key, _)| keys::run_param(id, key));
    packed.into_iter().chain(loose).collect()
}

/// Adds params to a change, given the records of `keys_of_params`. A value that exists already stays as it is, and another
/// value is refused.
pub(super) fn log_params(change: &mut Change, id: RunId, params: &[Pair], values: &[Record]) -> Result<()> {
    let Some((packed_record, values)) = values.split_first() else {
        return Ok(());
    };
    let packed = packed(packed_record)?;
    let mut changed = Vec::new();
    for ((key, new), value) in params.iter().zip(values) {
        let old = match value.decode(codec::read_text)? {
            Some(loose) => Some(loose),
            None => packed.param(key).map(str::to_owned),
        };
        match old {
            None => {
                // Compaction may have moved another writer's value meanwhile: then it has no record of its
                // own any more.
                change.require_version(keys::packed_run(id), packed_record.version);
                change.require_version(keys::run_param(id, key), ABSENT);
                change.put(keys::run_param(id, key), new.clone().into_bytes());
            }
            Some(old) if old != *new => changed.push((key, old, new)),
            Some(_) => {}
        }
    }
    refuse_changed_params(id, &changed, params.len())
}

fn refuse_changed_params(id: RunId, changed: &[(&String, String, &String)], logged: usize) -> Result<()> {
    match (changed, logged) {
        ([], _) => Ok(()),
        ([(key, old, new)], 1) => Err(Error::Invalid(format!(
            "Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run \
             ID='{id}'. Attempted logging new value '{new}'."
        ))),
        _ => {
            let show = |(key, old, new): &(&String, String, &String)| {
                format!("{{'key': '{key}', 'old_value': '{old}', 'new_value': '{new}'}}")
            };
            let shown: Vec<String> = changed.iter().map(show).collect();
            Err(Error::Invalid(format!(
                "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{id}'.",
                shown.join(", ")
            )))
        }
    }
}
