//! Tags and params in requests, checked by the rules of their kind.

use std::collections::BTreeSet;

use crate::domain::experiment::Pair;
use crate::domain::limits::PAIRS_AT_ONCE_MAX;
use crate::domain::pair::PairRules;
use crate::error::{Error, Result};
use crate::request::params::Params;

/// Reads a tag or a param: the required field `key` and the optional field `value`.
pub fn read_pair(params: &Params<'_>, rules: PairRules) -> Result<Pair> {
    let key = params.required_text("key")?;
    rules.validate_key(&params.name("key"), key)?;
    let value = params.text("value")?.unwrap_or_default();
    let value = rules.stored_value(|| params.name("value"), key, value)?;
    Ok((key.to_owned(), value))
}

/// Reads a list of tags or params, in the order in which they were sent, without those that only the server writes.
pub fn read_pairs<'a>(params: &Params<'a>, name: &'a str, rules: PairRules) -> Result<Vec<Pair>> {
    let items = params.objects(name)?;
    if items.len() > PAIRS_AT_ONCE_MAX {
        return Err(Error::Invalid(format!(
            "{} {}: at most {PAIRS_AT_ONCE_MAX} are allowed",
            items.len(),
            params.name(name)
        )));
    }
    let pairs = items.iter().map(|item| read_pair(item, rules));
    let mut pairs = pairs.collect::<Result<Vec<_>>>()?;
    pairs.retain(|(key, _)| !rules.is_of_server(key));
    Ok(pairs)
}

/// Removes pairs with equal keys, except the last of them. Keeps the order of the list.
pub fn last_of_each(pairs: Vec<Pair>) -> Vec<Pair> {
    let mut seen = BTreeSet::new();
    let mut last: Vec<Pair> = pairs
        .into_iter()
        .rev()
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect();
    last.reverse();
    last
}

/// Fails if two params have equal keys.
pub fn reject_duplicate_keys(params: &[Pair]) -> Result<()> {
    let mut seen = BTreeSet::new();
    let twins: BTreeSet<&str> = params
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| !seen.insert(*key))
        .collect();
    if twins.is_empty() {
        return Ok(());
    }
    let twins: Vec<String> = twins.into_iter().map(|key| format!("'{key}'")).collect();
    Err(Error::Invalid(format!(
        "Duplicate parameter keys have been submitted: [{}]. Please ensure the request contains only one param value per \
         param key.",
        twins.join(", ")
    )))
}
