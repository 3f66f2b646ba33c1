//! The conventions by which libraries name attributes of spans, translated into MLflow's. An attribute of
//! MLflow that is there already stays, and the originals stay too.

use super::span::{INPUTS_ATTRIBUTE, OUTPUTS_ATTRIBUTE, Span, TYPE_ATTRIBUTE, USAGE_ATTRIBUTE};
use super::usage::Usage;
use super::value::Value;

/// The attribute with the name of a model.
const MODEL_ATTRIBUTE: &str = "mlflow.llm.model";
/// The attribute with the provider of a model.
const PROVIDER_ATTRIBUTE: &str = "mlflow.llm.provider";

/// An attribute of MLflow, and the attributes that mean the same in OpenInference, GenAI, Traceloop, Vercel AI,
/// Langfuse and others. The first that a span has counts.
const SAME: [(&str, &[&str]); 4] = [
    (
        INPUTS_ATTRIBUTE,
        &[
            "input.value",
            "gen_ai.input.messages",
            "gen_ai.tool.call.arguments",
            "traceloop.entity.input",
            "gen_ai.prompt.0.content",
            "ai.prompt",
            "ai.toolCall.args",
            "ai.value",
            "langfuse.observation.input",
            "lmnr.span.input",
        ],
    ),
    (
        OUTPUTS_ATTRIBUTE,
        &[
            "output.value",
            "gen_ai.output.messages",
            "gen_ai.tool.call.result",
            "traceloop.entity.output",
            "gen_ai.completion.0.content",
            "ai.response.text",
            "ai.response.object",
            "ai.toolCall.result",
            "langfuse.observation.output",
            "lmnr.span.output",
        ],
    ),
    (
        MODEL_ATTRIBUTE,
        &[
            "llm.model_name",
            "gen_ai.response.model",
            "gen_ai.request.model",
            "ai.model.id",
        ],
    ),
    (
        PROVIDER_ATTRIBUTE,
        &[
            "llm.provider",
            "gen_ai.provider.name",
            "gen_ai.system",
            "ai.model.provider",
        ],
    ),
];

/// Attributes with the type of a span.
const TYPES: [&str; 6] = [
    "openinference.span.kind",
    "gen_ai.operation.name",
    "traceloop.span.kind",
    "langfuse.observation.type",
    "lmnr.span.type",
    "ai.operationId",
];

/// Words for types of spans, and MLflow's words. Other words only become upper case.
const TYPE_WORDS: [(&str, &str); 14] = [
    ("chat", "CHAT_MODEL"),
    ("text_completion", "LLM"),
    ("generate_content", "LLM"),
    ("response", "LLM"),
    ("generation", "LLM"),
    ("embeddings", "EMBEDDING"),
    ("execute_tool", "TOOL"),
    ("create_agent", "AGENT"),
    ("invoke_agent", "AGENT"),
    ("ai.toolCall", "TOOL"),
    ("ai.embed", "EMBEDDING"),
    ("ai.generateText", "LLM"),
    ("ai.streamText", "LLM"),
    ("span", "UNKNOWN"),
];

/// Attributes with the numbers of tokens: of the inputs, of the outputs, and of both.
const TOKENS: [&[&str]; 3] = [
    &[
        "llm.token_count.prompt",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "ai.usage.promptTokens",
    ],
    &[
        "llm.token_count.completion",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "ai.usage.completionTokens",
    ],
    &["llm.token_count.total", "llm.usage.total_tokens"],
];

/// Adds MLflow's attributes to a span that has those of another convention.
pub fn translate(span: &mut Span) {
    for (ours, theirs) in SAME {
        if span.attribute(ours).is_none()
            && let Some(value) = first(span, theirs).cloned()
        {
            span.set_attribute(ours, value);
        }
    }
    if span.attribute(TYPE_ATTRIBUTE).is_none()
        && let Some(word) = first(span, &TYPES).and_then(Value::as_text)
    {
        let known = TYPE_WORDS.iter().find(|(theirs, _)| *theirs == word);
        let ours = known.map_or_else(|| word.to_uppercase(), |(_, ours)| (*ours).to_owned());
        span.set_attribute(TYPE_ATTRIBUTE, Value::Text(ours));
    }
    if span.attribute(USAGE_ATTRIBUTE).is_none() {
        let [input, output, total] = TOKENS.map(|names| first(span, names).and_then(Value::as_integer));
        if let Some(usage) = Usage::value(input, output, total) {
            span.set_attribute(USAGE_ATTRIBUTE, usage);
        }
    }
}

fn first<'a>(span: &'a Span, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| span.attribute(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(attributes: &[(&str, Value)]) -> Span {
        let mut span = Span {
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            ..Span::default()
        };
        translate(&mut span);
        span
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn attributes_of_other_conventions_become_those_of_mlflow() {
        let span = translated(&[
            ("openinference.span.kind", text("LLM")),
            ("input.value", text("hi")),
            ("llm.token_count.prompt", Value::Integer(3)),
            ("llm.token_count.completion", Value::Integer(4)),
        ]);
        assert_eq!(span.kind_of_work(), "LLM");
        assert_eq!(span.attribute(INPUTS_ATTRIBUTE), Some(&text("hi")));
        let total = span
            .attribute(USAGE_ATTRIBUTE)
            .and_then(|usage| usage.get("total_tokens"));
        assert_eq!(total, Some(&Value::Integer(7)));
        for (word, kind) in [
            ("chat", "CHAT_MODEL"),
            ("execute_tool", "TOOL"),
            ("workflow", "WORKFLOW"),
        ] {
            assert_eq!(
                translated(&[("gen_ai.operation.name", text(word))]).kind_of_work(),
                kind
            );
        }
    }

    #[test]
    fn an_attribute_of_mlflow_stays() {
        let span = translated(&[(INPUTS_ATTRIBUTE, text("own")), ("input.value", text("other"))]);
        assert_eq!(span.attribute(INPUTS_ATTRIBUTE), Some(&text("own")));
        assert_eq!(span.attribute("input.value"), Some(&text("other")));
        assert_eq!(translated(&[]), Span::default());
    }
}
