//! The regular expressions of RLIKE. Their matches take time in proportion to the text, whatever the expression.

use regex_lite::RegexBuilder;

/// Largest number of bytes of a compiled expression.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A regular expression, prepared for matching.
#[derive(Clone, Debug)]
pub struct Regex {
    text: String,
    compiled: regex_lite::Regex,
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Regex {
    /// Prepares an expression. An error says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let compiled = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        Ok(Regex {
            text: text.to_owned(),
            compiled: compiled.map_err(|error| error.to_string())?,
        })
    }

    /// The expression as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if the expression matches somewhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_anywhere_unless_it_is_anchored() {
        let matches = |regex: &str, text: &str| Regex::new(regex).map(|regex| regex.matches(text));
        assert_eq!(matches("^[fF]oo", "foobar"), Ok(true));
        assert_eq!(matches("^gpt-4$", "gpt-4o"), Ok(false));
        assert_eq!(matches("o.a", "foobar"), Ok(true));
        assert!(matches("(", "x").is_err());
        assert!(matches(&"(a{100}){100}".repeat(100), "x").is_err());
    }
}
