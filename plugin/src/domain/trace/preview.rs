//! Previews: the beginnings of a trace's inputs and outputs, for people. Of a chat they are the texts of the
//! last messages.

use super::value::Value;
use crate::domain::name::cut;

/// Characters of a preview.
const PREVIEW_CHARS_MAX: usize = 1_000;

/// The preview of inputs: the last message of a user, or the JSON text.
pub fn of_inputs(inputs: &Value) -> String {
    let messages = [inputs.get("messages"), inputs.get("input"), Some(inputs)];
    let text = messages.into_iter().flatten().find_map(|list| last_of(list, "user"));
    shortened(text.unwrap_or_else(|| inputs.json()))
}

/// The preview of outputs: the answer of an assistant, or the JSON text.
pub fn of_outputs(outputs: &Value) -> String {
    let choice = outputs.get("choices").and_then(|choices| choices.items().first());
    let message = choice.and_then(|choice| choice.get("message")).and_then(text_of);
    let lists = [outputs.get("messages"), outputs.get("output"), Some(outputs)];
    let text = message.or_else(|| lists.into_iter().flatten().find_map(|list| last_of(list, "assistant")));
    shortened(text.unwrap_or_else(|| outputs.json()))
}

/// The text of the last message of this role.
fn last_of(list: &Value, role: &str) -> Option<String> {
    let mut messages = list.items().iter().rev();
    let is_role = |message: &&Value| message.get("role").and_then(Value::as_text) == Some(role);
    messages.find(is_role).and_then(text_of)
}

/// The text of a message. Its content is a text, or a list of parts.
fn text_of(message: &Value) -> Option<String> {
    let content = message.get("content")?;
    let parts = content.items().iter();
    let of_part = |part: &Value| part.get("text").and_then(Value::as_text).map(str::to_owned);
    content
        .as_text()
        .map(str::to_owned)
        .or_else(|| parts.rev().find_map(of_part))
}

/// The text, cut as MLflow cuts it.
fn shortened(text: String) -> String {
    if text.chars().count() <= PREVIEW_CHARS_MAX {
        return text;
    }
    format!("{}...", cut(text, PREVIEW_CHARS_MAX - 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn message(role: &str, content: Value) -> Value {
        Value::Map(vec![("role".to_owned(), text(role)), ("content".to_owned(), content)])
    }

    fn named(name: &str, value: Value) -> Value {
        Value::Map(vec![(name.to_owned(), value)])
    }

    #[test]
    fn a_chat_is_shown_by_its_last_message_and_all_else_as_json() {
        let chat = Value::List(vec![
            message("user", text("a")),
            message("user", text("b")),
            message("system", text("c")),
        ]);
        assert_eq!(of_inputs(&named("messages", chat.clone())), "b");
        assert_eq!(of_inputs(&chat), "b");
        assert_eq!(of_inputs(&text("ri")), "\"ri\"");
        let parts = Value::List(vec![named("text", text("Hello!"))]);
        let answer = named("message", message("assistant", parts));
        assert_eq!(of_outputs(&named("choices", Value::List(vec![answer]))), "Hello!");
        assert_eq!(of_outputs(&chat), chat.json());
    }

    #[test]
    fn a_long_preview_ends_with_dots() {
        let preview = of_inputs(&text(&"ü".repeat(2_000)));
        assert_eq!(preview.chars().count(), 1_000);
        assert!(preview.ends_with("ü..."));
    }
}
