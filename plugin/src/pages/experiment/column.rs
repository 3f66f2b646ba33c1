//! The columns of the table of runs, and their names in addresses and files.

use mlforge_ui::Words;

/// Largest number of columns besides the run's name.
pub(super) const COLUMNS_MAX: usize = 20;
/// Largest number of columns with sparklines, each of which has a history for each run.
pub(super) const SPARKLINES_MAX: usize = 3;
/// Largest number of bytes of the names of all chosen columns, as an address has them. Many links of the page repeat it.
pub(super) const NAME_BYTES_MAX: usize = 3_000;

/// A column of the table of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The newest value of the metric with this key.
    Metric(String),
    /// The param with this key.
    Param(String),
    /// The tag with this key.
    Tag(String),
    /// The shape of the metric with this key by step. It is drawn, so files do not have it.
    Sparkline(String),
    /// A fact of the run itself.
    Field(Field),
}

/// A fact of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// Its name, which every table shows first.
    Name,
    /// Its status, which stands beside the name.
    Status,
    /// The CI job that made it.
    Job,
    /// The commit from which it was made.
    Commit,
    /// The time at which it started.
    Started,
    /// The time that it took, or has taken so far.
    Duration,
    /// The user who made it.
    Author,
}

impl Field {
    /// The attributes that can be chosen as columns.
    pub(super) const CHOICES: [Field; 5] = [
        Field::Job,
        Field::Commit,
        Field::Started,
        Field::Duration,
        Field::Author,
    ];

    fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Status => "status",
            Field::Job => "job",
            Field::Commit => "commit",
            Field::Started => "started",
            Field::Duration => "duration_s",
            Field::Author => "author",
        }
    }

    /// The word for it at the head of its column.
    pub(super) fn word(self, words: &Words) -> &'static str {
        let own = &words.experiment_page;
        match self {
            Field::Name => own.run,
            Field::Status => words.common.status,
            Field::Job => own.job,
            Field::Commit => own.commit,
            Field::Started => own.started,
            Field::Duration => own.duration,
            Field::Author => words.common.by,
        }
    }

    /// Its attribute in MLflow's language of orders. `None`: runs are not sorted by it.
    fn attribute(self) -> Option<&'static str> {
        match self {
            Field::Name => Some("run_name"),
            Field::Status => Some("status"),
            Field::Started => Some("start_time"),
            Field::Author => Some("user_id"),
            Field::Job | Field::Commit | Field::Duration => None,
        }
    }
}

impl Column {
    /// Reads the name of a column. `None`: there is no such column.
    pub(super) fn parse(name: &str) -> Option<Self> {
        const FIELDS: [Field; 2] = [Field::Name, Field::Status];
        let key = |kind: &str| {
            let key = name.strip_prefix(kind)?.strip_prefix('.')?;
            (!key.is_empty()).then(|| key.to_owned())
        };
        let field = || {
            let mut fields = FIELDS.into_iter().chain(Field::CHOICES);
            fields.find(|field| field.name() == name).map(Column::Field)
        };
        key("metrics")
            .map(Column::Metric)
            .or_else(|| key("params").map(Column::Param))
            .or_else(|| key("tags").map(Column::Tag))
            .or_else(|| key("sparkline").map(Column::Sparkline))
            .or_else(field)
    }

    /// The name of the column in addresses and files: that of MLflow's filters, as far as these know it.
    pub(super) fn name(&self) -> String {
        match self {
            Column::Metric(key) => format!("metrics.{key}"),
            Column::Param(key) => format!("params.{key}"),
            Column::Tag(key) => format!("tags.{key}"),
            Column::Sparkline(key) => format!("sparkline.{key}"),
            Column::Field(field) => field.name().to_owned(),
        }
    }

    /// The column in MLflow's language of orders. `None`: runs are not sorted by it.
    pub(super) fn order_name(&self) -> Option<String> {
        match self {
            Column::Metric(key) => Some(format!("metrics.`{key}`")),
            Column::Param(key) => Some(format!("params.`{key}`")),
            Column::Tag(key) => Some(format!("tags.`{key}`")),
            Column::Sparkline(_) => None,
            Column::Field(field) => field.attribute().map(|name| format!("attributes.{name}")),
        }
    }

    /// The key of a metric, param or tag. `None`: the column has a fact of the run itself.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Column::Metric(key) | Column::Param(key) | Column::Tag(key) | Column::Sparkline(key) => Some(key),
            Column::Field(_) => None,
        }
    }

    /// True if the greater values of the column are asked for first: those of metrics, and the newest.
    pub(super) fn is_descending_first(&self) -> bool {
        matches!(self, Column::Metric(_) | Column::Field(Field::Started))
    }

    /// The number of the column's group in the table: metrics, params, tags, then facts.
    pub(super) fn group(&self) -> usize {
        match self {
            Column::Metric(_) | Column::Sparkline(_) => 0,
            Column::Param(_) => 1,
            Column::Tag(_) => 2,
            Column::Field(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_field_has_a_name_of_its_own() {
        for field in Field::CHOICES {
            assert_eq!(Column::parse(field.name()), Some(Column::Field(field)));
        }
        for other in ["", "metrics", "metrics.", "metric.x", "Started", "attributes.x"] {
            assert_eq!(Column::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_columns_name_reads_back(key in ".{1,30}", kind in 0..4) {
            let column = match kind {
                0 => Column::Metric(key),
                1 => Column::Param(key),
                2 => Column::Sparkline(key),
                _ => Column::Tag(key),
            };
            prop_assert_eq!(Column::parse(&column.name()), Some(column));
        }
    }
}
