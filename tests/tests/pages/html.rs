//! A check that a page is well formed, and has nothing that its security policy forbids.

/// Elements without an end.
///
/// Elements of drawings have one: a browser would take what follows an open `circle` for its contents, and not draw it.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

/// Fails if elements are not nested, an attribute runs a script or styles, or an id comes twice.
#[track_caller]
pub(super) fn check(html: &str) {
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    let (mut open, mut ids): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut rest = html.split_once('>').expect("a type").1;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("the end of a tag");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {html}");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "<{tag}> in {html}"
        );
        for (key, value) in attributes_of(attributes) {
            assert!(!key.starts_with("on") && key != "style", "<{tag}>");
            assert!(
                !value.trim_start().to_ascii_lowercase().starts_with("javascript:"),
                "<{tag}>"
            );
            if key == "id" {
                assert!(!ids.contains(&value), "id {value} comes twice in {html}");
                ids.push(value);
            }
        }
        assert!(
            name != "script" || attributes.contains("src=\""),
            "a script within {html}"
        );
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open in {html}");
    assert_eq!(html.matches("<h1").count(), 1, "{html}");
}

fn attributes_of(mut text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    while !text.trim().is_empty() {
        text = text.trim_start();
        let end = text.find([' ', '=']).unwrap_or(text.len());
        let (key, rest) = text.split_at(end);
        match rest.strip_prefix("=\"") {
            Some(rest) => {
                let (value, rest) = rest.split_once('"').expect("a quoted value");
                found.push((key, value));
                text = rest;
            }
            None => {
                assert!(!rest.starts_with('='), "{key} has a value without quotes");
                found.push((key, ""));
                text = rest;
            }
        }
    }
    found
}
