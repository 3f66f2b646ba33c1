//! The files of a version or a logged model: a directory at a time.

use maud::{Markup, html};
use mlforge_ui::icon::Icon;
use mlforge_ui::link::Address;
use mlforge_ui::{number, words};

use super::parts::{self, html_bytes};
use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::error::{Error, Result};
use crate::host::blobs::Item;
use crate::request::call::Call;
use crate::request::site::Site;
use crate::store::artifacts::tree;

/// Number of files on a page.
const PER_PAGE: usize = 100;
/// Number of bytes of these, and of one without the addresses that name it.
const ITEMS_BYTES_MAX: usize = 30_000;
const ITEM_BYTES: usize = 160;

/// The place of files, and the addresses by which a page shows them.
pub struct Files<'a> {
    /// The directory of all files. Its error says why there is none.
    pub root: Result<ArtifactPath>,
    /// The URI of the directory.
    pub location: &'a str,
    /// The address of the page.
    pub page: String,
    /// The address from which a file is downloaded, given its path below the root.
    pub download: &'a dyn Fn(&str) -> String,
}

/// Shows the directory that the parameter `path` names, after the name in `after`.
pub async fn section(call: &Call<'_>, files: &Files<'_>) -> Result<Markup> {
    let words = &call.site.words().registry;
    let listed = match &files.root {
        Ok(root) => listed(call, files, root).await?,
        Err(Error::Invalid(_)) => html! {
            p.mut { (words::filled(words.files_elsewhere, &[html! { bdi { code.copy { (files.location) } } }])) }
        },
        Err(error) => return Err(error.clone()),
    };
    Ok(html! {
        section aria-labelledby="files" {
            div.bar { h2 #files { (words.files) } }
            (listed)
        }
    })
}

async fn listed(call: &Call<'_>, files: &Files<'_>, root: &ArtifactPath) -> Result<Markup> {
    let text = |name| call.params.text(name).map(Option::unwrap_or_default);
    let (path, after) = (text("path")?.trim_matches('/'), text("after")?);
    let directory = root.below(path, Purpose::Read)?;
    let (each, mut bytes) = (files.page.len() + ITEM_BYTES, 0);
    let fits = |name: &str| {
        bytes += each + (files.download)(&below(path, name)).len() + html_bytes(name);
        bytes <= ITEMS_BYTES_MAX
    };
    let part = tree::page(
        &directory,
        Some(after).filter(|after| !after.is_empty()),
        PER_PAGE,
        fits,
    )
    .await?;
    let here = |path: &str| Address::new(files.page.clone()).with_filled("path", path);
    let next = part
        .next
        .as_deref()
        .map(|next| format!("{}#files", here(path).with("after", next)));
    let first = (!after.is_empty()).then(|| format!("{}#files", here(path)));
    Ok(html! {
        @if !path.is_empty() {
            p.row {
                a.btn href=(format!("{}#files", here(parent(path)))) { (call.site.words().registry.parent_directory) }
                bdi.mono { (path) }
            }
        }
        @if part.items.is_empty() {
            p.mut { (call.site.words().registry.no_files) }
        } @else {
            (table(call.site, files, path, &part.items))
        }
        (parts::pager(call.site.words(), first.as_deref(), next.as_deref()))
    })
}

/// The directory in which a path lies. Empty: the root.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    }
}

fn table(site: &Site, files: &Files<'_>, path: &str, items: &[Item]) -> Markup {
    let words = &site.words().registry;
    let directory = |name: &str| {
        let address = Address::new(files.page.clone()).with("path", below(path, name));
        format!("{address}#files")
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.files_table) {
            table {
                caption.vh { (words.files) }
                thead { tr { th scope="col" { (site.words().common.name) } th.num scope="col" { (words.size) } } }
                tbody {
                    @for item in items {
                        tr {
                            th scope="row" {
                                @match item.size {
                                    None => a.row href=(directory(&item.name)) { (Icon::Directory.draw()) bdi { (item.name) } },
                                    Some(_) => a.row href=((files.download)(&below(path, &item.name))) {
                                        (Icon::File.draw()) bdi { (item.name) }
                                    },
                                }
                            }
                            td.num {
                                @match item.size {
                                    None => span.mut { (words.directory) },
                                    Some(size) => span title=(size) { (number::bytes(size)) },
                                }
                            }
                        }
                    }
                }
            }
        }
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
