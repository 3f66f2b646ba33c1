//! The search for traces that an address asks for.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::{Address, encoded};

use crate::domain::id::ExperimentId;
use crate::error::{Error, Result};
use crate::request::params::Params;
use crate::request::site::Site;

/// Largest number of bytes of a filter in an address. Many links of the page repeat it.
const FILTER_BYTES_MAX: usize = 1_500;

/// A column by which traces are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    State,
    Time,
    Duration,
    Session,
}

impl Sort {
    const ALL: [(Sort, &'static str, &'static str); 5] = [
        (Sort::Name, "name", "name"),
        (Sort::State, "state", "status"),
        (Sort::Time, "time", "timestamp"),
        (Sort::Duration, "duration", "execution_time"),
        (Sort::Session, "session", "metadata.`mlflow.trace.session`"),
    ];

    fn row(self) -> (&'static str, &'static str) {
        let found = Self::ALL.iter().find(|(sort, ..)| *sort == self);
        found.map_or(("time", "timestamp"), |(_, word, key)| (word, key))
    }

    /// The word in an address.
    pub(super) fn word(self) -> &'static str {
        self.row().0
    }

    /// True if greater values come first when the column is chosen.
    pub(super) fn is_descending_first(self) -> bool {
        matches!(self, Sort::Time | Sort::Duration)
    }

    /// The head of the column.
    pub(super) fn label(self, words: &Words) -> &'static str {
        match self {
            Sort::Name => words.traces.trace,
            Sort::State => words.common.status,
            Sort::Time => words.traces.time,
            Sort::Duration => words.traces.duration,
            Sort::Session => words.traces.session,
        }
    }
}

/// The table of traces that an address asks for.
pub(super) struct Asked<'a> {
    /// The experiment.
    pub(super) experiment: ExperimentId,
    /// The condition, in MLflow's language of filters.
    pub(super) filter: &'a str,
    /// The column by which traces are sorted. `None`: the newest come first.
    pub(super) sort: Option<Sort>,
    /// True if greater values come first.
    pub(super) is_descending: bool,
    /// The token of a page. Empty: the first page.
    pub(super) token: &'a str,
}

impl<'a> Asked<'a> {
    /// Reads the parameters of a request.
    pub(super) fn of(params: &Params<'a>) -> Result<Self> {
        let text = |name| Ok::<_, Error>(params.text(name)?.unwrap_or_default());
        let filter = text("filter")?.trim();
        let filter_bytes = encoded(filter).len();
        if filter_bytes > FILTER_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "The filter has {filter_bytes} bytes in an address; on a page it may have {FILTER_BYTES_MAX}."
            )));
        }
        let sort = text("sort")?;
        Ok(Asked {
            experiment: ExperimentId::parse(params.required_text("experiment_id")?)?,
            filter,
            sort: Sort::ALL
                .iter()
                .find(|(_, word, _)| *word == sort)
                .map(|(sort, ..)| *sort),
            is_descending: text("desc")? == "1",
            token: text("page_token")?,
        })
    }

    /// The item of MLflow's `order_by`. `None`: the default order.
    pub(super) fn order_item(&self) -> Option<String> {
        let (_, key) = self.sort?.row();
        Some(format!("{key} {}", if self.is_descending { "DESC" } else { "ASC" }))
    }

    /// The parameters of the first page, in their order.
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![("filter", self.filter)];
        if let Some(sort) = self.sort {
            pairs.push(("sort", sort.word()));
            pairs.push(("desc", if self.is_descending { "1" } else { "" }));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }

    /// The address of the first page below a path of the experiment, such as `/traces`.
    pub(super) fn address(&self, site: &Site, below: &str) -> Address {
        let start = Address::new(super::address_of(site, self.experiment, below));
        let pairs = self.pairs().into_iter();
        pairs.fold(start, |address, (name, value)| address.with(name, value))
    }

    /// The parameters as hidden fields of a form that sets the excepted one itself.
    pub(super) fn hidden(&self, except: &str) -> Markup {
        html! {
            @for (name, value) in self.pairs().iter().filter(|(name, _)| *name != except) {
                input type="hidden" name=(name) value=(value);
            }
        }
    }

    /// The query of the present page, to which a change of chosen traces comes back.
    pub(super) fn back(&self, site: &Site) -> String {
        let address = self
            .address(site, "/traces")
            .with_filled("page_token", self.token)
            .to_string();
        address
            .split_once('?')
            .map(|(_, query)| query.to_owned())
            .unwrap_or_default()
    }
}
