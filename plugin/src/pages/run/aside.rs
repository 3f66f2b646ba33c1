//! The side column of a run: note, parameters, tags, details, datasets, models and children.

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::{markdown, number, time};

use super::lineage::{Lineage, dataset, logged_model, version_link};
use super::view::{NOTE, View, address_of};
use crate::convert::to_u64;
use crate::domain::run::TextPair;
use crate::pages::parts;

/// Number of bytes of the note on the overview.
const NOTE_BYTES_MAX: usize = 24_000;
/// Number of params on the overview, and of their bytes.
const PARAMS_MAX: usize = 30;
const PARAMS_BYTES_MAX: usize = 15_000;
/// Number of tags on the overview.
const TAGS_MAX: usize = 20;
/// Number of datasets and of logged models on the overview.
const LINKS_MAX: usize = 20;

/// The whole column.
pub fn aside(view: &View<'_>, lineage: &Lineage) -> Markup {
    html! {
        aside {
            (note(view))
            (params(view))
            (tags(view))
            (details(view))
            (datasets(view))
            (models(view, lineage))
            (children(view, lineage))
        }
    }
}

/// A section with a head. The link stands at its end.
fn section(title: &str, count: Option<usize>, link: Option<(String, &str)>, content: Markup) -> Markup {
    html! {
        section {
            div.bar {
                h2 { (title) }
                @if let Some(count) = count { span.mut { (number::count(to_u64(count))) } }
                @if let Some((address, text)) = link { a.small.end href=(address) { (text) } }
            }
            (content)
        }
    }
}

fn note(view: &View<'_>) -> Markup {
    let words = view.words;
    let note = view.tag(NOTE).filter(|note| !note.trim().is_empty());
    let edit = view.may_change().then(|| {
        let text = if note.is_some() {
            words.common.edit
        } else {
            words.runs.write_note
        };
        (view.address("/edit").to_string(), text)
    });
    match note {
        Some(note) => section(words.runs.note, None, edit, markdown::card_within(note, NOTE_BYTES_MAX)),
        None if view.may_change() => section(words.runs.note, None, edit, html! { p.mut { (words.runs.no_note) } }),
        None => html! {},
    }
}

fn params(view: &View<'_>) -> Markup {
    let (all, words) = (&view.full.params, &view.words.runs);
    let bytes_of = |pair: &&TextPair<'_>| parts::row_bytes(&pair.0, &pair.1);
    let count = parts::fitting(all.iter().take(PARAMS_MAX), PARAMS_BYTES_MAX, bytes_of);
    let more = (all.len() > count).then(|| (view.address("/params").to_string(), words.all_params));
    let rows = all.iter().take(count);
    let rows = rows.map(|(key, value)| (key.as_ref(), parts::value(value)));
    let content = if all.is_empty() {
        html! { p.mut { (words.no_params) } }
    } else {
        parts::key_values(rows)
    };
    section(words.params, Some(all.len()), more, content)
}

fn tags(view: &View<'_>) -> Markup {
    let words = &view.words.runs;
    let count = view.own_tags().count();
    let text = match (view.may_change(), count > TAGS_MAX) {
        (true, _) => Some(words.change_tags),
        (false, true) => Some(words.all_tags),
        (false, false) => None,
    };
    if count == 0 && text.is_none() {
        return html! {};
    }
    let link = text.map(|text| (view.address("/tags").to_string(), text));
    let content = html! {
        p.row { @for (key, value) in view.own_tags().take(TAGS_MAX) { (parts::tag(key, value)) } }
    };
    section(words.tags, None, link, content)
}

fn details(view: &View<'_>) -> Markup {
    let (run, words) = (&view.full.run, &view.words.runs);
    let row = |name: &str, value: Option<&str>| {
        html! { @if let Some(value) = value { dt { (name) } dd { code { bdi { (value) } } } } }
    };
    let content = html! {
        dl {
            dt { (words.run_id) } dd { code.copy { (run.id) } }
            dt { (words.artifacts) } dd { code.copy { (run.artifact_uri) } }
            (row(words.source, view.tag("mlflow.source.name")))
            (row(words.source_type, view.tag("mlflow.source.type")))
            (row(words.user, view.tag("mlflow.user")))
            (row(words.ci_user, view.tag("mlforge.ci.user")))
            @if run.start_time_ms > 0 { dt { (words.started) } dd { (time::exact_time(run.start_time_ms)) } }
            @if let Some(end_ms) = run.end_time_ms { dt { (words.ended) } dd { (time::exact_time(end_ms)) } }
        }
    };
    section(words.details, None, None, content)
}

fn datasets(view: &View<'_>) -> Markup {
    let inputs = &view.full.inputs;
    let content = html! { ul { @for input in inputs.iter().take(LINKS_MAX) { li { (dataset(input)) } } } };
    match inputs.len() {
        0 => html! {},
        count => {
            let link = (view.address("/datasets").to_string(), view.words.data.dataset_details);
            section(view.words.runs.datasets, Some(count), Some(link), content)
        }
    }
}

fn models(view: &View<'_>, lineage: &Lineage) -> Markup {
    let (full, words) = (view.full, &view.words.runs);
    let list = |title: &str, ids: Vec<&str>| {
        let shown = html! { ul { @for id in ids.iter().take(LINKS_MAX) { li { (logged_model(view, id)) } } } };
        match ids.len() {
            0 => html! {},
            count => section(title, Some(count), None, shown),
        }
    };
    let outputs = full.model_outputs.iter().map(|output| output.model.as_str());
    let versions = html! { ul { @for version in &lineage.versions { li { (version_link(view, version)) } } } };
    html! {
        (list(words.model_inputs, full.model_inputs.iter().map(String::as_str).collect()))
        (list(words.logged_models, outputs.collect()))
        @if !lineage.versions.is_empty() { (section(words.versions, None, None, versions)) }
    }
}

fn children(view: &View<'_>, lineage: &Lineage) -> Markup {
    let children = &lineage.children;
    if children.is_empty() && !lineage.may_have_more_children {
        return html! {};
    }
    let words = &view.words.runs;
    let experiment = view
        .call
        .site
        .page(&format!("experiments/{}", view.full.run.experiment));
    let all = Address::new(experiment)
        .with("parent", view.id().to_string())
        .to_string();
    let content = html! {
        ul {
            @for child in children {
                li.row {
                    (parts::status_mark(view.words, child.status))
                    a.cut href=(address_of(view.call, child.id, "")) { bdi { (parts::name(&child.name)) } }
                    @if child.start_time_ms > 0 {
                        span.mut.small { (time::ago(view.words, child.start_time_ms, view.now_ms)) }
                    }
                }
            }
        }
    };
    let link = (
        all,
        if lineage.may_have_more_children {
            words.all_children
        } else {
            words.in_table
        },
    );
    section(words.children, None, Some(link), content)
}
