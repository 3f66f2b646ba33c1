//! The bar above the table of runs: the filter, the stages, and the columns.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;

use super::asked::{Asked, CHOICE};
use super::cell::shortened;
use super::column::{Column, Field};
use super::found::Shown;
use super::keys::Key;
use crate::domain::lifecycle::View;
use crate::pages::mistake::MistakeNote;
use crate::request::site::Site;
use crate::search::mistake::FilterMistake;

/// The forms of a filter that are shown beside a mistake.
const FORMS: [&str; 6] = [
    "metrics.val_acc > 0.9 AND params.arch = 'resnet50'",
    "params.lr IN ('0.1', '0.01')",
    "tags.`team name` != 'a'",
    "attributes.status = 'FINISHED' AND run_name ILIKE '%sweep%'",
    "attributes.start_time > 1700000000000",
    "tags.note IS NOT NULL",
];

/// Number of metrics of which a column with sparklines is offered. That of any other can be typed.
const SPARKLINES_OFFERED: usize = 6;

/// The bar. Without runs there are no columns to choose.
pub(super) fn bar(site: &Site, asked: &Asked<'_>, view: View, shown: Option<&Shown<'_>>) -> Markup {
    let words = site.words();
    html! {
        div.bar {
            (filter(site, asked, shown.is_none()))
            @if let Some(shown) = shown {
                (chooser(site, asked, shown))
                a.btn href=(asked.address_here(site, "/runs.csv")) download { (words.common.csv) }
                a.btn href=(asked.address_here(site, "/runs.json")) { (words.common.json) }
            }
            (stages(site, asked, view))
        }
        @if let Some(parent) = asked.parent {
            p.row {
                span {
                    (words.experiment_page.children_shown) " "
                    a href=(site.page(&format!("candidates/{parent}"))) { code { (parent) } }
                }
                a href=(asked.address(site, "").without("parent")) { (words.experiment_page.show_all) }
            }
        }
    }
}

fn filter(site: &Site, asked: &Asked<'_>, is_mistaken: bool) -> Markup {
    let own = &site.words().experiment_page;
    html! {
        form.find role="search" action=(site.page(&format!("experiments/{}", asked.experiment))) {
            label.vh for="filter" { (own.filter_label) }
            input.mono #filter name="filter" value=(asked.filter) spellcheck="false" autocomplete="off"
                placeholder="metrics.val_acc > 0.9 and params.aug = 'mixup'"
                aria-invalid=[is_mistaken.then_some("true")] aria-describedby=[is_mistaken.then_some("mistake")];
            (asked.hidden(&["filter"]))
            button.btn { (own.filter) }
        }
    }
}

fn stages(site: &Site, asked: &Asked<'_>, view: View) -> Markup {
    let words = site.words();
    let stages = [
        (words.common.active, "active", View::ActiveOnly),
        (words.common.deleted, "deleted", View::DeletedOnly),
        (words.experiment_page.all, "all", View::All),
    ];
    html! {
        nav.seg aria-label=(words.common.show) {
            @for (text, word, of) in stages {
                a href=(asked.address(site, "").set("show", word)) aria-current=[(of == view).then_some("true")] { (text) }
            }
        }
    }
}

/// The form that chooses columns. The most common keys stand in it; any other can be typed.
fn chooser(site: &Site, asked: &Asked<'_>, shown: &Shown<'_>) -> Markup {
    let (mark, yes) = CHOICE;
    let words = site.words();
    let own = &words.experiment_page;
    let group = |title: &str, boxes: &[Markup]| {
        html! {
            @if !boxes.is_empty() {
                fieldset { legend { (title) } @for one in boxes { (one) } }
            }
        }
    };
    let metrics = &shown.keys.metrics;
    let sparklines = metrics.get(..SPARKLINES_OFFERED).unwrap_or(metrics);
    let fields = Field::CHOICES.map(|field| choice(&shown.columns, &Column::Field(field), field.word(words), None));
    html! {
        details.pop {
            summary.btn { (Icon::Columns.draw()) (own.columns) " " span.n { (shown.columns.len()) } }
            form action=(site.page(&format!("experiments/{}", asked.experiment))) {
                p.mut.small { (own.columns_text) }
                hr;
                (asked.hidden(&["column"]))
                input type="hidden" name=(mark) value=(yes);
                div.half {
                    (group(own.run, &fields))
                    (group(own.params, &choices(&shown.columns, &shown.keys.params, Column::Param)))
                    (group(own.metrics, &choices(&shown.columns, &shown.keys.metrics, Column::Metric)))
                    (group(own.by_step, &choices(&shown.columns, sparklines, Column::Sparkline)))
                    (group(own.tags, &choices(&shown.columns, &shown.keys.tags, Column::Tag)))
                }
                div.field {
                    label for="column" { (own.another_column) }
                    input.mono #column name="column" placeholder="metrics.f1" autocomplete="off" spellcheck="false";
                }
                hr;
                div.row {
                    button.btn.pri { (own.show_these) }
                    a.btn href=(asked.address(site, "").without("column").with(mark, yes)) { (own.default_columns) }
                }
            }
        }
    }
}

/// The choices among keys, and the chosen columns of their kind that are not among them.
fn choices(columns: &[Column], keys: &[Key], column: impl Fn(String) -> Column) -> Vec<Markup> {
    let known = keys
        .iter()
        .map(|key| (column(key.name.clone()), key.name.as_str(), key.same.as_deref()));
    let known: Vec<_> = known.collect();
    let others = columns.iter().filter_map(|chosen| {
        let key = chosen.key()?;
        let is_other = *chosen == column(key.to_owned()) && known.iter().all(|(known, _, _)| known != chosen);
        is_other.then_some((chosen.clone(), key, None))
    });
    let others: Vec<_> = others.collect();
    let all = others.iter().chain(&known);
    all.map(|(column, key, same)| choice(columns, column, key, *same))
        .collect()
}

fn choice(columns: &[Column], column: &Column, name: &str, same: Option<&str>) -> Markup {
    let same = same.filter(|same| !same.is_empty());
    html! {
        label.same[same.is_some()] {
            input type="checkbox" name="column" value=(column.name()) checked[columns.contains(column)];
            " "
            bdi { (shortened(name)) @if let Some(same) = same { " = " (shortened(same)) } }
        }
    }
}

/// The note about a filter that cannot be read.
pub(super) fn mistake(site: &Site, asked: &Asked<'_>, mistake: &FilterMistake) -> Markup {
    let words = site.words();
    let note = MistakeNote {
        filter: asked.filter,
        mistake,
        forms: &FORMS,
        address: asked.address(site, ""),
        without: words.experiment_page.without_filter,
    };
    note.draw(words)
}
