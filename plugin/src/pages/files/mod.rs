//! The files of a run, a version or a logged model: one directory at a time, and a file with its preview.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::{Address, encoded_path};
use mlforge_ui::words::filled;
use mlforge_ui::{Words, number};

use super::model_file::MODEL_FILE;
use super::{parts, registry};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::error::{Error, Result};
use crate::host::blobs::{FileInfo, Item};
use crate::request::params::Params;
use crate::request::site::Site;
use crate::store::artifacts::tree::DirectoryPage;
use crate::store::artifacts::{self, Found, tree};

mod preview;
pub mod send;
mod table_text;

/// Number of items of a directory on a page.
const PER_PAGE: usize = 200;
/// Number of bytes of these, and of an item without its addresses.
const ITEMS_BYTES_MAX: usize = 64_000;
const ITEM_BYTES: usize = 240;
/// Number of items on the page of their owner, and of their bytes.
const IN_SUMMARY: usize = 20;
const SUMMARY_BYTES_MAX: usize = 12_000;

/// The files of one owner, and the addresses of their pages.
pub struct Files<'a> {
    /// The place of the project's pages.
    pub site: &'a Site,
    /// The directory of all files.
    pub root: ArtifactPath,
    /// The address of the owner's page. Those of its files are below it.
    pub owner: String,
    /// The URI of the directory, as clients load it.
    pub uri: String,
    /// True if a URI may name a part of the directory, too.
    pub has_uris_below: bool,
    /// The page that makes a version of a directory. `None`: there is none, or the reader may not.
    pub promote: Option<Address>,
}

impl Files<'_> {
    fn words(&self) -> &'static Words {
        self.site.words()
    }

    /// The address of a directory, or of a file with its preview.
    fn page(&self, path: &str) -> Address {
        Address::new(format!("{}/artifacts", self.owner)).with_filled("path", path)
    }

    /// The address of a file as it is.
    fn raw(&self, path: &str) -> Address {
        Address::new(format!("{}/raw/{}", self.owner, encoded_path(path)))
    }

    /// The address of a directory as an archive.
    fn archive(&self, path: &str) -> Address {
        Address::new(format!("{}/archive", self.owner)).with_filled("path", path)
    }

    /// The URI of a file or directory, within quotes of Python.
    fn python_uri(&self, path: &str) -> String {
        registry::python_text(&match path {
            path if path.is_empty() || !self.has_uris_below => self.uri.clone(),
            path => format!("{}/{path}", self.uri.trim_end_matches('/')),
        })
    }

    /// Says of the items of a directory if they still fit on the page. Each has an address with its whole path.
    fn fit(&self, directory: &str, bytes_max: usize) -> impl FnMut(&str) -> bool + use<> {
        let each = ITEM_BYTES + self.owner.len() + encoded_path(directory).len();
        let mut bytes = 0;
        move |name| {
            bytes += each + encoded_path(name).len() + parts::html_bytes(name);
            bytes <= bytes_max
        }
    }
}

/// A directory and, if the address leads to one, a file in it.
struct Shown {
    /// The path of the directory below the root. Empty: all files.
    directory: String,
    /// The stored name after which the page of the directory begins. Empty: it is the first.
    after: String,
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

/// The directory or file that the parameter `path` names, a directory after the name in `after`. `None`: there are no files.
pub async fn browser(files: &Files<'_>, params: &Params<'_>) -> Result<Option<Markup>> {
    let shown = find(files, params).await?;
    if shown.directory.is_empty() && shown.items.items.is_empty() {
        return Ok(None);
    }
    let words = files.words();
    let list = files.page(&shown.directory);
    let next = shown.items.next.as_ref();
    let next = next.map(|next| list.clone().with("after", next).to_string());
    let first = (!shown.after.is_empty()).then(|| list.to_string());
    let chosen = shown.file.as_ref().map(|file| file.path.as_str());
    Ok(Some(html! {
        (bar(files, &shown))
        div.files {
            nav.tree aria-label=(words.runs.artifacts) {
                (items(files, &shown.directory, &shown.items.items, chosen))
                (parts::pager(words, first.as_deref(), next.as_deref()))
            }
            (content(files, &shown))
        }
        (load_it(files, &shown))
    }))
}

async fn find(files: &Files<'_>, params: &Params<'_>) -> Result<Shown> {
    let text = |name| params.text(name).map(Option::unwrap_or_default);
    let (path, after) = (text("path")?.trim_matches('/'), text("after")?);
    let place = files.root.below(path, Purpose::Read)?;
    let found = if path.is_empty() {
        Found::Directory
    } else {
        artifacts::look_up(&place).await?
    };
    let (directory, file) = match found {
        Found::Directory => (path, None),
        Found::Nothing => return Err(Error::NotFound(format!("There is no file or directory '{path}'."))),
        Found::File(_, info) => {
            let preview = preview::of(files, path, &place, info).await?;
            let chosen = Chosen {
                path: path.to_owned(),
                info,
                preview,
            };
            (parent(path), Some(chosen))
        }
    };
    let place = files.root.below(directory, Purpose::Read)?;
    let name = Some(after).filter(|after| !after.is_empty());
    let items = tree::page(&place, name, PER_PAGE, files.fit(directory, ITEMS_BYTES_MAX)).await?;
    Ok(Shown {
        directory: directory.to_owned(),
        after: after.to_owned(),
        items,
        file,
    })
}

/// The directory in which a path lies. Empty: the root.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn below(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

/// The path of the directory, and what can be done with the whole of it.
fn bar(files: &Files<'_>, shown: &Shown) -> Markup {
    let words = &files.words().runs;
    let directory = &shown.directory;
    let steps: Vec<&str> = directory.split('/').filter(|step| !step.is_empty()).collect();
    let path_of = |count: usize| steps.iter().take(count).copied().collect::<Vec<_>>().join("/");
    html! {
        div.bar {
            span {
                a href=(files.page("")) { (words.all_files) }
                @for (index, step) in steps.iter().enumerate() {
                    " / "
                    a href=(files.page(&path_of(index + 1))) { bdi { (step) } }
                }
            }
            @if let Some(promote) = files.promote.as_ref().filter(|_| shown.is_model()) {
                a.btn href=(promote.clone().with_filled("path", directory)) { (words.make_version) }
            }
            a.small.end href=(files.archive(directory)) { (words.download_all) }
        }
    }
}

fn items(files: &Files<'_>, directory: &str, items: &[Item], chosen: Option<&str>) -> Markup {
    html! {
        ul {
            @for item in items {
                @let path = below(directory, &item.name);
                li {
                    a href=(files.page(&path)) aria-current=[(chosen == Some(path.as_str())).then_some("true")] {
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

fn content(files: &Files<'_>, shown: &Shown) -> Markup {
    let words = &files.words().runs;
    html! {
        div {
            @match &shown.file {
                Some(file) => {
                    div.bar {
                        strong { bdi { (file.path) } }
                        span.mut.small { (number::bytes(file.info.size)) }
                        a.btn.end href=(files.raw(&file.path)) download { (words.download) }
                    }
                    (file.preview)
                },
                None => p.mut { (words.choose_file) },
            }
        }
    }
}

/// The lines that load what is shown: a directory as a model if it is one, and any file or directory as files.
fn load_it(files: &Files<'_>, shown: &Shown) -> Markup {
    let words = &files.words().registry;
    let path = shown.file.as_ref().map_or(&shown.directory, |file| &file.path);
    let is_model = shown.is_model() && (files.has_uris_below || shown.directory.is_empty());
    html! {
        section aria-labelledby="load" {
            div.bar { h2 #load { (words.load_it) } }
            pre.code tabindex="0" {
                code.copy {
                    bdi {
                        "import mlflow\n\n"
                        @if is_model {
                            "model = mlflow.pyfunc.load_model(\"" (files.python_uri(&shown.directory)) "\")\n"
                            "# " (words.files_alone) "\n"
                        }
                        "path = mlflow.artifacts.download_artifacts(\"" (files.python_uri(path)) "\")"
                    }
                }
            }
            (registry::lines_before(files.site))
        }
    }
}

/// The section about the files on the page of their owner, with the first of them.
pub async fn summary(files: &Files<'_>) -> Result<Markup> {
    let words = files.words();
    let found = tree::page(&files.root, None, IN_SUMMARY, files.fit("", SUMMARY_BYTES_MAX)).await?;
    let is_empty = found.items.is_empty();
    Ok(html! {
        section aria-labelledby="files" {
            div.bar {
                h2 #files { (words.runs.artifacts) }
                @if !is_empty {
                    a.small href=(files.page("")) { (words.runs.all_files) }
                    a.small.end href=(files.archive("")) { (words.runs.download_all) }
                }
            }
            @if is_empty {
                p.mut { (words.registry.no_files) }
            } @else {
                nav.tree aria-label=(words.runs.artifacts) { (items(files, "", &found.items, None)) }
            }
        }
    })
}

/// The section of files that are kept elsewhere: their location.
pub async fn summary_or_place(site: &Site, files: Result<Files<'_>>, location: &str) -> Result<Markup> {
    let words = site.words();
    match files {
        Ok(files) => summary(&files).await,
        Err(Error::Invalid(_)) => Ok(html! {
            section aria-labelledby="files" {
                div.bar { h2 #files { (words.runs.artifacts) } }
                p.mut { (filled(words.registry.files_elsewhere, &[html! { bdi { code.copy { (location) } } }])) }
            }
        }),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lies_in_its_parent() {
        assert_eq!((parent("a/b/c"), parent("a"), parent("")), ("a/b", "", ""));
    }
}
