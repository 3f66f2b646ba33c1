//! The value of a column for a run: as people read it, and in full.

use std::borrow::Cow;

use maud::{Markup, html};
use mlforge_ui::link::web_link;
use mlforge_ui::{Words, number, time};

use super::column::{Column, Field};
use crate::domain::name::cut;
use crate::domain::run::{FullRun, Status};
use crate::pages::parts::html_bytes;

/// Maximum number of characters of a text in a cell.
const TEXT_CHARS_MAX: usize = 32;
/// Maximum number of characters of a text that is shown on hover.
const TITLE_CHARS_MAX: usize = 120;
/// Number of bytes of an empty cell.
const CELL_BYTES: usize = 30;
/// Number of characters of a commit that are shown.
const COMMIT_CHARS: usize = 8;

/// The value of a column for a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// The run has no such value.
    Absent,
    /// A value of a metric.
    Metric(f64),
    /// A text of a user.
    Text(Cow<'a, str>),
    /// A time in milliseconds since the Unix epoch.
    Time(i64),
    /// A duration in milliseconds.
    Duration(i64),
    /// A CI job or a commit.
    Link {
        /// The text that is shown.
        shown: Cow<'a, str>,
        /// The whole name.
        full: &'a str,
        /// The address. `None`: the forge does not tell it.
        address: Option<&'a str>,
    },
}

impl<'a> Cell<'a> {
    /// The value of a column for a run. A run that has not ended takes until `now_ms`.
    pub(super) fn of(column: &Column, run: &'a FullRun<'_>, now_ms: i64) -> Self {
        let text = |text: Option<&'a str>| text.map_or(Cell::Absent, |text| Cell::Text(text.into()));
        match column {
            Column::Metric(key) => {
                let metric = run.metrics.iter().find(|metric| metric.key == *key);
                metric.map_or(Cell::Absent, |metric| Cell::Metric(metric.point.value))
            }
            Column::Param(key) => {
                let param = run.params.iter().find(|(other, _)| other == key);
                text(param.map(|(_, value)| value.as_ref()))
            }
            Column::Tag(key) => text(tag(run, key)),
            // It is drawn from the history, which the run itself does not hold.
            Column::Sparkline(_) => Cell::Absent,
            Column::Field(field) => Cell::of_field(*field, run, now_ms),
        }
    }

    fn of_field(field: Field, run: &'a FullRun<'_>, now_ms: i64) -> Self {
        let started_ms = Some(run.run.start_time_ms).filter(|time_ms| *time_ms > 0);
        match field {
            Field::Name => Cell::Text(run.run.name.as_str().into()),
            Field::Status => Cell::Text(run.run.status.name().into()),
            Field::Job => tag(run, "mlforge.ci.id").map_or(Cell::Absent, |id| Cell::Link {
                shown: format!("#{id}").into(),
                full: id,
                address: tag(run, "mlforge.ci.url").and_then(web_link),
            }),
            Field::Commit => {
                let commit = tag(run, "mlforge.ci.commit").or_else(|| tag(run, "mlflow.source.git.commit"));
                commit.map_or(Cell::Absent, |commit| Cell::Link {
                    shown: cut(commit.to_owned(), COMMIT_CHARS).into(),
                    full: commit,
                    address: tag(run, "mlforge.ci.commit_url").and_then(web_link),
                })
            }
            Field::Started => started_ms.map_or(Cell::Absent, Cell::Time),
            Field::Duration => {
                let is_running = run.run.status == Status::Running;
                let end_ms = run.run.end_time_ms.or(is_running.then_some(now_ms));
                let taken_ms = started_ms.zip(end_ms).map(|(start, end)| end.saturating_sub(start));
                taken_ms.filter(|ms| *ms >= 0).map_or(Cell::Absent, Cell::Duration)
            }
            Field::Author => {
                let login = run.run.author.as_ref().map(|author| author.login.as_str());
                let login = login.filter(|login| !login.is_empty());
                let name = login.unwrap_or(&run.run.user_id);
                if name.is_empty() {
                    Cell::Absent
                } else {
                    Cell::Text(name.into())
                }
            }
        }
    }

    /// True if the cell's column is aligned to the right.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Cell::Metric(_) | Cell::Duration(_) | Cell::Absent => true,
            Cell::Text(text) => number::is_number(text),
            Cell::Time(_) | Cell::Link { .. } => false,
        }
    }

    /// The value in full, as files have it. An absent one is empty.
    pub(super) fn full(&self) -> String {
        match self {
            Cell::Absent => String::new(),
            Cell::Metric(value) => number::full(*value),
            Cell::Text(text) => text.clone().into_owned(),
            Cell::Time(ms) => time::iso(*ms),
            Cell::Duration(ms) => seconds(*ms),
            Cell::Link { full, .. } => (*full).to_owned(),
        }
    }

    /// The text on hover, for a value that is shown shortened. `None`: it is shown in full.
    pub(super) fn title(&self) -> Option<String> {
        let (full, shown) = match self {
            Cell::Metric(value) => (number::full(*value), number::metric(*value)),
            Cell::Text(text) => (
                text.clone().into_owned(),
                cut(text.clone().into_owned(), TEXT_CHARS_MAX),
            ),
            Cell::Link { full, shown, .. } => ((*full).to_owned(), shown.clone().into_owned()),
            Cell::Absent | Cell::Time(_) | Cell::Duration(_) => return None,
        };
        (full != shown).then(|| cut(full, TITLE_CHARS_MAX))
    }

    /// About the number of bytes that the cell has in a page.
    pub(super) fn html_bytes(&self) -> usize {
        let shown = match self {
            Cell::Absent => 0,
            Cell::Metric(_) | Cell::Duration(_) => 10,
            Cell::Time(_) => 100,
            Cell::Text(text) => html_bytes(&shortened(text)),
            Cell::Link { shown, address, .. } => html_bytes(shown) + address.map_or(0, html_bytes) + 50,
        };
        CELL_BYTES + shown + self.title().map_or(0, |title| 9 + html_bytes(&title))
    }

    /// The value as people read it.
    pub(super) fn draw(&self, words: &Words, now_ms: i64) -> Markup {
        match self {
            Cell::Absent => html! { "–" },
            Cell::Metric(value) => html! { (number::metric(*value)) },
            Cell::Text(text) => html! { bdi { (shortened(text)) } },
            Cell::Time(ms) => time::ago(words, *ms, now_ms),
            Cell::Duration(ms) => html! { (time::duration(words, *ms)) },
            Cell::Link { shown, address, .. } => match address {
                Some(address) => {
                    html! { a href=(address) rel="nofollow noopener noreferrer" { bdi { (shortened(shown)) } } }
                }
                None => html! { bdi { (shortened(shown)) } },
            },
        }
    }
}

/// A tag of a run.
pub(super) fn tag<'a>(run: &'a FullRun<'_>, key: &str) -> Option<&'a str> {
    let tag = run.tags.iter().find(|(other, _)| other == key)?;
    Some(tag.1.as_ref()).filter(|value| !value.is_empty())
}

/// A text that fits into a cell.
pub(super) fn shortened(text: &str) -> String {
    let mut start = cut(text.to_owned(), TEXT_CHARS_MAX);
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Milliseconds as seconds, exactly.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, (ms % 1000).abs())
}
