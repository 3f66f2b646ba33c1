//! The files of a run: one directory at a time, and a file with its preview.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::encoded_path;
use mlforge_ui::number;

use super::head::{RunTab, head};
use super::preview;
use super::view::{RunRead, View};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::error::{Error, Result};
use crate::host::blobs::{FileInfo, Item};
use crate::pages::model_file::MODEL_FILE;
use crate::pages::{parts, registry};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::artifacts::tree::DirectoryPage;
use crate::store::artifacts::{self, Found, tree};

/// Number of items of a directory on a page.
const PER_PAGE: usize = 200;
/// Number of bytes of these, and of an item without its path.
const ITEMS_BYTES_MAX: usize = 64_000;
const ITEM_BYTES: usize = 240;
/// Number of items on the overview, and of their bytes.
const ON_OVERVIEW: usize = 20;
const OVERVIEW_BYTES_MAX: usize = 12_000;

/// A directory and, if the address leads to one, a file in it.
struct Shown {
    /// The path of the directory below the run's files. Empty: all of them.
    directory: String,
    items: DirectoryPage,
    file: Option<Chosen>,
}

impl Shown {
    /// True if the directory is a model.
    fn is_model(&self) -> bool {
        self.items.items.iter().any(|item| item.name == MODEL_FILE)
    }
}

/// A file that is shown.
struct Chosen {
    path: String,
    info: FileInfo,
    preview: Markup,
}

/// Shows a directory, or a file beside its directory.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let read = RunRead::of(&call).await?;
    let full = read.run()?;
    let view = View::new(&call, &read, &full);
    let words = view.words;
    let page = view.page(words.runs.artifacts);
    let root = match view.root() {
        Ok(root) => root,
        Err(Error::Invalid(message)) => {
            return Ok(page.answer(&html! { (head(&view, RunTab::Artifacts)) p.note { bdi { (message) } } }));
        }
        Err(error) => return Err(error),
    };
    let path = call.params.text("path")?.unwrap_or_default().trim_matches('/');
    let after = call.params.text("after")?.filter(|after| !after.is_empty());
    let shown = find(&view, &root, path, after).await?;
    let list = view.address("/artifacts").with_filled("path", &shown.directory);
    let next = shown
        .items
        .next
        .as_ref()
        .map(|next| list.clone().with("after", next).to_string());
    let is_empty = shown.directory.is_empty() && shown.items.items.is_empty();
    Ok(page.answer(&html! {
        (head(&view, RunTab::Artifacts))
        @if is_empty {
            (nothing(&view))
        } @else {
            (bar(&view, &shown))
            div.files {
                nav.tree aria-label=(words.runs.artifacts) {
                    (tree_of(&view, &shown))
                    (parts::pager(words, after.map(|_| list.to_string()).as_deref(), next.as_deref()))
                }
                (content(&view, &shown))
            }
            (load_it(&view, &shown))
        }
    }))
}

async fn find(view: &View<'_>, root: &ArtifactPath, path: &str, after: Option<&str>) -> Result<Shown> {
    let place = root.below(path, Purpose::Read)?;
    let found = if path.is_empty() {
        Found::Directory
    } else {
        artifacts::look_up(&place).await?
    };
    let (directory, file) = match found {
        Found::Directory => (path.to_owned(), None),
        Found::Nothing => return Err(Error::NotFound(format!("The run has no file or directory '{path}'."))),
        Found::File(_, info) => {
            let preview = preview::of(view, path, &place, info).await?;
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let path = path.to_owned();
            (directory.to_owned(), Some(Chosen { path, info, preview }))
        }
    };
    let place = root.below(&directory, Purpose::Read)?;
    let items = tree::page(&place, after, PER_PAGE, fit(&directory, ITEMS_BYTES_MAX)).await?;
    Ok(Shown { directory, items, file })
}

/// Says of the items of a directory if they still fit on the page. Each has an address with its whole path.
fn fit(directory: &str, bytes_max: usize) -> impl FnMut(&str) -> bool {
    let each = ITEM_BYTES + encoded_path(directory).len();
    let mut bytes = 0;
    move |name| {
        bytes += each + encoded_path(name).len() + parts::html_bytes(name);
        bytes <= bytes_max
    }
}

fn nothing(view: &View<'_>) -> Markup {
    html! {
        p.mut { (view.words.runs.no_artifacts) }
        pre.code tabindex="0" { code.copy { "mlflow.log_artifact(\"model.pkl\")" } }
    }
}

/// The path of the directory, and what can be done with the whole of it.
fn bar(view: &View<'_>, shown: &Shown) -> Markup {
    let words = &view.words.runs;
    let directory = &shown.directory;
    let steps: Vec<&str> = directory.split('/').filter(|step| !step.is_empty()).collect();
    let path_of = |count: usize| steps.iter().take(count).copied().collect::<Vec<_>>().join("/");
    html! {
        div.bar {
            span {
                a href=(view.address("/artifacts")) { (words.all_files) }
                @for (index, step) in steps.iter().enumerate() {
                    " / "
                    a href=(directory_address(view, &path_of(index + 1))) { bdi { (step) } }
                }
            }
            @if shown.is_model() && view.may_change() {
                a.btn href=(view.address("/promote").with_filled("path", directory)) { (words.make_version) }
            }
            a.small.end href=(view.address("/archive").with_filled("path", directory)) { (words.download_all) }
        }
    }
}

/// The address of a directory, or of a file with its preview.
fn directory_address(view: &View<'_>, path: &str) -> String {
    view.address("/artifacts").with_filled("path", path).to_string()
}

/// The address of a file as it is.
pub fn raw_address(view: &View<'_>, path: &str) -> String {
    view.address(&format!("/raw/{}", encoded_path(path))).to_string()
}

fn below(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

fn tree_of(view: &View<'_>, shown: &Shown) -> Markup {
    let chosen = shown.file.as_ref().map(|file| file.path.as_str());
    list(view, &shown.directory, &shown.items.items, chosen)
}

fn list(view: &View<'_>, directory: &str, items: &[Item], chosen: Option<&str>) -> Markup {
    html! {
        ul {
            @for item in items {
                @let path = below(directory, &item.name);
                li {
                    a href=(directory_address(view, &path))
                        aria-current=[(chosen == Some(path.as_str())).then_some("true")] {
                        @match item.size {
                            Some(size) => {
                                (Icon::File.draw()) span { bdi { (item.name) } } span { (number::bytes(size)) }
                            },
                            None => { (Icon::Directory.draw()) span { bdi { (item.name) } } span {} },
                        }
                    }
                }
            }
        }
    }
}

fn content(view: &View<'_>, shown: &Shown) -> Markup {
    let words = &view.words.runs;
    html! {
        div {
            @match &shown.file {
                Some(file) => {
                    div.bar {
                        strong { bdi { (file.path) } }
                        span.mut.small { (number::bytes(file.info.size)) }
                        a.btn.end href=(raw_address(view, &file.path)) download { (words.download) }
                    }
                    (file.preview)
                },
                None => p.mut { (words.choose_file) },
            }
        }
    }
}

/// The lines that load what is shown: a directory as a model if it is one, and any file or directory as files.
fn load_it(view: &View<'_>, shown: &Shown) -> Markup {
    let words = &view.words.registry;
    let uri = |path: &str| registry::python_text(&format!("runs:/{}/{path}", view.id()));
    let path = shown.file.as_ref().map_or(&shown.directory, |file| &file.path);
    html! {
        section aria-labelledby="load" {
            div.bar { h2 #load { (words.load_it) } }
            pre.code tabindex="0" {
                code.copy {
                    bdi {
                        "import mlflow\n\n"
                        @if shown.is_model() {
                            "model = mlflow.pyfunc.load_model(\"" (uri(&shown.directory)) "\")\n"
                            "# " (words.files_alone) "\n"
                        }
                        "path = mlflow.artifacts.download_artifacts(\"" (uri(path)) "\")"
                    }
                }
            }
            (registry::lines_before(view.call.site))
        }
    }
}

/// The first files of a run, for its overview.
pub async fn summary(view: &View<'_>) -> Result<Markup> {
    let words = &view.words.runs;
    let items = match view.root() {
        Ok(root) => tree::page(&root, None, ON_OVERVIEW, fit("", OVERVIEW_BYTES_MAX)).await?,
        // They are kept elsewhere, and the overview shows where.
        Err(_) => return Ok(html! {}),
    };
    Ok(html! {
        section {
            div.bar {
                h2 { (words.artifacts) }
                @if !items.items.is_empty() {
                    a.small href=(view.address("/artifacts")) { (words.all_files) }
                    a.small.end href=(view.address("/archive")) { (words.download_all) }
                }
            }
            @if items.items.is_empty() {
                p.mut { (words.no_artifacts) }
            } @else {
                nav.tree aria-label=(words.artifacts) { (list(view, "", &items.items, None)) }
            }
        }
    })
}
