//! The registered models of MLflow's file store.

use std::path::Path;

use anyhow::Context as _;

use super::directory::{directories, pairs_below};
use super::meta::Meta;
use super::{Model, Page, Version};

/// The stage of a version that was deleted. Its directory stays.
const DELETED_STAGE: &str = "Deleted_Internal";

pub(super) fn model(directory: &Path) -> anyhow::Result<Model> {
    let meta = Meta::read(directory)?;
    let aliases = pairs_below(&directory.join("aliases"))?.into_iter();
    Ok(Model {
        name: meta.text("name").context("it has no name")?,
        description: meta.text_or_empty("description"),
        created_ms: meta.number("creation_timestamp").unwrap_or(0),
        updated_ms: meta.number("last_updated_timestamp").unwrap_or(0),
        tags: pairs_below(&directory.join("tags"))?,
        aliases: aliases
            .filter_map(|(alias, version)| Some((alias, version.trim().parse().ok()?)))
            .collect(),
    })
}

/// The versions of a model, by number. A model has few: they are one page.
pub(super) fn versions(directory: &Path) -> anyhow::Result<Page<Version>> {
    let mut page = Page::empty();
    for name in directories(directory)? {
        if !name.starts_with("version-") {
            continue;
        }
        let read = version(&directory.join(&name));
        if !read.as_ref().is_ok_and(|version| version.stage == DELETED_STAGE) {
            page.add(|| format!("{name} of {}", directory.display()), read);
        }
    }
    page.items.sort_by_key(|version: &Version| version.number);
    Ok(page)
}

fn version(directory: &Path) -> anyhow::Result<Version> {
    let meta = Meta::read(directory)?;
    let number = meta.number("version").and_then(|number| u64::try_from(number).ok());
    Ok(Version {
        number: number.context("it has no version")?,
        description: meta.text("description"),
        user: meta.text_or_empty("user_id"),
        stage: meta.text_or_empty("current_stage"),
        source: meta.text_or_empty("source"),
        location: meta.text_or_empty("storage_location"),
        run: meta.text_or_empty("run_id"),
        run_link: meta.text_or_empty("run_link"),
        created_ms: meta.number("creation_timestamp").unwrap_or(0),
        updated_ms: meta.number("last_updated_timestamp").unwrap_or(0),
        tags: pairs_below(&directory.join("tags"))?,
    })
}
