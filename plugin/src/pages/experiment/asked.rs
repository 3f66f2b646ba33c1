//! The search for runs that the address of an experiment's page asks for. Its whole state stands in the address.

use maud::{Markup, html};
use mlforge_ui::link::{Address, encoded};

use super::column::{COLUMNS_MAX, Column, Field, NAME_BYTES_MAX, SPARKLINES_MAX};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Stage, View};
use crate::domain::percent::decoded;
use crate::error::{Error, Result};
use crate::request::params::Params;
use crate::request::site::Site;

/// Largest number of bytes of a filter in an address. Many links of the page repeat it.
const FILTER_BYTES_MAX: usize = 4_000;

/// The words of the stages in an address.
const VIEWS: [(&str, View); 3] = [
    ("active", View::ActiveOnly),
    ("deleted", View::DeletedOnly),
    ("all", View::All),
];

/// The parameter of an address by which a reader chooses columns for later visits, too. The page leads to the address without it.
pub(super) const CHOICE: (&str, &str) = ("choose", "1");

/// About the number of bytes of an address without parameters.
const ADDRESS_BYTES: usize = 80;

/// The chosen columns, each once, as many as may be.
fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let (mut bytes, mut sparklines) = (0, 0);
    for name in names {
        let column = Column::parse(name).filter(|column| *column != Column::Field(Field::Name));
        let Some(column) = column.filter(|column| !columns.contains(column)) else {
            continue;
        };
        bytes += encoded(name).len();
        sparklines += usize::from(matches!(column, Column::Sparkline(_)));
        if columns.len() == COLUMNS_MAX || bytes > NAME_BYTES_MAX || sparklines > SPARKLINES_MAX {
            break;
        }
        columns.push(column);
    }
    columns
}

/// The view of the runs that the address asks for.
pub(super) struct Asked<'a> {
    /// The experiment.
    pub(super) experiment: ExperimentId,
    /// The condition, in MLflow's language of filters.
    pub(super) filter: &'a str,
    /// The run whose children are asked for. `None`: any run.
    pub(super) parent: Option<RunId>,
    /// The column by which runs are sorted. `None`: the newest come first.
    pub(super) sort: Option<Column>,
    /// True if greater values come first.
    pub(super) is_descending: bool,
    /// The chosen columns. Empty: the default ones.
    pub(super) columns: Vec<Column>,
    /// The stages that are shown. `None`: that of the experiment.
    pub(super) view: Option<View>,
    /// The token of a page. Empty: the first page.
    pub(super) token: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads the parameters of a request. Columns that no run can have are left out.
    pub(super) fn of(params: &Params<'a>) -> Result<Self> {
        let text = |name| Ok(params.text(name)?.unwrap_or_default());
        let parent = text("parent")?;
        let filter = text("filter")?.trim();
        let filter_bytes = encoded(filter).len();
        if filter_bytes > FILTER_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "The filter has {filter_bytes} bytes in an address; on a page it may have {FILTER_BYTES_MAX}."
            )));
        }
        let show = text("show")?;
        Ok(Asked {
            experiment: ExperimentId::parse(params.required_text("experiment_id")?)?,
            filter,
            parent: match parent {
                "" => None,
                parent => Some(RunId::parse(parent)?),
            },
            sort: Column::parse(text("sort")?).filter(|column| column.order_name().is_some()),
            is_descending: text("desc")? == "1",
            columns: columns(params.texts("column")?),
            view: VIEWS.iter().find(|(word, _)| *word == show).map(|(_, view)| *view),
            token: text("page_token")?,
        })
    }

    /// Takes the columns that the reader chose on an earlier visit, unless the address has some. A text that was not written by
    /// `remembered` has no columns.
    #[must_use]
    pub(super) fn or_remembered(mut self, text: &str) -> Self {
        if self.columns.is_empty() {
            let names: Vec<String> = text.split('&').map(decoded).collect();
            self.columns = columns(names.iter().map(String::as_str));
        }
        self
    }

    /// The columns as a text that the browser remembers. Empty: the default ones.
    pub(super) fn remembered(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| encoded(&column.name())).collect();
        names.join("&")
    }

    /// The stages that are shown of an experiment. The runs of a deleted one are deleted, too.
    pub(super) fn view_of(&self, stage: Stage) -> View {
        self.view.unwrap_or(match stage {
            Stage::Active => View::ActiveOnly,
            Stage::Deleted => View::DeletedOnly,
        })
    }

    /// The item of MLflow's `order_by`. `None`: the default order.
    pub(super) fn order_item(&self) -> Option<String> {
        let name = self.sort.as_ref()?.order_name()?;
        Some(format!("{name} {}", if self.is_descending { "DESC" } else { "ASC" }))
    }

    /// True if the address asks for some of the runs only.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.filter.is_empty() || self.parent.is_some()
    }

    /// The parameters of the first page, in their order.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let show = self
            .view
            .and_then(|view| VIEWS.iter().find(|(_, other)| *other == view));
        let mut pairs = vec![
            ("filter", self.filter.to_owned()),
            ("parent", self.parent.map(|run| run.to_string()).unwrap_or_default()),
            ("show", show.map_or("", |(word, _)| word).to_owned()),
        ];
        if let Some(sort) = &self.sort {
            pairs.push(("sort", sort.name()));
            pairs.push(("desc", if self.is_descending { "1" } else { "" }.to_owned()));
        }
        pairs.extend(self.columns.iter().map(|column| ("column", column.name())));
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }

    /// About the number of bytes of the address, without that of the site.
    pub(super) fn address_bytes(&self) -> usize {
        let pairs = self.pairs();
        let bytes = pairs.iter().map(|(name, value)| name.len() + encoded(value).len() + 6);
        ADDRESS_BYTES + bytes.sum::<usize>()
    }

    /// The address of the first page below a path after `experiments/<id>`, such as nothing or `/runs.csv`.
    pub(super) fn address(&self, site: &Site, below: &str) -> Address {
        let start = Address::new(site.page(&format!("experiments/{}{below}", self.experiment)));
        self.pairs()
            .into_iter()
            .fold(start, |address, (name, value)| address.with(name, value))
    }

    /// The address of the present page below such a path.
    pub(super) fn address_here(&self, site: &Site, below: &str) -> Address {
        self.address(site, below).with_filled("page_token", self.token)
    }

    /// The parameters as hidden fields of a form that sets the excepted ones itself.
    pub(super) fn hidden(&self, except: &[&str]) -> Markup {
        html! {
            @for (name, value) in self.pairs().iter().filter(|(name, _)| !except.contains(name)) {
                input type="hidden" name=(name) value=(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::request::params::from_query;

    /// The columns of an address, or else of a remembered text, and the text that remembers them.
    fn shown(names: &[String], remembered: &str) -> (Vec<Column>, String) {
        let columns = names.iter().map(|name| format!("&column={}", encoded(name)));
        let query = format!("experiment_id=1{}", columns.collect::<String>());
        let query = from_query(&query).unwrap();
        let asked = Asked::of(&Params::new(&query)).unwrap().or_remembered(remembered);
        let text = asked.remembered();
        (asked.columns, text)
    }

    proptest! {
        #[test]
        fn a_choice_is_remembered(keys in prop::collection::btree_set(".{1,20}", 0..5)) {
            let names: Vec<String> = keys.iter().map(|key| format!("metrics.{key}")).collect();
            let (columns, text) = shown(&names, "");
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%&".contains(&byte)));
            prop_assert_eq!(shown(&[], &text), (columns, text.clone()));
            let started = ["started".to_owned()];
            prop_assert_eq!(shown(&started, &text), shown(&started, ""));
        }

        #[test]
        fn any_text_is_a_choice_that_an_address_may_have(text in ".{0,200}|(metrics[.][a-z&%]{0,300}&){0,30}") {
            let (columns, again) = shown(&[], &text);
            let names: Vec<String> = columns.iter().map(Column::name).collect();
            prop_assert!(columns.len() <= COLUMNS_MAX && again.len() <= NAME_BYTES_MAX + COLUMNS_MAX);
            prop_assert_eq!(shown(&names, "").0, columns);
        }
    }
}
