//! The tokens and the cost that the metadata of a trace tell, which clients write as JSON.

use serde_json::Value;

use crate::domain::trace::{COST, TOKEN_USAGE, Trace};

/// A number of tokens, by its name in the usage: `input_tokens`. `None`: the trace does not tell it.
pub fn tokens(trace: &Trace, name: &str) -> Option<i64> {
    tokens_in(trace.metadata.get(TOKEN_USAGE)?, name)
}

/// A number of tokens in a usage as JSON. `None`: it does not tell it.
pub fn tokens_in(usage: &str, name: &str) -> Option<i64> {
    serde_json::from_str::<Value>(usage).ok()?.get(name)?.as_i64()
}

/// The cost in US dollars. `None`: the trace does not tell it.
pub fn cost(trace: &Trace) -> Option<f64> {
    json_of(trace, COST)?.get("total_cost")?.as_f64()
}

fn json_of(trace: &Trace, key: &str) -> Option<Value> {
    serde_json::from_str(trace.metadata.get(key)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::domain::trace::id::TraceId;

    #[test]
    fn what_clients_tell_is_read_leniently() {
        let trace = |key: &str, value: &str| {
            let mut trace = Trace::new(TraceId::stored("t"), ExperimentId(1), "", 0);
            trace.metadata.insert(key.to_owned(), value.to_owned());
            trace
        };
        let told = trace(TOKEN_USAGE, r#"{"input_tokens": 3}"#);
        assert_eq!(
            (tokens(&told, "input_tokens"), tokens(&told, "output_tokens")),
            (Some(3), None)
        );
        for odd in ["", "[]", "{}", r#"{"input_tokens": "x", "total_cost": "x"}"#] {
            assert_eq!(tokens(&trace(TOKEN_USAGE, odd), "input_tokens"), None);
            assert_eq!(cost(&trace(COST, odd)), None);
        }
        assert_eq!(cost(&trace(COST, r#"{"total_cost": 0.25}"#)), Some(0.25));
    }
}
