//! The filter and the order of searches for logged models. A metric can be restricted to datasets on which it
//! was measured.

use std::collections::BTreeSet;

use super::filter::{Field, Filter, Searchable};
use super::lex::shown;
use super::order::{Order, Ordered, SortKey, Term};
use super::schema::{Attribute, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::limits::{ORDER_BY_ITEM_BYTES_MAX, ORDER_BY_ITEMS_MAX};
use crate::domain::logged_model::{KnownLoggedModel, LoggedModelId, LoggedPoint, MeasuredOn};
use crate::error::{Error, Result};

/// An attribute of logged models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedModelAttribute {
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// Its upload status.
    Status,
    /// Its type.
    Kind,
    /// The run that made it.
    SourceRun,
    /// Its experiment.
    Experiment,
    /// Its creation time.
    CreationTime,
    /// The time at which its status last changed.
    LastUpdateTime,
}

const STATUSES: &[&str] = &["UNSPECIFIED", "PENDING", "READY", "FAILED"];

const fn entity(words: &'static [&'static str], kind: EntityKind, values: ValueType) -> Entity {
    Entity {
        words,
        words_of_orders: &[],
        kind,
        values,
        ordered: false,
    }
}

const fn row(name: &'static str, id: LoggedModelAttribute, values: ValueType) -> Attribute<LoggedModelAttribute> {
    Attribute {
        name,
        id,
        values,
        ordered: true,
    }
}

impl Searched for LoggedModelAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: &[
            entity(&["attributes"], EntityKind::Attribute, ValueType::UnquotedText),
            entity(&["metrics"], EntityKind::Metric, ValueType::Float),
            entity(&["params"], EntityKind::Param, ValueType::UnquotedText),
            entity(&["tags"], EntityKind::Tag, ValueType::UnquotedText),
        ],
        attributes: &[
            row("name", LoggedModelAttribute::Name, ValueType::UnquotedText),
            row("model_id", LoggedModelAttribute::Id, ValueType::UnquotedText),
            row("status", LoggedModelAttribute::Status, ValueType::Word(STATUSES)),
            row("model_type", LoggedModelAttribute::Kind, ValueType::UnquotedText),
            row(
                "source_run_id",
                LoggedModelAttribute::SourceRun,
                ValueType::UnquotedText,
            ),
            row(
                "experiment_id",
                LoggedModelAttribute::Experiment,
                ValueType::ExperimentId,
            ),
            row(
                "creation_timestamp_ms",
                LoggedModelAttribute::CreationTime,
                ValueType::Integer,
            ),
            row(
                "creation_timestamp",
                LoggedModelAttribute::CreationTime,
                ValueType::Integer,
            ),
            row("creation_time", LoggedModelAttribute::CreationTime, ValueType::Integer),
            row(
                "last_updated_timestamp_ms",
                LoggedModelAttribute::LastUpdateTime,
                ValueType::Integer,
            ),
            row(
                "last_updated_timestamp",
                LoggedModelAttribute::LastUpdateTime,
                ValueType::Integer,
            ),
        ],
    };
}

/// Of equal models the newest come first, then the lower ids.
impl Ordered for LoggedModelAttribute {
    const TIE_BREAKERS: &'static [Term<Self>] = &[
        Term::on(LoggedModelAttribute::CreationTime, ValueType::Integer, true),
        Term::on(LoggedModelAttribute::Id, ValueType::UnquotedText, false),
    ];
}

/// A search for logged models.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedModelSearch {
    filter: Filter<LoggedModelAttribute>,
    /// The datasets on which a metric must have been measured. Empty: any dataset. An empty digest stands for
    /// any digest.
    datasets: Vec<MeasuredOn>,
}

impl LoggedModelSearch {
    /// Reads a filter. An empty one finds every model that was measured on one of the datasets.
    pub fn parse(text: &str, datasets: Vec<MeasuredOn>) -> Result<Self> {
        let filter = match Filter::parse(text) {
            Err(_) if names_a_quote(text) => Filter::parse("name = ''")?,
            filter => filter?,
        };
        Ok(LoggedModelSearch { filter, datasets })
    }

    /// True if the search finds the model.
    pub fn matches(&self, known: &KnownLoggedModel) -> bool {
        let datasets = &self.datasets;
        self.is_measured(known) && self.filter.matches(&Measured { known, datasets })
    }

    /// True if the search finds every model.
    pub fn is_everything(&self) -> bool {
        self.filter.is_empty() && self.datasets.is_empty()
    }

    /// The names of which a found model must have one. `None`: the filter does not restrict them.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.filter.texts_of(LoggedModelAttribute::Name)
    }

    fn is_measured(&self, known: &KnownLoggedModel) -> bool {
        let asks_metrics = || {
            let mut clauses = self.filter.clauses.iter();
            clauses.any(|clause| matches!(clause.subject, Subject::Metric(_)))
        };
        self.datasets.is_empty() || asks_metrics() || known.newest.iter().any(|point| is_on(&self.datasets, point))
    }
}

/// A logged model as a filter sees it.
struct Measured<'a> {
    known: &'a KnownLoggedModel,
    /// The datasets on which a metric must have been measured.
    datasets: &'a Vec<MeasuredOn>,
}

impl Searchable for Measured<'_> {
    type Attribute = LoggedModelAttribute;

    fn field(&self, subject: &Subject<LoggedModelAttribute>) -> Field<'_> {
        match subject {
            Subject::Metric(key) => newest(self.known, key, &[self.datasets]),
            Subject::Attribute(LoggedModelAttribute::Status) => Field::text(self.known.model.status.word()),
            subject => of_model(subject, self.known),
        }
    }
}

/// True if a filter asks only for a name with a quote in it, which no model has.
///
/// Before clients list a directory of a run, they search for a model with the directory's name. They do not
/// escape the name: `name = 'it's'`.
fn names_a_quote(text: &str) -> bool {
    let name = text.strip_prefix("name = '").and_then(|text| text.strip_suffix('\''));
    name.is_some_and(|name| name.contains('\'') && !name.contains(['=', '<', '>']))
}

/// An item of a caller's `order_by`.
#[derive(Clone, Debug, Hash)]
pub struct OrderItem {
    /// An attribute, or `metrics.` and a key.
    pub field: String,
    /// True if lower values come first.
    pub ascending: bool,
    /// The dataset on which a metric must have been measured. An empty name or digest stands for any.
    pub dataset: MeasuredOn,
}

/// An order of logged models.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedModelOrder {
    order: Order<LoggedModelAttribute>,
    /// For each term two lists of datasets. The metric must have been measured on one of each list.
    scopes: Vec<[Vec<MeasuredOn>; 2]>,
}

impl LoggedModelOrder {
    /// Reads an order.
    pub fn parse(items: &[OrderItem], datasets: &[MeasuredOn]) -> Result<Self> {
        if items.len() > ORDER_BY_ITEMS_MAX {
            return Err(Error::Invalid(format!(
                "{} items of order_by: at most {ORDER_BY_ITEMS_MAX} are allowed",
                items.len()
            )));
        }
        let terms = items.iter().map(term).collect::<Result<Vec<_>>>()?;
        let scope = |item: &OrderItem| {
            let own = Some(item.dataset.clone()).filter(|on| *on != MeasuredOn::default());
            [own.into_iter().collect(), datasets.to_vec()]
        };
        let scopes = items.iter().map(scope).collect();
        let order = Order::with_tie_breakers(terms);
        Ok(LoggedModelOrder { order, scopes })
    }

    /// True if this is the default order, in which logged models are stored.
    pub fn is_listing(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The sort key of a model.
    pub fn key(&self, known: &KnownLoggedModel) -> SortKey {
        self.order
            .key_of_terms(|index, subject| match (subject, self.scopes.get(index)) {
                (Subject::Metric(key), Some([own, all])) => newest(known, key, &[own, all]),
                (subject, _) => of_model(subject, known),
            })
    }

    /// The sort key of a model in the default order.
    pub fn listed_key(&self, creation_time_ms: i64, id: LoggedModelId) -> SortKey {
        self.order.key_of(|subject| match subject {
            Subject::Attribute(LoggedModelAttribute::CreationTime) => Field::Integer(creation_time_ms),
            _ => Field::Text(id.to_string().into()),
        })
    }

    /// The creation time and the id in a cursor of the default order.
    pub fn listing_cursor(cursor: &[u8]) -> Option<(i64, LoggedModelId)> {
        let (time, rest) = cursor.get(1..)?.split_first_chunk()?;
        let time = (!u64::from_be_bytes(*time) ^ 1 << 63).cast_signed();
        let id = std::str::from_utf8(rest.get(1..)?.strip_suffix(&[0, 0])?).ok()?;
        Some((time, LoggedModelId::parse(id).ok()?))
    }

    /// True if these bytes can be a cursor of this order.
    pub fn fits(&self, cursor: &[u8]) -> bool {
        self.order.read_key(cursor).is_some() && (!self.is_listing() || Self::listing_cursor(cursor).is_some())
    }
}

fn term(item: &OrderItem) -> Result<Term<LoggedModelAttribute>> {
    let field = item.field.as_str();
    let found = match field.split_once('.') {
        _ if field.len() > ORDER_BY_ITEM_BYTES_MAX => None,
        None => attribute(field, !item.ascending),
        Some(("metrics", key)) => Some(Term {
            subject: Subject::Metric(key.to_owned()),
            values: ValueType::Float,
            descending: !item.ascending,
        }),
        Some(_) => {
            return Err(Error::Invalid(format!(
                "Invalid order by field name: {}. Only metrics are supported.",
                shown(field)
            )));
        }
    };
    found.ok_or_else(|| invalid(field))
}

fn attribute(name: &str, descending: bool) -> Option<Term<LoggedModelAttribute>> {
    let row = LoggedModelAttribute::LANGUAGE
        .attributes
        .iter()
        .find(|row| row.name == name)?;
    // Statuses are ordered by number, so that later statuses come later.
    let values = if row.id == LoggedModelAttribute::Status {
        ValueType::Integer
    } else {
        row.values
    };
    Some(Term::on(row.id, values, descending))
}

fn invalid(field: &str) -> Error {
    Error::Invalid(format!("Invalid order by field name: {}", shown(field)))
}

/// The newest value of a metric, among those measured on a dataset of every list. An empty list stands for
/// any dataset.
fn newest(known: &KnownLoggedModel, key: &str, scopes: &[&Vec<MeasuredOn>]) -> Field<'static> {
    let of_key = known.newest.iter().filter(|point| point.key == key);
    let fitting = of_key.filter(|point| scopes.iter().all(|scope| scope.is_empty() || is_on(scope, point)));
    let newest = fitting.max_by(|a, b| a.point.by_step(&b.point));
    newest.map_or(Field::Absent, |point| Field::Float(point.point.value))
}

fn is_on(datasets: &[MeasuredOn], point: &LoggedPoint) -> bool {
    let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
    let mut datasets = datasets.iter();
    datasets.any(|on| fits(&on.name, &point.dataset.name) && fits(&on.digest, &point.dataset.digest))
}

fn of_model<'a>(subject: &Subject<LoggedModelAttribute>, known: &'a KnownLoggedModel) -> Field<'a> {
    let model = &known.model;
    match subject {
        Subject::Metric(_) | Subject::Dataset(_) | Subject::Named(..) => Field::Absent,
        Subject::Param(key) => Field::of_key(key, &known.params),
        Subject::Tag(key) => Field::of_key(key, &known.tags),
        Subject::Attribute(attribute) => match attribute {
            LoggedModelAttribute::Id => Field::Text(model.id.to_string().into()),
            LoggedModelAttribute::Name => Field::text(&model.name),
            LoggedModelAttribute::Status => Field::Integer(model.status.number()),
            LoggedModelAttribute::Kind => Field::text(&model.kind),
            LoggedModelAttribute::SourceRun => Field::text(&model.source_run),
            LoggedModelAttribute::Experiment => Field::Id(model.experiment.0),
            LoggedModelAttribute::CreationTime => Field::Integer(model.creation_time_ms),
            LoggedModelAttribute::LastUpdateTime => Field::Integer(model.last_update_time_ms),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn refused(filter: &str) -> bool {
        matches!(LoggedModelSearch::parse(filter, Vec::new()), Err(Error::Invalid(_)))
    }

    #[test]
    fn texts_need_no_quotes_and_statuses_are_checked() {
        for good in [
            "name = M1",
            "params.p = 1",
            "params.p = 'a'",
            "tags.`a b` LIKE 'x%'",
            "status = READY",
            "status IN ('READY', 'FAILED')",
        ] {
            assert!(!refused(good), "{good}");
        }
        for bad in [
            "status = 'ready'",
            "status LIKE 'R%'",
            "status IN ('x')",
            "metric.m > 1",
            "attribute.name = 'a'",
            "tag.t = 'a'",
            "metrics.m > 'a'",
            "metrics.m LIKE 'a'",
            "nothing = 'a'",
            "name IS NULL",
            "name = 'a' OR name = 'b'",
            "tags.t > 'a'",
        ] {
            assert!(refused(bad), "{bad}");
        }
    }

    #[test]
    fn a_filter_for_a_name_with_a_quote_matches_no_model() {
        for filter in ["name = 'it's'", "name = ''quoted''", "name = 'a' OR 'b'"] {
            let search = LoggedModelSearch::parse(filter, Vec::new()).unwrap();
            assert_eq!(search.names(), Some(&BTreeSet::from([String::new()])), "{filter}");
        }
        assert!(refused("name = 'it's' AND status = 'READY'") && refused("name != 'it's'"));
    }

    proptest! {
        #[test]
        fn a_cursor_of_the_default_order_reads_back(time in any::<i64>(), id in any::<[u8; 16]>()) {
            let order = LoggedModelOrder::parse(&[], &[]).unwrap();
            let key = order.listed_key(time, LoggedModelId(id));
            prop_assert_eq!(LoggedModelOrder::listing_cursor(key.bytes()), Some((time, LoggedModelId(id))));
            prop_assert!(order.fits(key.bytes()));
        }

        #[test]
        fn any_order_is_parsed_or_refused(field in "\\PC{0,10}|(metrics|tags|name|status)\\.?[a-z ]{0,3}", ascending in any::<bool>(), bytes in any::<Vec<u8>>()) {
            let item = OrderItem { field, ascending, dataset: MeasuredOn::default() };
            if let Ok(order) = LoggedModelOrder::parse(&[item], &[]) {
                let _ = order.fits(&bytes);
            }
        }
    }
}
