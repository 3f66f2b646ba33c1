//! The reason why a filter cannot be read, in the reader's language.

use mlforge_ui::Words;
use mlforge_ui::words::fill;

use crate::search::mistake::FilterMistake;
use crate::search::problem::{Form, Phrase, Problem};

/// The problem, and the form that would be right, if the problem does not say it.
pub(super) fn reason(words: &Words, mistake: &FilterMistake) -> String {
    let problem = said(problem(words, mistake.problem.kind), &mistake.problem);
    match form(words, mistake.right.kind) {
        "" => problem,
        form => format!("{problem}; {}", said(form, &mistake.right)),
    }
}

fn said<K>(text: &str, phrase: &Phrase<K>) -> String {
    let values: Vec<&str> = phrase.values.iter().map(String::as_str).collect();
    fill(text, &values)
}

fn problem(words: &Words, problem: Problem) -> &'static str {
    let own = &words.filters;
    match problem {
        Problem::FilterBytes => own.filter_bytes,
        Problem::Unparsed => own.unparsed,
        Problem::Comparisons => own.comparisons,
        Problem::Incomplete => own.incomplete,
        Problem::NoComparator => own.no_comparator,
        Problem::NoValue => own.no_value,
        Problem::NotAnIdentifier => own.not_an_identifier,
        Problem::Identifier => own.identifier,
        Problem::Entity => own.entity,
        Problem::OrderEntity => own.order_entity,
        Problem::Attribute => own.attribute,
        Problem::Dataset => own.dataset,
        Problem::Issue => own.issue,
        Problem::Span => own.span,
        Problem::Comparator => own.comparator,
        Problem::NullTest => own.null_test,
        Problem::ListedAttributes => own.listed_attributes,
        Problem::NoList => own.no_list,
        Problem::BadList => own.bad_list,
        Problem::ListLength => own.list_length,
        Problem::MetricValue => own.metric_value,
        Problem::AttributeValue => own.attribute_value,
        Problem::NumberForText => own.number_for_text,
        Problem::Unquoted => own.unquoted,
        Problem::PatternLength => own.pattern_length,
        Problem::Regex => own.regex,
        Problem::Word => own.word,
        Problem::ExperimentId => own.experiment_id,
        Problem::SeveralExpressions => own.several_expressions,
        Problem::Token => own.token,
        Problem::Other => own.other,
    }
}

/// The text of a form. Empty: the problem says it.
fn form(words: &Words, form: Form) -> &'static str {
    let own = &words.filters;
    match form {
        Form::Said => "",
        Form::Comparison => own.comparison_form,
        Form::Key => own.key_form,
        Form::Quotes => own.quotes_form,
        Form::List => own.list_form,
        Form::Less => own.less_form,
        Form::Sides => own.sides_form,
        Form::MetricNumber => own.metric_number_form,
        Form::Number => own.number_form,
        Form::WholeNumber => own.whole_number_form,
        Form::Integer => own.integer_form,
        Form::ExperimentNumber => own.experiment_number_form,
        Form::OneOf => own.one_of_form,
        Form::AndList => own.and_list_form,
        Form::Unclosed => own.unclosed_form,
        Form::NoParentheses => own.no_parentheses_form,
        Form::OnlyAnd => own.only_and_form,
    }
}

#[cfg(test)]
mod tests {
    use mlforge_ui::Language;

    use super::*;
    use crate::search::problem::Kind;

    #[test]
    fn a_page_in_english_says_what_the_api_says() {
        let words = Words::of(Language::English);
        for kind in Problem::ALL {
            assert_eq!(problem(words, *kind), kind.template());
        }
        for kind in Form::ALL {
            assert_eq!(form(words, *kind), kind.template());
        }
    }
}
