//! The filter and the order of searches for model versions.

use std::collections::BTreeSet;

use super::filter::{Field, Filter, Searchable};
use super::models::ENTITIES;
use super::order::{Order, Ordered, SortKey, Term};
use super::prompts::Kind;
use super::schema::{Attribute, Schema, Searched, Subject, ValueType};
use crate::domain::model::Model;
use crate::domain::semver::SEMVER_TAG;
use crate::domain::version::FullVersion;
use crate::error::Result;

/// An order of versions.
pub type VersionOrder = Order<VersionAttribute>;

/// An attribute of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionAttribute {
    /// The name of its model.
    Name,
    /// Its number.
    Number,
    /// The run that holds its files, tags and metrics.
    RunId,
    /// Its source.
    Source,
    /// Its creation time.
    CreationTime,
    /// The time at which its description or stage last changed.
    LastUpdateTime,
}

/// A search for versions.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionSearch {
    /// The kind of versions that are found.
    pub kind: Kind,
    /// The further conditions.
    pub filter: Filter<VersionAttribute>,
}

const NAME: Subject<VersionAttribute> = Subject::Attribute(VersionAttribute::Name);

const fn row(
    name: &'static str,
    id: VersionAttribute,
    values: ValueType,
    ordered: bool,
) -> Attribute<VersionAttribute> {
    Attribute {
        name,
        id,
        values,
        ordered,
    }
}

impl Searched for VersionAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: ENTITIES,
        attributes: &[
            row("name", VersionAttribute::Name, ValueType::ListedText, true),
            row(
                "version_number",
                VersionAttribute::Number,
                ValueType::QuotableInteger,
                true,
            ),
            row("run_id", VersionAttribute::RunId, ValueType::ListedText, false),
            row("source_path", VersionAttribute::Source, ValueType::Text, false),
            row(
                "creation_timestamp",
                VersionAttribute::CreationTime,
                ValueType::OrderOnly,
                true,
            ),
            row(
                "last_updated_timestamp",
                VersionAttribute::LastUpdateTime,
                ValueType::OrderOnly,
                true,
            ),
        ],
    };
}

impl VersionSearch {
    /// Reads a filter. An empty one finds every version that is not one of a prompt.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, filter) = Filter::parse(text)?.split_kind();
        Ok(VersionSearch { kind, filter })
    }

    /// True if the search can find versions of this model.
    pub fn sees(&self, model: &Model) -> bool {
        let is_hidden = self.kind == Kind::Models && model.prompt_versions > 0;
        let name = Field::text(&model.name);
        let mut asked = self.filter.clauses.iter().filter(|clause| clause.subject == NAME);
        !is_hidden && asked.all(|clause| clause.test.holds(&name))
    }

    /// True if the search finds a version. Its model must pass `sees`.
    pub fn matches(&self, version: &FullVersion) -> bool {
        self.filter.matches(version)
    }

    /// The names of which a found version's model must have one. `None`: the filter does not restrict them.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.filter.texts_of(VersionAttribute::Name)
    }

    /// The ids of runs of which a found version must have one. `None`: the filter does not restrict them.
    pub fn runs(&self) -> Option<&BTreeSet<String>> {
        self.filter.texts_of(VersionAttribute::RunId)
    }

    /// True if all clauses are on the model's name.
    pub fn asks_names_only(&self) -> bool {
        self.filter.clauses.iter().all(|clause| clause.subject == NAME)
    }
}

/// Without items the last updated come first. Equal versions are ordered by name, then the higher numbers
/// first.
impl Ordered for VersionAttribute {
    const DEFAULT: &'static [&'static str] = &["last_updated_timestamp DESC"];
    const TIE_BREAKERS: &'static [Term<Self>] = &[
        Term::on(VersionAttribute::Name, ValueType::ListedText, false),
        Term::on(VersionAttribute::Number, ValueType::QuotableInteger, true),
    ];
}

impl Order<VersionAttribute> {
    /// The sort key of a version in the default order.
    pub fn listed_key(&self, updated_ms: i64, name: &str, number: u64) -> SortKey {
        self.key_of(|subject| match subject {
            Subject::Attribute(VersionAttribute::LastUpdateTime) => Field::Integer(updated_ms),
            Subject::Attribute(VersionAttribute::Name) => Field::text(name),
            Subject::Attribute(VersionAttribute::Number) => integer(number),
            _ => Field::Absent,
        })
    }

    /// The update time and the number in a cursor of the default order.
    pub fn listing_cursor(cursor: &[u8]) -> Option<(i64, u64)> {
        let inverted = |bytes: &[u8; 8]| (!u64::from_be_bytes(*bytes) ^ 1 << 63).cast_signed();
        let time = inverted(cursor.get(1..)?.first_chunk()?);
        let number = inverted(cursor.last_chunk()?);
        Some((time, u64::try_from(number).ok()?))
    }
}

impl Searchable for FullVersion {
    type Attribute = VersionAttribute;

    fn field(&self, subject: &Subject<VersionAttribute>) -> Field<'_> {
        let version = &self.version;
        match subject {
            Subject::Tag(key) if key == SEMVER_TAG => Field::Text(version.semver.to_string().into()),
            Subject::Tag(key) => Field::of_key(key, &self.tags),
            Subject::Metric(_) | Subject::Param(_) | Subject::Dataset(_) | Subject::Named(..) => Field::Absent,
            Subject::Attribute(attribute) => match attribute {
                VersionAttribute::Name => Field::text(&self.model_name),
                VersionAttribute::Number => integer(version.number),
                VersionAttribute::RunId => Field::Text(version.run.to_string().into()),
                VersionAttribute::Source => Field::text(&version.source),
                VersionAttribute::CreationTime => Field::Integer(version.creation_time_ms),
                VersionAttribute::LastUpdateTime => Field::Integer(version.last_update_time_ms),
            },
        }
    }
}

fn integer(number: u64) -> Field<'static> {
    Field::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_of_the_default_order_reads_back(time in any::<i64>(), name in "[^\u{0}]{0,20}", number in 0..i64::MAX.cast_unsigned()) {
            let order = VersionOrder::parse(&[]).unwrap();
            let key = order.listed_key(time, &name, number);
            prop_assert_eq!(VersionOrder::listing_cursor(key.bytes()), Some((time, number)));
            prop_assert!(order.read_key(key.bytes()).is_some());
        }
    }
}
