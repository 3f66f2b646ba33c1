//! The kinds of mistakes in filters, and the forms that would be right. Each has the text of the API, with places for values. Pages
//! have texts of their own for them, in each language.

use std::fmt;

/// A kind of phrase.
pub trait Kind: Copy {
    /// The text of the API. `{0}`, `{1}` are places for values.
    fn template(self) -> &'static str;
}

/// Declares a kind of phrase: a line has its name and the text of the API.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($kind:ident: $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $kind,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$kind),*];
        }

        impl Kind for $name {
            fn template(self) -> &'static str {
                match self {
                    $($name::$kind => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// The problem of a filter. The texts begin as MLflow's do.
    Problem {
        FilterBytes: "Invalid filter of {0} bytes: at most {1} are allowed";
        Unparsed: "Invalid filter '{0}'. Could not be parsed.";
        Comparisons: "Invalid filter: more than {0} comparisons";
        Incomplete: "Invalid comparison clause";
        NoComparator: "Invalid comparison clause. Expected comparator";
        NoValue: "Invalid comparison clause. Expected value";
        NotAnIdentifier: "Invalid comparison clause. Expected 'Identifier' found '{0}'";
        Identifier: "Invalid identifier";
        Entity: "Invalid entity type '{0}'. Valid values are {1}";
        OrderEntity: "Invalid order_by entity type '{0}'. Valid values are {1}";
        Attribute: "Invalid attribute key '{0}' specified. Valid keys are {1}";
        Dataset: "Invalid dataset key '{0}' specified. Valid keys are {1}";
        Issue: "Invalid issue key '{0}'. The only valid key is 'id'";
        Span: "Invalid span attribute '{0}'. Supported attributes: name, status, type, content, attributes.<attribute_name>.";
        Comparator: "Invalid comparator '{0}' not one of {1}";
        NullTest: "IS NULL / IS NOT NULL is only supported for tags and params";
        ListedAttributes: "Only {0} attributes support comparison with a list of quoted string values.";
        NoList: "Invalid clause(s) in filter string: IN without a list";
        BadList: "While parsing a list in the query, expected a non-empty list of quoted string values";
        ListLength: "Invalid list: more than {0} values";
        MetricValue: "Expected numeric value type for metric. Found {0}";
        AttributeValue: "Expected numeric value type for numeric attribute. Found {0}";
        NumberForText: "Expected a quoted string value. Got value {0}";
        Unquoted: "Parameter value is either not quoted or unidentified quote types used for string value {0}. Use either \
            single or double quotes.";
        PatternLength: "Invalid pattern: more than {0} characters";
        Regex: "Invalid regular expression '{0}': {1}";
        Word: "Unknown value in filter: '{0}'";
        ExperimentId: "Invalid experiment ID '{0}'";
        SeveralExpressions: "Search filter contained multiple expression";
        Token: "Invalid clause(s) in filter string: '{0}'";
        Other: "{0}";
    }
}

kinds! {
    /// The form that would be right.
    Form {
        Said: "";
        Comparison: "a comparison has the form <entity>.<key> <comparator> <value>";
        Key: "a key with other characters than letters, digits, '_' and '.' stands in back-quotes: tags.`a b`";
        Quotes: "a text stands in single or double quotes: params.model = 'cnn'";
        List: "a list has the form ('a', 'b')";
        Less: "ask for less";
        Sides: "what is searched stands left, its value right";
        MetricNumber: "a number without quotes, as in metrics.loss < 0.5";
        Number: "a number without quotes";
        WholeNumber: "an integer without quotes";
        Integer: "an integer";
        ExperimentNumber: "an experiment ID is an integer";
        OneOf: "it is one of {0}";
        AndList: "Provide AND-ed expression list";
        Unclosed: "the quote is never closed";
        NoParentheses: "comparisons are joined by AND, without parentheses";
        OnlyAnd: "comparisons are only joined by AND";
    }
}

/// A kind of phrase with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase<K> {
    /// The kind.
    pub kind: K,
    /// The values, in the order of their places.
    pub values: Vec<String>,
}

impl<K: Kind> From<K> for Phrase<K> {
    fn from(kind: K) -> Self {
        Phrase {
            kind,
            values: Vec::new(),
        }
    }
}

impl Problem {
    /// The problem with its values.
    pub(super) fn of<const N: usize>(self, values: [String; N]) -> Phrase<Self> {
        let values = values.into();
        Phrase { kind: self, values }
    }
}

/// The text of the API.
impl<K: Kind> fmt::Display for Phrase<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.kind.template();
        for (index, value) in self.values.iter().enumerate() {
            let Some((before, after)) = rest.split_once(&format!("{{{index}}}")) else {
                break;
            };
            f.write_str(before)?;
            f.write_str(value)?;
            rest = after;
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_their_places_as_they_are() {
        let phrase = Problem::Comparator.of(["{1}".to_owned(), "['=']".to_owned()]);
        assert_eq!(phrase.to_string(), "Invalid comparator '{1}' not one of ['=']");
        assert_eq!(Phrase::from(Form::Said).to_string(), "");
    }
}
