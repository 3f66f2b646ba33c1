//! The parser of filters. A filter is a list of clauses `<entity>.<key> <comparator> <value>`. AND only
//! separates them and may be omitted.
//!
//! Messages begin as MLflow's do, then name the position and the correct form.

use std::collections::BTreeSet;

use super::filter::{Bound, Clause, Filter, Predicate};
use super::lex::{self, Kind, Token, shown};
use super::like::Pattern;
use super::mistake::{FilterMistake, Parsed};
use super::name::Name;
use super::regex::Regex;
use super::schema::{Comparator, Relation, Searched, Subject, ValueType, listed};
use crate::domain::id::ExperimentId;
use crate::domain::limits::{FILTER_BYTES_MAX, FILTER_CLAUSES_MAX, FILTER_LIST_MAX, LIKE_PATTERN_CHARS_MAX};
use crate::error::{Error, Result};

impl<A: Searched> Filter<A> {
    /// Reads a filter. An empty one finds every item.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(FilterMistake::into_error)
    }

    /// Reads a filter. The error says where the mistake is.
    pub fn read(text: &str) -> std::result::Result<Self, FilterMistake> {
        clauses(text).map(|clauses| Filter { clauses })
    }
}

/// The clauses of a filter. An empty filter has none.
fn clauses<A: Searched>(text: &str) -> Parsed<Vec<Clause<A>>> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(FilterMistake::of_all(format!(
            "Invalid filter of {} bytes: at most {FILTER_BYTES_MAX} are allowed",
            text.len()
        )));
    }
    let tokens = lex::tokens(text);
    if tokens.is_empty() && !text.is_empty() {
        return Err(FilterMistake::of_all(format!(
            "Invalid filter '{}'. Could not be parsed.",
            shown(text)
        )));
    }
    let mut parser = Parser { text, tokens: &tokens };
    let mut clauses = Vec::new();
    while let Some(token) = parser.tokens.first() {
        if token.is_word("AND") {
            parser.take();
            continue;
        }
        if clauses.len() == FILTER_CLAUSES_MAX {
            let problem = format!("Invalid filter: more than {FILTER_CLAUSES_MAX} comparisons");
            return Err(parser.error(&problem, Some(token), "ask for less"));
        }
        clauses.push(parser.clause()?);
    }
    Ok(clauses)
}

/// The rest of a text that is not parsed yet.
struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
}

/// The right side of a comparison.
enum Value<'a> {
    One(Token<'a>),
    List(Vec<&'a str>, Token<'a>),
    None,
}

impl<'a> Parser<'a> {
    fn clause<A: Searched>(&mut self) -> Parsed<Clause<A>> {
        let left = self.left()?;
        let (comparator, at) = self.comparator(A::LANGUAGE.has_patterns())?;
        let value = self.value(comparator)?;
        let (subject, values) = self.subject::<A>(&left)?;
        if !values.comparators().contains(&comparator) {
            return Err(self.wrong_comparator::<A>(&subject, values, comparator, &at));
        }
        let test = match value {
            Value::None if comparator == Comparator::IsNull => Predicate::Absent,
            Value::None => Predicate::Present,
            Value::List(texts, at) => self.among(values, texts, comparator == Comparator::In, &at)?,
            Value::One(value) if values == ValueType::Judgement && comparator.is_order() => {
                self.number(ValueType::Float, comparator, &value)?
            }
            Value::One(value) if values.are_numbers() => self.number(values, comparator, &value)?,
            Value::One(value) => self.text(values, comparator, &value)?,
        };
        Ok(Clause { subject, test })
    }

    fn take(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.is_word(word));
        found && self.take().is_some()
    }

    /// Reads the left side of a comparison.
    fn left(&mut self) -> Parsed<Token<'a>> {
        let Some(token) = self.take() else {
            return Err(self.error("Invalid comparison clause", None, WANTED));
        };
        let compared = self.tokens.first().is_some_and(|next| next.kind == Kind::Comparator);
        match token.kind {
            Kind::Path if !compared && (token.is_word("OR") || token.is_word("NOT")) => Err(self.invalid(&token)),
            Kind::Path | Kind::Text { quote: '"', .. } => Ok(token),
            Kind::Number | Kind::Text { .. } if compared => {
                let problem = format!(
                    "Invalid comparison clause. Expected 'Identifier' found '{}'",
                    shown(token.text)
                );
                Err(self.error(&problem, Some(&token), "what is searched stands left, its value right"))
            }
            _ => Err(self.invalid(&token)),
        }
    }

    fn comparator(&mut self, has_patterns: bool) -> Parsed<(Comparator, Token<'a>)> {
        let Some(token) = self.take() else {
            return Err(self.error("Invalid comparison clause. Expected comparator", None, WANTED));
        };
        let not = token.is_word("NOT");
        let named = |name: &str| {
            Comparator::ALL
                .iter()
                .find(|(word, _)| *word == name)
                .map(|(_, found)| *found)
        };
        let found = if has_patterns && token.is_word("RLIKE") {
            Some(Comparator::RLike)
        } else if token.kind == Kind::Comparator {
            named(token.text)
        } else if token.is_word("IS") {
            let not = self.take_word("NOT");
            let null = self.take_word("NULL");
            null.then_some(if not { Comparator::IsNotNull } else { Comparator::IsNull })
        } else if not && self.take_word("IN") {
            Some(Comparator::NotIn)
        } else if token.kind == Kind::Path && !not {
            named(&token.text.to_ascii_uppercase())
        } else {
            None
        };
        match found {
            Some(comparator) => Ok((comparator, token)),
            None if token.kind == Kind::Comparator || not || token.is_word("RLIKE") => {
                let all = listed(Comparator::ALL.iter().map(|(name, _)| *name));
                let problem = format!("Invalid comparator '{}' not one of {all}", shown(token.text));
                Err(self.error(&problem, Some(&token), WANTED))
            }
            None => Err(self.invalid(&token)),
        }
    }

    fn value(&mut self, comparator: Comparator) -> Parsed<Value<'a>> {
        let token = self.tokens.first().copied();
        match (comparator, token) {
            (Comparator::IsNull | Comparator::IsNotNull, _) => Ok(Value::None),
            (Comparator::In | Comparator::NotIn, Some(token)) if token.kind == Kind::Open => self.list(token),
            (Comparator::In | Comparator::NotIn, token) => Err(self.error(
                "Invalid clause(s) in filter string: IN without a list",
                token.as_ref(),
                LIST_WANTED,
            )),
            (_, Some(token)) if matches!(token.kind, Kind::Number | Kind::Text { .. } | Kind::Path) => {
                self.take();
                Ok(Value::One(token))
            }
            (_, Some(token)) => Err(self.invalid(&token)),
            (_, None) => Err(self.error("Invalid comparison clause. Expected value", None, WANTED)),
        }
    }

    fn list(&mut self, open: Token<'a>) -> Parsed<Value<'a>> {
        self.take();
        let mut texts = Vec::new();
        loop {
            let token = self.take();
            match token.map(|token| token.kind) {
                Some(Kind::Text { content, .. }) => texts.push(content),
                // A comma after the last value is allowed.
                Some(Kind::Close) if !texts.is_empty() => break,
                _ => return Err(self.bad_list(token)),
            }
            if texts.len() > FILTER_LIST_MAX {
                let problem = format!("Invalid list: more than {FILTER_LIST_MAX} values");
                return Err(self.error(&problem, Some(&open), "ask for less"));
            }
            let token = self.take();
            match token.map(|token| token.kind) {
                Some(Kind::Comma) => {}
                Some(Kind::Close) => break,
                _ => return Err(self.bad_list(token)),
            }
        }
        Ok(Value::List(texts, open))
    }

    fn bad_list(&self, token: Option<Token<'_>>) -> FilterMistake {
        let problem = "While parsing a list in the query, expected a non-empty list of quoted string values";
        self.error(problem, token.as_ref(), LIST_WANTED)
    }

    fn subject<A: Searched>(&self, left: &Token<'_>) -> Parsed<(Subject<A>, ValueType)> {
        let name = Name::read(left.text).ok_or_else(|| self.error("Invalid identifier", Some(left), KEY_WANTED))?;
        A::LANGUAGE
            .subject(name.word, name.key)
            .map_err(|problem| self.error(&problem, Some(left), ""))
    }

    fn number(&self, values: ValueType, comparator: Comparator, token: &Token<'_>) -> Parsed<Predicate> {
        let relation = match comparator {
            Comparator::Order(relation) => relation,
            _ => Relation::Equal,
        };
        let test = match (token.kind, values) {
            (Kind::Number, ValueType::Float) => token.text.parse().ok().map(|bound| Predicate::Float(relation, bound)),
            (Kind::Number, ValueType::WholeInteger | ValueType::QuotableInteger)
                if token.text.contains(['.', 'e', 'E']) =>
            {
                None
            }
            (Kind::Text { content, .. }, ValueType::QuotableInteger) => {
                let floor = content.trim().parse().ok();
                floor.map(|floor| Predicate::Integer(relation, Bound { floor, whole: true }))
            }
            (Kind::Number, _) => Bound::parse(token.text).map(|bound| Predicate::Integer(relation, bound)),
            _ => None,
        };
        test.ok_or_else(|| {
            let (what, right) = match values {
                ValueType::Float => ("metric", "a number without quotes, as in metrics.loss < 0.5"),
                ValueType::WholeInteger => ("numeric attribute", "an integer without quotes"),
                ValueType::QuotableInteger => ("numeric attribute", "an integer"),
                _ => ("numeric attribute", "a number without quotes"),
            };
            let found = shown(token.text);
            self.error(
                &format!("Expected numeric value type for {what}. Found {found}"),
                Some(token),
                right,
            )
        })
    }

    fn text(&self, values: ValueType, comparator: Comparator, token: &Token<'_>) -> Parsed<Predicate> {
        let content = match token.kind {
            Kind::Text { content, .. } => content,
            _ if values.are_loose() => token.text,
            Kind::Number => {
                let problem = format!("Expected a quoted string value. Got value {}", shown(token.text));
                return Err(self.error(&problem, Some(token), QUOTES_WANTED));
            }
            _ => {
                let problem = format!(
                    "Parameter value is either not quoted or unidentified quote types used for string value {}. Use \
                     either single or double quotes.",
                    shown(token.text)
                );
                return Err(self.error(&problem, Some(token), QUOTES_WANTED));
            }
        };
        let is_pattern = matches!(comparator, Comparator::Like | Comparator::ILike | Comparator::RLike);
        if !is_pattern {
            return self.among(
                values,
                vec![content],
                comparator == Comparator::Order(Relation::Equal),
                token,
            );
        }
        if content.chars().count() > LIKE_PATTERN_CHARS_MAX {
            let problem = format!("Invalid pattern: more than {LIKE_PATTERN_CHARS_MAX} characters");
            return Err(self.error(&problem, Some(token), "ask for less"));
        }
        if comparator == Comparator::RLike {
            let regex = Regex::new(content).map_err(|why| {
                let problem = format!("Invalid regular expression '{}': {why}", shown(content));
                self.error(&problem, Some(token), "")
            });
            return regex.map(Predicate::Matches);
        }
        Ok(Predicate::Like(Pattern::new(content, comparator == Comparator::ILike)))
    }

    fn among(&self, values: ValueType, texts: Vec<&str>, wanted: bool, at: &Token<'_>) -> Parsed<Predicate> {
        if let ValueType::Word(words) = values
            && let Some(unknown) = texts.iter().find(|text| !words.contains(*text))
        {
            let problem = format!("Unknown value in filter: '{}'", shown(unknown));
            return Err(self.error(
                &problem,
                Some(at),
                &format!("it is one of {}", listed(words.iter().copied())),
            ));
        }
        if values != ValueType::ExperimentId {
            let among = texts.into_iter().map(str::to_owned).collect();
            return Ok(Predicate::Text { among, wanted });
        }
        let mut among = BTreeSet::new();
        for text in texts {
            match ExperimentId::parse(text) {
                Ok(id) => {
                    among.insert(id.0);
                }
                // No experiment has this number.
                Err(Error::NotFound(_)) => {}
                Err(Error::Invalid(_)) => {
                    let problem = format!("Invalid experiment ID '{}'", shown(text));
                    return Err(self.error(&problem, Some(at), "an experiment ID is an integer"));
                }
                Err(other) => return Err(self.error(&other.to_string(), Some(at), "")),
            }
        }
        Ok(Predicate::Id { among, wanted })
    }

    fn wrong_comparator<A: Searched>(
        &self,
        subject: &Subject<A>,
        values: ValueType,
        comparator: Comparator,
        at: &Token<'_>,
    ) -> FilterMistake {
        let list = matches!(comparator, Comparator::In | Comparator::NotIn);
        let entities = A::LANGUAGE.entities;
        let elsewhere = entities
            .iter()
            .any(|entity| entity.values.comparators().contains(&comparator));
        let problem = match comparator {
            Comparator::IsNull | Comparator::IsNotNull if elsewhere => {
                "IS NULL / IS NOT NULL is only supported for tags and params".to_owned()
            }
            _ if list && matches!(subject, Subject::Attribute(_)) => format!(
                "Only {} attributes support comparison with a list of quoted string values.",
                A::LANGUAGE.listed_attributes()
            ),
            _ => {
                let valid = listed(values.comparators().iter().map(|comparator| comparator.name()));
                format!("Invalid comparator '{}' not one of {valid}", comparator.name())
            }
        };
        self.error(&problem, Some(at), "")
    }

    /// The error for a token that cannot be part of a filter, or not in this position.
    fn invalid(&self, token: &Token<'_>) -> FilterMistake {
        let right = match token.kind {
            Kind::Semicolon => {
                let problem = "Search filter contained multiple expression";
                return self.error(problem, Some(token), "Provide AND-ed expression list");
            }
            Kind::Unclosed => "the quote is never closed",
            Kind::Open | Kind::Close => "comparisons are joined by AND, without parentheses",
            Kind::Path if token.is_word("OR") || token.is_word("NOT") => "comparisons are only joined by AND",
            Kind::Unknown => KEY_WANTED,
            _ => WANTED,
        };
        let problem = format!("Invalid clause(s) in filter string: '{}'", shown(token.text));
        self.error(&problem, Some(token), right)
    }

    /// A mistake at a token. `None`: something is missing at the end.
    fn error(&self, problem: &str, at: Option<&Token<'_>>, right: &str) -> FilterMistake {
        let end = self.text.len();
        let at = at.map_or(end..end, |token| token.start..token.start + token.text.len());
        FilterMistake::at(self.text, at, problem, right)
    }
}

const WANTED: &str = "a comparison has the form <entity>.<key> <comparator> <value>";
const KEY_WANTED: &str =
    "a key with other characters than letters, digits, '_' and '.' stands in back-quotes: tags.`a b`";
const QUOTES_WANTED: &str = "a text stands in single or double quotes: params.model = 'cnn'";
const LIST_WANTED: &str = "a list has the form ('a', 'b')";
