//! Addresses: percent-encoding, and which links of users may be followed.

use std::fmt::Write as _;

/// Encodes a text as one segment of a path, or as a name or value of a query.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            // Writing to a text cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// Encodes a path, whose slashes stay.
pub fn encoded_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

/// An address with parameters in its query. A parameter may come more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    path: String,
    query: Vec<(String, String)>,
}

impl Address {
    /// The address of a path, which is encoded already.
    pub fn new(path: impl Into<String>) -> Self {
        Address {
            path: path.into(),
            query: Vec::new(),
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a parameter, unless its value is empty.
    #[must_use]
    pub fn with_filled(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// Removes a parameter, however often it comes.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.query.retain(|(other, _)| other != name);
        self
    }

    /// Gives a parameter this value alone.
    #[must_use]
    pub fn set(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).with(name, value)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        for (index, (name, value)) in self.query.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(f, "{mark}{}={}", encoded(name), encoded(value))?;
        }
        Ok(())
    }
}

/// A link to another site, as a user or the forge wrote it. `None`: it is no address of the web, so it may not be followed:
/// a browser would run `javascript:`.
pub fn web_link(text: &str) -> Option<&str> {
    let is_of = |scheme: &str| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme)) && text.len() > scheme.len()
    };
    let is_clean = !text.chars().any(|char| char.is_control() || char.is_whitespace());
    (is_clean && (is_of("https://") || is_of("http://"))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_addresses_of_the_web_may_be_followed() {
        for good in ["https://a.test/x?y#z", "HTTP://a.test"] {
            assert_eq!(web_link(good), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            "https://",
            "//a.test",
            "/x",
            "data:text/html,x",
            " https://a.test",
            "https://a b",
            "java\nscript:x",
            "ftp://a",
            "",
        ] {
            assert_eq!(web_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_keeps_its_parameters_in_order() {
        let address = Address::new("/a").with("x", "1 2").with("y", "&").with("x", "3");
        assert_eq!(address.to_string(), "/a?x=1%202&y=%26&x=3");
        assert_eq!(address.set("x", "ü").to_string(), "/a?y=%26&x=%C3%BC");
    }

    proptest! {
        #[test]
        fn an_encoded_text_has_no_sign_that_means_something(text in any::<String>()) {
            prop_assert!(encoded(&text).bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
    }
}
