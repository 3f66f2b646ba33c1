//! The tokens that the models of a trace used.

use std::collections::{BTreeMap, BTreeSet};

use super::id::SpanId;
use super::span::{Span, USAGE_ATTRIBUTE};
use super::value::Value;

/// The fields of a usage, in MLflow's order. The last two are omitted where they are unknown.
const FIELDS: [&str; 5] = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
];

/// Numbers of tokens, by the fields above. `None`: unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage([Option<i64>; FIELDS.len()]);

impl Usage {
    /// The usage that a span tells. `None`: it tells none.
    pub fn of_span(span: &Span) -> Option<Self> {
        let told = span.attribute(USAGE_ATTRIBUTE)?;
        let mut counts = FIELDS.map(|field| told.get(field).and_then(Value::as_integer));
        let is_told = counts.iter().any(Option::is_some);
        if let [input, output, total @ None, ..] = &mut counts {
            *total = Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0)));
        }
        is_told.then_some(Usage(counts))
    }

    /// The usage with these numbers of tokens. The total is their sum unless it is given.
    pub fn value(input: Option<i64>, output: Option<i64>, total: Option<i64>) -> Option<Value> {
        let sum = || Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0)));
        let total = total.or_else(sum).filter(|_| input.or(output).or(total).is_some())?;
        let counts = [input.unwrap_or(0), output.unwrap_or(0), total];
        let fields = FIELDS.iter().zip(counts);
        Some(Value::Map(
            fields
                .map(|(name, count)| ((*name).to_owned(), Value::Integer(count)))
                .collect(),
        ))
    }

    fn add(&mut self, other: Usage) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum = match (*sum, count) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            };
        }
    }

    /// The usage as JSON, in which a trace keeps it.
    pub fn json(self) -> String {
        let known = FIELDS.iter().zip(self.0).enumerate();
        let fields = known.filter_map(|(index, (name, count))| match count {
            None if index > 2 => None,
            count => Some(((*name).to_owned(), Value::Integer(count.unwrap_or(0)))),
        });
        Value::Map(fields.collect()).json()
    }
}

/// The usage of a whole trace. A span that tells its usage counts for all spans below it. A span that does not
/// is looked through. `None`: no span tells any.
pub fn of_trace(spans: &[Span]) -> Option<Usage> {
    let ids: BTreeSet<SpanId> = spans.iter().map(|span| span.id).collect();
    let mut below: BTreeMap<SpanId, Vec<&Span>> = BTreeMap::new();
    let mut open: Vec<&Span> = Vec::new();
    for span in spans {
        match span.parent.filter(|parent| ids.contains(parent) && *parent != span.id) {
            Some(parent) => below.entry(parent).or_default().push(span),
            None => open.push(span),
        }
    }
    let mut sum: Option<Usage> = None;
    // Each span is taken out of the map at most once, so a circle of parents ends too.
    while let Some(span) = open.pop() {
        match Usage::of_span(span) {
            Some(usage) => sum.get_or_insert_default().add(usage),
            None => open.extend(below.remove(&span.id).unwrap_or_default()),
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u8, parent: Option<u8>, tokens: Option<(i64, i64)>) -> Span {
        let mut span = Span {
            id: [id; 8],
            parent: parent.map(|parent| [parent; 8]),
            ..Span::default()
        };
        if let Some((input, output)) = tokens
            && let Some(usage) = Usage::value(Some(input), Some(output), None)
        {
            span.set_attribute(USAGE_ATTRIBUTE, usage);
        }
        span
    }

    fn sum(spans: &[Span]) -> Option<String> {
        of_trace(spans).map(Usage::json)
    }

    #[test]
    fn a_span_with_usage_hides_those_below_it() {
        let text = |input: i64, output: i64| {
            Some(format!(
                r#"{{"input_tokens": {input}, "output_tokens": {output}, "total_tokens": {}}}"#,
                input + output
            ))
        };
        let children = [span(2, Some(1), Some((10, 1))), span(3, Some(1), Some((20, 2)))];
        let with = |root| {
            let mut spans = children.to_vec();
            spans.push(root);
            sum(&spans)
        };
        assert_eq!(with(span(1, None, None)), text(30, 3));
        assert_eq!(with(span(1, None, Some((30, 5)))), text(30, 5));
        assert_eq!(sum(&children), text(30, 3));
        assert_eq!(sum(&[span(1, None, None)]), None);
    }

    #[test]
    fn spans_that_are_their_own_ancestors_end() {
        assert_eq!(sum(&[span(1, Some(1), None)]), None);
        assert_eq!(sum(&[span(1, Some(2), Some((1, 1))), span(2, Some(1), None)]), None);
    }
}
