//! The datasets that a run read, with schema and profile as the client logged them. Both are JSON that may hold anything.

use std::rc::Rc;

use maud::{Markup, html};
use mlforge_ui::number;
use mlforge_ui::words::fill;
use serde_json::{Map, Value};

use super::head::{RunTab, head};
use super::view::{RunRead, View};
use crate::domain::dataset::{CONTEXT_TAG, Dataset};
use crate::domain::run::RunInput;
use crate::error::Result;
use crate::pages::parts;
use crate::pages::schema::{self, Columns};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::runs::dataset_reader::DatasetReader;

/// Number of datasets on a page. A schema may have a megabyte.
const PER_PAGE: usize = 5;
/// Number of values of a profile that are shown.
const VALUES_MAX: usize = 10;
/// Size of the largest profile that is shown. Some clients put whole statistics there.
const PROFILE_BYTES_MAX: usize = 64 << 10;

/// Shows some datasets in full.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let words = view.words;
    let from = usize::try_from(call.params.integer("from")?.unwrap_or(0)).unwrap_or(0);
    let inputs: Vec<&RunInput> = full.inputs.iter().skip(from).take(PER_PAGE).collect();
    let experiment = full.run.experiment;
    let mut reader = DatasetReader::default();
    reader
        .read_ahead(inputs.iter().map(|input| (experiment, *input)))
        .await?;
    let mut shown = Vec::new();
    for input in inputs {
        let dataset = reader.read(experiment, input).await?;
        shown.push(section(&view, shown.len(), input, dataset));
    }
    let list = view.address("/datasets");
    let next = from.saturating_add(PER_PAGE);
    let next = (next < full.inputs.len()).then(|| list.clone().with("from", next.to_string()).to_string());
    Ok(view.page(words.runs.datasets).answer(&html! {
        (head(&view, RunTab::None))
        @if shown.is_empty() { p.mut { (words.data.no_dataset) } }
        @for section in &shown { (section) }
        (parts::pager(words, (from > 0).then(|| list.to_string()).as_deref(), next.as_deref()))
    }))
}

fn section(view: &View<'_>, index: usize, input: &RunInput, dataset: Option<Rc<Dataset>>) -> Markup {
    let own = &view.words.data;
    let id = format!("dataset-{index}");
    let context = input.tags.iter().find(|(key, _)| key == CONTEXT_TAG);
    html! {
        section aria-labelledby=(id) {
            div.bar { h2 id=(id) { bdi { (input.name) } } }
            dl {
                dt { (own.digest) } dd { code.copy { bdi { (input.digest) } } }
                @if let Some((_, context)) = context { dt { (own.context) } dd { bdi { (schema::cut(context)) } } }
                @if let Some(dataset) = &dataset { (source(view, dataset)) }
            }
            @match dataset {
                Some(dataset) => (details(view, &dataset)),
                None => p.mut { (own.no_details) },
            }
        }
    }
}

/// The place from which the data came.
fn source(view: &View<'_>, dataset: &Dataset) -> Markup {
    html! {
        dt { (view.words.data.source) }
        dd {
            bdi { (dataset.source_type) } " "
            @if !matches!(dataset.source.as_str(), "" | "{}") { code { bdi { (schema::cut(&dataset.source)) } } }
        }
    }
}

fn details(view: &View<'_>, dataset: &Dataset) -> Markup {
    let own = &view.words.data;
    let schemas = dataset.schema.as_deref().map(Schema::parse).unwrap_or_default();
    let profile = dataset
        .profile
        .as_deref()
        .filter(|text| text.len() <= PROFILE_BYTES_MAX)
        .and_then(|text| serde_json::from_str(text).ok());
    let profile: Map<String, Value> = profile.unwrap_or_default();
    let groups = [
        (own.column, &schemas.columns),
        (own.features, &schemas.features),
        (own.targets, &schemas.targets),
    ];
    let has_columns = groups.iter().any(|(_, columns)| !columns.shown.is_empty());
    html! {
        @if !profile.is_empty() {
            h3 { (own.profile) }
            (profile_table(view, &profile))
        }
        @if has_columns {
            h3 { (own.schema) }
            (schema::table(view.words, own.schema, &groups))
        } @else if profile.is_empty() {
            p.mut { (own.no_details) }
        }
    }
}

/// Columns of a dataset: of a table, or of tensors with or without targets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    columns: Columns,
    features: Columns,
    targets: Columns,
}

impl Schema {
    /// Reads what `mlflow.data` writes. It may be any text.
    fn parse(text: &str) -> Self {
        let value = serde_json::from_str(text).unwrap_or(Value::Null);
        let tensors = value.get("mlflow_tensorspec");
        let of = |value: Option<&Value>| value.map(Columns::of).unwrap_or_default();
        Schema {
            columns: of(value.get("mlflow_colspec")),
            features: of(tensors.and_then(|tensors| tensors.get("features"))),
            targets: of(tensors.and_then(|tensors| tensors.get("targets"))),
        }
    }
}

fn profile_table(view: &View<'_>, profile: &Map<String, Value>) -> Markup {
    let own = &view.words.data;
    let named = |key: &str| match key {
        "num_rows" => own.rows.to_owned(),
        "num_elements" => own.elements.to_owned(),
        other => schema::cut(other),
    };
    let rest = profile.len().saturating_sub(VALUES_MAX);
    html! {
        table.kv.plain {
            caption.vh { (own.profile) }
            tbody {
                @for (key, value) in profile.iter().take(VALUES_MAX) {
                    tr {
                        th scope="row" { bdi { (named(key)) } }
                        td {
                            @match value.as_u64() {
                                Some(count) => span title=(count) { (number::count(count)) },
                                None => bdi { (schema::shown(value)) },
                            }
                        }
                    }
                }
            }
        }
        @if rest > 0 { p.mut.small { (fill(view.words.logged_models.more, &[&rest.to_string()])) } }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn schemas_are_read_as_mlflow_writes_them() {
        let table = Schema::parse(r#"{"mlflow_colspec":[{"type":"double","name":"a","required":true}]}"#);
        assert_eq!(table.columns.shown[0].name, "a");
        let tensors = Schema::parse(
            r#"{"mlflow_tensorspec":{"features":"[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"float64\",\"shape\":[-1,2]}}]","targets":null}}"#,
        );
        assert_eq!(tensors.features.shown[0].kind, "tensor float64 [-1, 2]");
        assert_eq!(tensors.targets, Columns::default());
        for other in ["", "[]", "{\"mlflow_colspec\":7}", "{\"mlflow_tensorspec\":[]}", "null"] {
            assert_eq!(Schema::parse(other), Schema::default(), "{other}");
        }
    }
}
