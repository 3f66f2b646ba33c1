//! The search for runs that the address of an experiment's page asks for. Its whole state stands in the address.

use maud::{Markup, html};
use mlforge_ui::link::{Address, encoded};

use super::column::{COLUMNS_MAX, Column, Field, NAME_BYTES_MAX, SPARKLINES_MAX};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Stage, View};
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

/// About the number of bytes of an address without parameters.
const ADDRESS_BYTES: usize = 80;

/// The chosen columns, each once, as many as may be.
fn columns(params: &Params<'_>) -> Result<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    let (mut bytes, mut sparklines) = (0, 0);
    for name in params.texts("column")? {
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
    Ok(columns)
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
            columns: columns(params)?,
            view: VIEWS.iter().find(|(word, _)| *word == show).map(|(_, view)| *view),
            token: text("page_token")?,
        })
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
