//! The table of runs, and the form around it that takes the chosen ones.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::words::fill;
use mlforge_ui::{Words, number};

use super::asked::Asked;
use super::cell::{Cell, shortened};
use super::column::{Column, Field};
use super::found::{Shown, Total};
use super::histories::Histories;
use super::nesting::{Place, nested};
use crate::convert::to_u64;
use crate::domain::lifecycle::{Stage, View};
use crate::domain::run::FullRun;
use crate::host::clock::now_ms;
use crate::pages::parts;
use crate::request::call::Call;
use crate::request::site::Site;

/// The table of some runs.
struct Table<'a> {
    site: &'a Site,
    words: &'static Words,
    asked: &'a Asked<'a>,
    shown: &'a Shown<'a>,
    histories: &'a Histories<'a>,
    /// For each column, true if all its values are numbers.
    numeric: Vec<bool>,
    /// The best value of the metric by which runs are sorted.
    best: Option<f64>,
    /// True if runs of both stages are shown, so that deleted ones are marked.
    marks_deleted: bool,
    now_ms: i64,
}

/// The table, and what can be done with chosen runs.
pub(super) fn form(call: &Call<'_>, asked: &Asked<'_>, histories: &Histories<'_>, view: View) -> Markup {
    let (site, words, shown) = (call.site, call.site.words(), histories.shown);
    let below = |path: &str| site.page(&format!("experiments/{}/runs/{path}", asked.experiment));
    let own = &words.experiment_page;
    html! {
        form action=(site.page("compare")) {
            input type="hidden" name="back" value=(back(site, asked));
            (Table::of(site, asked, histories, view).draw())
            div.bulk {
                button.btn { (own.compare) }
                @if call.may_write && view != View::DeletedOnly {
                    button.btn formaction=(below("tag")) { (own.tag) }
                    button.btn.bad formaction=(below("delete")) { (words.common.delete) }
                }
                @if call.may_write && view != View::ActiveOnly {
                    button.btn formaction=(below("restore")) { (words.common.restore) }
                }
                span.cnt.mut { (own.chosen) }
                span.end.row {
                    @if let Some(total) = shown.total { span.mut { (fill(own.run_count, &[&counted(total)])) } }
                    (pager(site, asked, shown))
                }
            }
        }
    }
}

/// A number of runs: `1,000+` if there are more.
fn counted(total: Total) -> String {
    let (count, more) = match total {
        Total::Exactly(count) => (count, ""),
        Total::MoreThan(count) => (count, "+"),
    };
    format!("{}{more}", number::count(to_u64(count)))
}

/// The query of the present page, to which a change of chosen runs comes back.
fn back(site: &Site, asked: &Asked<'_>) -> String {
    let address = asked.address_here(site, "").to_string();
    address
        .split_once('?')
        .map(|(_, query)| query.to_owned())
        .unwrap_or_default()
}

fn pager(site: &Site, asked: &Asked<'_>, shown: &Shown<'_>) -> Markup {
    let address = || asked.address(site, "");
    let first = (!asked.token.is_empty()).then(|| address().to_string());
    let next = shown.next.as_ref();
    let next = next.map(|token| address().with("page_token", token).to_string());
    parts::pager(site.words(), first.as_deref(), next.as_deref())
}

impl<'a> Table<'a> {
    fn of(site: &'a Site, asked: &'a Asked<'a>, histories: &'a Histories<'a>, view: View) -> Self {
        let shown = histories.shown;
        let cells = |column: &Column| {
            let cells = shown.runs.iter().map(|run| Cell::of(column, run, 0));
            cells.collect::<Vec<_>>()
        };
        let is_numeric = |column: &Column| {
            let cells = cells(column);
            cells.iter().all(Cell::is_number) && cells.iter().any(|cell| *cell != Cell::Absent)
        };
        let metric = asked.sort.as_ref().filter(|sort| matches!(sort, Column::Metric(_)));
        let values = metric.map(cells).unwrap_or_default();
        let values = values.into_iter().filter_map(|cell| match cell {
            Cell::Metric(value) if !value.is_nan() => Some(value),
            _ => None,
        });
        Table {
            site,
            words: site.words(),
            asked,
            shown,
            histories,
            numeric: shown.columns.iter().map(is_numeric).collect(),
            best: if asked.is_descending {
                values.reduce(f64::max)
            } else {
                values.reduce(f64::min)
            },
            marks_deleted: view == View::All,
            now_ms: now_ms(),
        }
    }

    fn draw(&self) -> Markup {
        let own = &self.words.experiment_page;
        html! {
            div.scroll tabindex="0" role="region" aria-label=(own.table) {
                table.runs {
                    caption.vh { (own.table) }
                    thead { (self.groups()) (self.heads()) }
                    tbody { @for place in nested(&self.shown.runs) { (self.row(place)) } }
                }
            }
        }
    }

    /// The columns, each with true if it is the first of its group, and true if all its values are numbers.
    fn columns(&self) -> impl Iterator<Item = (&Column, bool, bool)> {
        let columns = &self.shown.columns;
        let before = std::iter::once(None).chain(columns.iter().map(Some));
        columns
            .iter()
            .zip(before)
            .zip(&self.numeric)
            .map(|((column, before), is_numeric)| {
                let is_first = before.is_none_or(|before| before.group() != column.group());
                (column, is_first, *is_numeric)
            })
    }

    /// The line with the groups of columns.
    fn groups(&self) -> Markup {
        let own = &self.words.experiment_page;
        let params = if self.asked.columns.is_empty() && self.shown.runs.len() > 1 {
            own.params_that_differ
        } else {
            own.params
        };
        let names = [own.latest_metrics, params, own.tags, ""];
        let groups = names.into_iter().enumerate().map(|(group, name)| {
            let of_group = self.shown.columns.iter().filter(|column| column.group() == group);
            (name, of_group.count())
        });
        html! {
            tr.grp {
                td.pin {}
                @for (name, count) in groups.filter(|(_, count)| *count > 0) {
                    @if name.is_empty() {
                        td.gl colspan=(count) {}
                    } @else {
                        th.gl scope="colgroup" colspan=(count) { (name) }
                    }
                }
            }
        }
    }

    fn heads(&self) -> Markup {
        let name = Column::Field(Field::Name);
        html! {
            tr {
                (self.head(&name, false, false))
                @for (column, is_first, is_numeric) in self.columns() { (self.head(column, is_first, is_numeric)) }
            }
        }
    }

    /// The head of a column. It sorts by the column, or turns the order if runs are sorted by it.
    fn head(&self, column: &Column, is_first: bool, is_numeric: bool) -> Markup {
        let is_name = *column == Column::Field(Field::Name);
        let label = self.label(column);
        let is_current = self.asked.sort.as_ref() == Some(column);
        let is_descending = if is_current {
            !self.asked.is_descending
        } else {
            column.is_descending_first()
        };
        let address = self
            .asked
            .address(self.site, "")
            .set("sort", column.name())
            .without("desc");
        let address = address.with_filled("desc", if is_descending { "1" } else { "" });
        let (direction, icon) = match self.asked.is_descending {
            true => ("descending", Icon::Descending),
            false => ("ascending", Icon::Ascending),
        };
        html! {
            th.pin[is_name].gl[is_first].num[is_numeric] scope="col" aria-sort=[is_current.then_some(direction)] {
                @if self.shown.has_links && column.order_name().is_some() {
                    a href=(address) rel="nofollow" { (label) @if is_current { (icon.draw()) } }
                } @else {
                    (label) @if is_current { (icon.draw()) }
                }
            }
        }
    }

    fn label(&self, column: &Column) -> Markup {
        match column {
            Column::Metric(key) | Column::Param(key) | Column::Tag(key) => html! { bdi { (shortened(key)) } },
            Column::Sparkline(key) => html! { bdi { (shortened(key)) } " " (self.words.runs.by_step) },
            Column::Field(field) => html! { (field.word(self.words)) },
        }
    }

    fn row(&self, place: Place) -> Markup {
        let Some(run) = self.shown.runs.get(place.index) else {
            return html! {};
        };
        html! {
            tr.d1[place.depth == 1].d2[place.depth > 1] {
                th.pin scope="row" { (self.name(run, place.children)) }
                @for (column, is_first, is_numeric) in self.columns() {
                    (self.cell(run, column, is_first, is_numeric))
                }
            }
        }
    }

    fn name(&self, run: &FullRun<'_>, children: usize) -> Markup {
        let (id, name) = (run.run.id.to_string(), shortened(&run.run.name));
        let own = &self.words.experiment_page;
        let of_parent = || self.asked.address(self.site, "").set("parent", id.clone());
        html! {
            div {
                input type="checkbox" name="run" value=(id) aria-label=(fill(own.choose_run, &[&name]));
                (parts::status_mark(self.words, run.run.status))
                a.cut href=(self.site.page(&format!("candidates/{id}"))) { bdi { (name) } }
                (self.histories.key_of(run.run.id))
                @if self.marks_deleted && run.stage == Stage::Deleted { span.tag { (self.words.common.deleted) } }
                @if children > 0 && self.shown.has_links {
                    a.n href=(of_parent()) aria-label=(fill(own.children_of, &[&name])) {
                        (children) (Icon::Open.draw())
                    }
                }
            }
        }
    }

    fn cell(&self, run: &FullRun<'_>, column: &Column, is_first: bool, is_numeric: bool) -> Markup {
        if let Column::Sparkline(key) = column {
            return html! { td.gl[is_first] { (self.histories.sparkline(self.words, run.run.id, key)) } };
        }
        let cell = Cell::of(column, run, self.now_ms);
        let is_best =
            self.asked.sort.as_ref() == Some(column) && matches!(cell, Cell::Metric(value) if Some(value) == self.best);
        let is_fact = matches!(column, Column::Field(_));
        html! {
            td.gl[is_first].num[is_numeric].best[is_best].mut[is_fact] title=[cell.title()] {
                (cell.draw(self.words, self.now_ms))
            }
        }
    }
}
