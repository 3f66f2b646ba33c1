//! The file `MLmodel`, with which MLflow's client describes a saved model: its flavors, its signature, and what it needs.

mod yaml;

use maud::{Markup, html};
use mlforge_ui::{Words, number};

use super::schema::{self, Columns};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::error::{Error, Result};
use crate::store::artifacts;

/// The name of the file.
pub const MODEL_FILE: &str = "MLmodel";
/// The name of the file with the packages that a model needs.
const REQUIREMENTS_FILE: &str = "requirements.txt";
/// Number of bytes of the file that are read. Larger ones hold an example of the input.
const MODEL_BYTES_MAX: u64 = 256 << 10;
/// Number of bytes of the list of packages that are read.
const REQUIREMENTS_BYTES_MAX: u64 = 16 << 10;
/// Number of packages that are shown.
const PACKAGES_MAX: usize = 40;
/// Number of flavors that are shown.
const FLAVORS_MAX: usize = 6;
/// Number of settings of a flavor that are shown.
const SETTINGS_MAX: usize = 8;

/// A way in which a model can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flavor {
    name: String,
    /// Its settings, such as the module that loads it.
    settings: Vec<(String, String)>,
}

/// The contents of the file, as far as pages show them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFile {
    flavors: Vec<Flavor>,
    inputs: Columns,
    outputs: Columns,
    params: Columns,
    /// The version of MLflow that wrote it. Empty: the file does not say.
    mlflow_version: String,
    /// The size of the model. Empty: the file does not say.
    bytes: String,
}

impl ModelFile {
    /// Reads the file. It may be any text, of which nothing is found then.
    pub fn parse(text: &str) -> Self {
        let mut file = ModelFile::default();
        for entry in yaml::read(text) {
            let path: Vec<&str> = entry.path.iter().map(String::as_str).collect();
            match path.as_slice() {
                ["flavors", name] if file.flavors.len() < FLAVORS_MAX => file.flavors.push(Flavor {
                    name: (*name).to_owned(),
                    settings: Vec::new(),
                }),
                ["flavors", name, setting] => file.set(name, setting, entry.value),
                ["signature", "inputs"] => file.inputs = Columns::parse(&entry.value),
                ["signature", "outputs"] => file.outputs = Columns::parse(&entry.value),
                ["signature", "params"] => file.params = Columns::parse(&entry.value),
                ["mlflow_version"] => file.mlflow_version = entry.value,
                ["model_size_bytes"] => file.bytes = entry.value,
                _ => {}
            }
        }
        file
    }

    fn set(&mut self, flavor: &str, setting: &str, value: String) {
        let flavor = self.flavors.last_mut().filter(|last| last.name == flavor);
        if let Some(flavor) = flavor
            && flavor.settings.len() < SETTINGS_MAX
            && !matches!(value.as_str(), "" | "null" | "{}" | "[]")
        {
            flavor.settings.push((setting.to_owned(), value));
        }
    }
}

/// The facts that a directory has about the model in it.
pub struct Described {
    file: ModelFile,
    /// The packages that the model needs, one a line. `None`: no file lists them.
    requirements: Option<String>,
}

impl Described {
    /// Reads the description of the model in a directory. `None`: no model is there. Costs the look-up and the reading of two
    /// small files.
    pub async fn read(directory: &ArtifactPath) -> Result<Option<Self>> {
        let Some(text) = text_of(directory, MODEL_FILE, MODEL_BYTES_MAX).await? else {
            return Ok(None);
        };
        Ok(Some(Described {
            file: ModelFile::parse(&text),
            requirements: text_of(directory, REQUIREMENTS_FILE, REQUIREMENTS_BYTES_MAX).await?,
        }))
    }

    /// The section about the model.
    pub fn section(&self, words: &Words) -> Markup {
        section(words, &self.file, self.requirements.as_deref())
    }
}

/// The beginning of a text. `None`: there is no such file, or it is no text.
async fn text_of(directory: &ArtifactPath, name: &str, bytes_max: u64) -> Result<Option<String>> {
    let place = directory.below(name, Purpose::Read)?;
    match artifacts::start_of(&place, bytes_max).await {
        Ok((_, bytes)) => Ok(String::from_utf8(bytes).ok()),
        // A directory may have the name, too.
        Err(Error::NotFound(_) | Error::Invalid(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The section about a model. Nothing if the file tells nothing.
pub fn section(words: &Words, file: &ModelFile, requirements: Option<&str>) -> Markup {
    let own = &words.data;
    let groups = [
        (own.inputs, &file.inputs),
        (own.outputs, &file.outputs),
        (own.params, &file.params),
    ];
    if *file == ModelFile::default() {
        return html! {};
    }
    html! {
        section aria-labelledby="saved-model" {
            div.bar {
                h2 #saved-model { (own.saved_model) }
                p.meta {
                    @if !file.mlflow_version.is_empty() { span { "MLflow " bdi { (schema::cut(&file.mlflow_version)) } } }
                    @if let Ok(bytes) = file.bytes.parse() { span { (number::bytes(bytes)) } }
                }
            }
            (flavors(words, &file.flavors))
            (schema::table(words, own.signature, &groups))
            @if let Some(requirements) = requirements { (packages(words, requirements)) }
        }
    }
}

fn flavors(words: &Words, flavors: &[Flavor]) -> Markup {
    html! {
        @if !flavors.is_empty() {
            table.kv.plain {
                caption.vh { (words.data.flavors) }
                thead.vh { tr { th scope="col" { (words.data.flavor) } th scope="col" { (words.data.settings) } } }
                tbody {
                    @for flavor in flavors {
                        tr {
                            th scope="row" { bdi { (schema::cut(&flavor.name)) } }
                            td {
                                @for (setting, value) in &flavor.settings {
                                    div { span.mut { bdi { (schema::cut(setting)) } ": " } bdi { (schema::cut(value)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn packages(words: &Words, requirements: &str) -> Markup {
    let lines = requirements.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let shown: Vec<String> = lines.by_ref().take(PACKAGES_MAX).map(schema::cut).collect();
    let rest = lines.count();
    html! {
        @if !shown.is_empty() {
            details {
                summary { (words.data.requirements) " " span.n { (shown.len() + rest) } }
                pre.code tabindex="0" { code.copy { bdi { (shown.join("\n")) @if rest > 0 { "\n…" } } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn flavors_signature_and_versions_are_found() {
        let file = ModelFile::parse(
            "flavors:\n  python_function:\n    env:\n      conda: c.yaml\n    loader_module: mlflow.sklearn\n  sklearn:\n    \
             code: null\n    sklearn_version: 1.6.1\nmlflow_version: 2.22.5\nmodel_size_bytes: 540\nsignature:\n  inputs: \
             '[{\"type\": \"double\", \"name\": \"width\"}]'\n  outputs: null\n",
        );
        let names: Vec<&str> = file.flavors.iter().map(|flavor| flavor.name.as_str()).collect();
        assert_eq!(names, ["python_function", "sklearn"]);
        assert_eq!(
            file.flavors[0].settings,
            [("loader_module".to_owned(), "mlflow.sklearn".to_owned())]
        );
        assert_eq!(file.flavors[1].settings.len(), 1);
        assert_eq!(file.inputs.shown[0].name, "width");
        assert_eq!(file.outputs, Columns::default());
        assert_eq!((file.mlflow_version.as_str(), file.bytes.as_str()), ("2.22.5", "540"));
    }

    #[test]
    fn a_file_that_tells_nothing_has_no_section() {
        for text in ["", "x", "flavors:\n", "- a\n- b", "{\"flavors\": {}}"] {
            let shown = section(
                Words::of(mlforge_ui::Language::English),
                &ModelFile::parse(text),
                Some("numpy"),
            );
            assert_eq!(shown.into_string(), "", "{text}");
        }
    }
}
