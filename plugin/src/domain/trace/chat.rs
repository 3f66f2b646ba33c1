//! The messages of a chat in the inputs and outputs of a span, as the libraries of OpenAI, LangChain and others
//! write them.

use super::value::Value;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The role, for example `user`.
    pub role: String,
    /// The text; may be empty.
    pub text: String,
    /// The tools that it calls.
    pub calls: Vec<ToolCall>,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments as text.
    pub arguments: String,
}

/// The roles that LangChain gives as types of messages, with their usual names.
const TYPES: [(&str, &str); 4] = [
    ("human", "user"),
    ("ai", "assistant"),
    ("system", "system"),
    ("tool", "tool"),
];

/// The messages of a chat: those of the inputs, and the answer. Empty: the inputs are no chat.
pub fn messages(inputs: Option<&Value>, outputs: Option<&Value>) -> Vec<Message> {
    let mut messages = inputs
        .map(|inputs| listed(inputs, &["messages", "input", "contents"]))
        .unwrap_or_default();
    if messages.is_empty() {
        return messages;
    }
    let answers = outputs.map(answers).unwrap_or_default();
    // Some libraries answer with the whole conversation.
    let known = messages
        .iter()
        .zip(&answers)
        .take_while(|(old, new)| old == new)
        .count();
    messages.extend(answers.into_iter().skip(known));
    messages
}

/// The messages of a list, or of the first of these fields that is one.
fn listed(value: &Value, fields: &[&str]) -> Vec<Message> {
    let lists = fields.iter().filter_map(|field| value.get(field)).chain([value]);
    let mut lists = lists.map(|list| {
        // LangChain has a list of conversations.
        let nested = list.items().first().filter(|first| !first.items().is_empty());
        nested.unwrap_or(list).items().iter().filter_map(message).collect()
    });
    lists
        .find(|messages: &Vec<Message>| !messages.is_empty())
        .unwrap_or_default()
}

fn answers(outputs: &Value) -> Vec<Message> {
    if let Some(text) = outputs.as_text() {
        return vec![Message {
            role: "assistant".to_owned(),
            text: text.to_owned(),
            calls: Vec::new(),
        }];
    }
    let generation = outputs.get("generations").and_then(|list| list.items().first());
    let generation = generation.map(|first| first.items().first().unwrap_or(first));
    let choice = outputs.get("choices").and_then(|choices| choices.items().first());
    let holders = [choice, generation, Some(outputs)];
    let mut held = holders.into_iter().flatten().filter_map(|holder| holder.get("message"));
    if let Some(message) = held.find_map(message) {
        return vec![message];
    }
    let list = listed(outputs, &["messages", "output"]);
    if list.is_empty() {
        message(outputs).into_iter().collect()
    } else {
        list
    }
}

fn message(value: &Value) -> Option<Message> {
    let text = |name| value.get(name).and_then(Value::as_text);
    let of_type = || {
        TYPES
            .iter()
            .find(|(name, _)| Some(*name) == text("type"))
            .map(|(_, role)| *role)
    };
    let role = text("role").or_else(of_type)?;
    let calls = value.get("tool_calls").map(Value::items).unwrap_or_default();
    let content = value.get("content").or_else(|| value.get("parts"));
    Some(Message {
        role: role.to_owned(),
        text: content.map(content_text).unwrap_or_default(),
        calls: calls.iter().filter_map(call).collect(),
    })
}

/// The text of a message's content: a text, or a list of parts.
fn content_text(content: &Value) -> String {
    match content {
        Value::Text(text) => text.clone(),
        Value::Null => String::new(),
        Value::List(parts) => {
            let part = |part: &Value| match part
                .get("text")
                .or_else(|| part.get("content"))
                .and_then(Value::as_text)
            {
                Some(text) => text.to_owned(),
                None => match part.get("type").and_then(Value::as_text) {
                    Some(kind) => format!("[{kind}]"),
                    None => content_text(part),
                },
            };
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        other => other.json(),
    }
}

fn call(value: &Value) -> Option<ToolCall> {
    let function = value.get("function").unwrap_or(value);
    let arguments = function.get("arguments").or_else(|| function.get("args"));
    let text = |value: &Value| value.as_text().map_or_else(|| value.json(), str::to_owned);
    Some(ToolCall {
        name: function.get("name")?.as_text()?.to_owned(),
        arguments: arguments.map(text).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::trace::value::tests::a_value;
    use proptest::prelude::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn map(fields: &[(&str, Value)]) -> Value {
        Value::Map(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    }

    fn said(inputs: &Value, outputs: &Value) -> Vec<String> {
        let messages = messages(Some(inputs), Some(outputs));
        messages
            .iter()
            .map(|one| format!("{}: {}{}", one.role, one.text, one.calls.len()))
            .collect()
    }

    #[test]
    fn chats_of_several_libraries_are_read() {
        let user = map(&[("role", text("user")), ("content", text("hi"))]);
        let part = map(&[("type", text("text")), ("text", text("yes"))]);
        let image = map(&[("type", text("image_url"))]);
        let function = map(&[("name", text("look")), ("arguments", text("{}"))]);
        let answer = map(&[
            ("role", text("assistant")),
            ("content", Value::List(vec![part, image])),
            ("tool_calls", Value::List(vec![map(&[("function", function)])])),
        ]);
        let inputs = map(&[("messages", Value::List(vec![user.clone()]))]);
        let choices = map(&[("choices", Value::List(vec![map(&[("message", answer.clone())])]))]);
        let all = ["user: hi0", "assistant: yes\n[image_url]1"];
        assert_eq!(said(&inputs, &choices), all);
        let whole = map(&[("messages", Value::List(vec![user.clone(), answer.clone()]))]);
        assert_eq!(said(&inputs, &whole), all);
        assert_eq!(said(&Value::List(vec![user]), &answer), all);
        let human = map(&[("type", text("human")), ("content", text("hi"))]);
        let nested = Value::List(vec![Value::List(vec![human])]);
        assert_eq!(said(&nested, &text("bye")), ["user: hi0", "assistant: bye0"]);
        assert_eq!(said(&text("hi"), &text("bye")), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_values_are_read_without_a_panic(inputs in a_value(), outputs in a_value()) {
            let _ = messages(Some(&inputs), Some(&outputs));
        }
    }
}
