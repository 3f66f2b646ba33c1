//! The comparison that the address asks for.

use maud::{Markup, html};
use mlforge_ui::link::Address;

use crate::domain::id::RunId;
use crate::error::Result;
use crate::pages::look::Look;
use crate::request::params::Params;
use crate::request::site::Site;

/// Largest number of runs that are compared.
pub(super) const RUNS_MAX: usize = 20;
/// Largest number of ids that are named as left out or not found.
const NAMED_MAX: usize = 20;
/// Longest id that is named, in characters.
const ID_CHARS_MAX: usize = 40;

/// The comparison that the address asks for.
pub(super) struct Asked<'a> {
    /// The runs, each once, in the order of the address.
    pub(super) runs: Vec<RunId>,
    /// The texts that are no ids of runs.
    pub(super) unknown: Vec<String>,
    /// The ids beyond `RUNS_MAX`.
    pub(super) left_out: Vec<String>,
    /// The metrics that are drawn. Empty: the first ones.
    pub(super) metrics: Vec<&'a str>,
    /// The param against which the metric is drawn. Empty: the first that differs.
    pub(super) param: &'a str,
    /// True to show only rows that differ.
    pub(super) only_differences: bool,
    /// The number of the first row, from 0.
    pub(super) from: usize,
    /// The way in which charts are drawn.
    pub(super) look: Look,
}

impl<'a> Asked<'a> {
    /// Reads the address.
    pub(super) fn of(params: &Params<'a>) -> Result<Self> {
        let (mut runs, mut unknown, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for text in params.texts("run")? {
            match RunId::parse(text.trim()) {
                Ok(run) if runs.contains(&run) => {}
                Ok(run) if runs.len() < RUNS_MAX => runs.push(run),
                Ok(run) => left_out.push(run.to_string()),
                Err(_) => unknown.push(text.chars().take(ID_CHARS_MAX).collect()),
            }
        }
        left_out.truncate(NAMED_MAX);
        unknown.truncate(NAMED_MAX);
        let metrics = params.texts("metric")?.into_iter().filter(|metric| !metric.is_empty());
        let from = params.text("from")?.and_then(|from| from.parse().ok());
        Ok(Asked {
            runs,
            unknown,
            left_out,
            metrics: metrics.take(super::charts::METRICS_MAX).collect(),
            param: params.text("param")?.unwrap_or_default(),
            only_differences: params.text("only")? == Some("differ"),
            from: from.unwrap_or(0),
            look: Look::of(params)?,
        })
    }

    /// The parameters of the address but those named.
    fn fields(&self, without: &[&str]) -> Vec<(&'static str, String)> {
        let runs = self.runs.iter().map(|run| ("run", run.to_string()));
        let metrics = self.metrics.iter().map(|metric| ("metric", (*metric).to_owned()));
        let param = Some(("param", self.param.to_owned())).filter(|(_, param)| !param.is_empty());
        let only = self.only_differences.then(|| ("only", "differ".to_owned()));
        let look = self
            .look
            .fields()
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()));
        let all = runs.chain(metrics).chain(param).chain(only).chain(look);
        all.filter(|(name, _)| !without.contains(name)).collect()
    }

    /// The address of this comparison from its first row on.
    pub(super) fn address(&self, site: &Site) -> Address {
        let fields = self.fields(&[]).into_iter();
        fields.fold(Address::new(site.page("compare")), |address, (name, value)| {
            address.with(name, value)
        })
    }

    /// The address of a file with all rows of this comparison: `csv` or `json`.
    pub(super) fn file(&self, site: &Site, ending: &str) -> Address {
        let runs = self.runs.iter();
        let start = Address::new(site.page(&format!("compare.{ending}")));
        let address = runs.fold(start, |address, run| address.with("run", run.to_string()));
        address.with_filled("only", if self.only_differences { "differ" } else { "" })
    }

    /// A form that changes the named parameters and keeps the others.
    pub(super) fn form(&self, site: &Site, changes: &[&str], fields: &Markup) -> Markup {
        html! {
            form.row action=(site.page("compare")) {
                @for (name, value) in self.fields(changes) { input type="hidden" name=(name) value=(value); }
                (fields)
            }
        }
    }
}
