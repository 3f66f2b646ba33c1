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
use super::problem::{Form, Phrase, Problem};
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
        let bytes = [text.len(), FILTER_BYTES_MAX].map(|bytes| bytes.to_string());
        return Err(FilterMistake::of_all(Problem::FilterBytes.of(bytes)));
    }
    let tokens = lex::tokens(text);
    if tokens.is_empty() && !text.is_empty() {
        return Err(FilterMistake::of_all(Problem::Unparsed.of([shown(text)])));
    }
    let mut parser = Parser { text, tokens: &tokens };
    let mut clauses = Vec::new();
    while let Some(token) = parser.tokens.first() {
        if token.is_word("AND") {
            parser.take();
            continue;
        }
        if clauses.len() == FILTER_CLAUSES_MAX {
            let problem = Problem::Comparisons.of([FILTER_CLAUSES_MAX.to_string()]);
            return Err(parser.error(problem, Some(token), Form::Less));
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
            return Err(self.error(Problem::Incomplete, None, Form::Comparison));
        };
        let compared = self.tokens.first().is_some_and(|next| next.kind == Kind::Comparator);
        match token.kind {
            Kind::Path if !compared && (token.is_word("OR") || token.is_word("NOT")) => Err(self.invalid(&token)),
            Kind::Path | Kind::Text { quote: '"', .. } => Ok(token),
            Kind::Number | Kind::Text { .. } if compared => {
                let problem = Problem::NotAnIdentifier.of([shown(token.text)]);
                Err(self.error(problem, Some(&token), Form::Sides))
            }
            _ => Err(self.invalid(&token)),
        }
    }

    fn comparator(&mut self, has_patterns: bool) -> Parsed<(Comparator, Token<'a>)> {
        let Some(token) = self.take() else {
            return Err(self.error(Problem::NoComparator, None, Form::Comparison));
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
                let problem = Problem::Comparator.of([shown(token.text), all]);
                Err(self.error(problem, Some(&token), Form::Comparison))
            }
            None => Err(self.invalid(&token)),
        }
    }

    fn value(&mut self, comparator: Comparator) -> Parsed<Value<'a>> {
        let token = self.tokens.first().copied();
        match (comparator, token) {
            (Comparator::IsNull | Comparator::IsNotNull, _) => Ok(Value::None),
            (Comparator::In | Comparator::NotIn, Some(token)) if token.kind == Kind::Open => self.list(token),
            (Comparator::In | Comparator::NotIn, token) => Err(self.error(Problem::NoList, token.as_ref(), Form::List)),
            (_, Some(token)) if matches!(token.kind, Kind::Number | Kind::Text { .. } | Kind::Path) => {
                self.take();
                Ok(Value::One(token))
            }
            (_, Some(token)) => Err(self.invalid(&token)),
            (_, None) => Err(self.error(Problem::NoValue, None, Form::Comparison)),
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
                let problem = Problem::ListLength.of([FILTER_LIST_MAX.to_string()]);
                return Err(self.error(problem, Some(&open), Form::Less));
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
        self.error(Problem::BadList, token.as_ref(), Form::List)
    }

    fn subject<A: Searched>(&self, left: &Token<'_>) -> Parsed<(Subject<A>, ValueType)> {
        let name = Name::read(left.text).ok_or_else(|| self.error(Problem::Identifier, Some(left), Form::Key))?;
        A::LANGUAGE
            .subject(name.word, name.key)
            .map_err(|problem| self.error(problem, Some(left), Form::Said))
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
            let (problem, right) = match values {
                ValueType::Float => (Problem::MetricValue, Form::MetricNumber),
                ValueType::WholeInteger => (Problem::AttributeValue, Form::WholeNumber),
                ValueType::QuotableInteger => (Problem::AttributeValue, Form::Integer),
                _ => (Problem::AttributeValue, Form::Number),
            };
            self.error(problem.of([shown(token.text)]), Some(token), right)
        })
    }

    fn text(&self, values: ValueType, comparator: Comparator, token: &Token<'_>) -> Parsed<Predicate> {
        let content = match token.kind {
            Kind::Text { content, .. } => content,
            _ if values.are_loose() => token.text,
            Kind::Number => {
                let problem = Problem::NumberForText.of([shown(token.text)]);
                return Err(self.error(problem, Some(token), Form::Quotes));
            }
            _ => {
                let problem = Problem::Unquoted.of([shown(token.text)]);
                return Err(self.error(problem, Some(token), Form::Quotes));
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
            let problem = Problem::PatternLength.of([LIKE_PATTERN_CHARS_MAX.to_string()]);
            return Err(self.error(problem, Some(token), Form::Less));
        }
        if comparator == Comparator::RLike {
            let regex = Regex::new(content).map_err(|why| {
                let problem = Problem::Regex.of([shown(content), why]);
                self.error(problem, Some(token), Form::Said)
            });
            return regex.map(Predicate::Matches);
        }
        Ok(Predicate::Like(Pattern::new(content, comparator == Comparator::ILike)))
    }

    fn among(&self, values: ValueType, texts: Vec<&str>, wanted: bool, at: &Token<'_>) -> Parsed<Predicate> {
        if let ValueType::Word(words) = values
            && let Some(unknown) = texts.iter().find(|text| !words.contains(*text))
        {
            let right = Phrase {
                kind: Form::OneOf,
                values: vec![listed(words.iter().copied())],
            };
            return Err(self.error(Problem::Word.of([shown(unknown)]), Some(at), right));
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
                    let problem = Problem::ExperimentId.of([shown(text)]);
                    return Err(self.error(problem, Some(at), Form::ExperimentNumber));
                }
                Err(other) => return Err(self.error(Problem::Other.of([other.to_string()]), Some(at), Form::Said)),
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
        let problem: Phrase<Problem> = match comparator {
            Comparator::IsNull | Comparator::IsNotNull if elsewhere => Problem::NullTest.into(),
            _ if list && matches!(subject, Subject::Attribute(_)) => {
                Problem::ListedAttributes.of([A::LANGUAGE.listed_attributes()])
            }
            _ => {
                let valid = listed(values.comparators().iter().map(|comparator| comparator.name()));
                Problem::Comparator.of([comparator.name().to_owned(), valid])
            }
        };
        self.error(problem, Some(at), Form::Said)
    }

    /// The error for a token that cannot be part of a filter, or not in this position.
    fn invalid(&self, token: &Token<'_>) -> FilterMistake {
        let right = match token.kind {
            Kind::Semicolon => {
                return self.error(Problem::SeveralExpressions, Some(token), Form::AndList);
            }
            Kind::Unclosed => Form::Unclosed,
            Kind::Open | Kind::Close => Form::NoParentheses,
            Kind::Path if token.is_word("OR") || token.is_word("NOT") => Form::OnlyAnd,
            Kind::Unknown => Form::Key,
            _ => Form::Comparison,
        };
        self.error(Problem::Token.of([shown(token.text)]), Some(token), right)
    }

    /// A mistake at a token. `None`: something is missing at the end.
    fn error(
        &self,
        problem: impl Into<Phrase<Problem>>,
        at: Option<&Token<'_>>,
        right: impl Into<Phrase<Form>>,
    ) -> FilterMistake {
        let end = self.text.len();
        let at = at.map_or(end..end, |token| token.start..token.start + token.text.len());
        FilterMistake::at(self.text, at, problem.into(), right.into())
    }
}
