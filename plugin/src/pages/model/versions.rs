//! The list of a model's versions: found by the beginning of their semantic version, in three orders, in pages.

use std::collections::BTreeMap;

use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::words::fill;
use mlforge_ui::{number, time};

use super::super::{parts, registry};
use crate::domain::limits::SEMVER_CHARS_MAX;
use crate::domain::model::FullModel;
use crate::domain::version::Version;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::site::Site;
use crate::store::registry::version_list::{self, Direction, SORTED_MAX};

/// Number of versions on a page.
const PER_PAGE: usize = 30;
/// Number of aliases that a row shows.
const ALIASES_MAX: usize = 3;
/// Number of digits of a run's id that a row shows.
const RUN_DIGITS: usize = 8;

/// The order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Newest,
    Oldest,
    SemVer,
}

impl Sort {
    const ALL: [Sort; 3] = [Sort::Newest, Sort::Oldest, Sort::SemVer];

    fn word(self) -> &'static str {
        match self {
            Sort::Newest => "newest",
            Sort::Oldest => "oldest",
            Sort::SemVer => "semver",
        }
    }
}

/// A page of the list.
pub(super) struct Listed<'a> {
    /// The text with which semantic versions begin.
    text: &'a str,
    sort: Sort,
    /// The place at which the page begins. `None`: it is the first page.
    after: Option<u64>,
    versions: Vec<Version>,
    next: Option<u64>,
    /// True if there were more semantic versions than are sorted.
    is_cut: bool,
}

impl<'a> Listed<'a> {
    /// Reads the page for which the address asks.
    pub(super) async fn read(call: &Call<'a>, full: &FullModel) -> Result<Self> {
        let text = |name| Ok::<_, Error>(call.params.text(name)?.unwrap_or_default());
        let (beginning, sort, token) = (text("q")?.trim(), text("sort")?, text("page_token")?);
        let after = match token {
            "" => None,
            token => Some(token.parse().map_err(|_| no_page(token))?),
        };
        let mut listed = Listed {
            text: beginning.trim_start_matches('v'),
            sort: Sort::ALL
                .into_iter()
                .find(|known| known.word() == sort)
                .unwrap_or(Sort::Newest),
            after,
            versions: Vec::new(),
            next: None,
            is_cut: false,
        };
        match (listed.sort, listed.text) {
            (Sort::Newest, "") => listed.fill_by_number(full, Direction::Newest).await?,
            (Sort::Oldest, "") => listed.fill_by_number(full, Direction::Oldest).await?,
            _ => listed.fill_by_semver(full).await?,
        }
        Ok(listed)
    }

    async fn fill_by_number(&mut self, full: &FullModel, direction: Direction) -> Result<()> {
        let model = &full.model;
        let page = version_list::by_number(model.id, model.last_version, direction, self.after, PER_PAGE).await?;
        (self.versions, self.next) = (page.versions, page.next);
        Ok(())
    }

    /// Sorts the versions that match by their names, and reads those of this page. The place is a position.
    async fn fill_by_semver(&mut self, full: &FullModel) -> Result<()> {
        if self.text.len() > SEMVER_CHARS_MAX {
            return Ok(());
        }
        let (mut found, is_cut) = version_list::by_semver(full.model.id, self.text).await?;
        match self.sort {
            Sort::Newest => found.sort_by_key(|(_, number)| std::cmp::Reverse(*number)),
            Sort::Oldest => found.sort_by_key(|(_, number)| *number),
            Sort::SemVer => {}
        }
        let begin = usize::try_from(self.after.unwrap_or(0)).unwrap_or(usize::MAX);
        let numbers: Vec<u64> = found
            .iter()
            .skip(begin)
            .take(PER_PAGE)
            .map(|(_, number)| *number)
            .collect();
        let end = begin.saturating_add(numbers.len());
        self.next = (end < found.len()).then(|| u64::try_from(end).unwrap_or(u64::MAX));
        self.versions = version_list::read(full.model.id, &numbers)
            .await?
            .into_iter()
            .flatten()
            .collect();
        self.is_cut = is_cut;
        Ok(())
    }

    /// The address of the first page in some order.
    fn address(&self, site: &Site, full: &FullModel, sort: Sort) -> Address {
        let address = Address::new(registry::model_page(site, full.model.id, "")).with_filled("q", self.text);
        match sort {
            Sort::Newest => address,
            sort => address.with("sort", sort.word()),
        }
    }

    /// Draws the section.
    pub(super) fn draw(&self, call: &Call<'_>, full: &FullModel) -> Markup {
        let (site, words) = (call.site, call.site.words());
        let here = self.address(site, full, self.sort);
        let page = |address: Address| format!("{address}#versions");
        let next = self
            .next
            .map(|next| page(here.clone().with("page_token", next.to_string())));
        let first = self.after.map(|_| page(here.clone()));
        html! {
            section aria-labelledby="versions" {
                div.bar { h2 #versions { (words.registry.versions) } }
                @if full.model.last_version > 0 { (self.bar(site, full)) }
                @if self.versions.is_empty() {
                    p.mut {
                        @if self.text.is_empty() { (words.registry.no_version) } @else { (words.registry.no_version_matches) }
                    }
                } @else {
                    (self.table(site, full))
                }
                @if self.is_cut {
                    p.mut { (fill(words.registry.too_many_versions, &[&number::count(SORTED_MAX as u64)])) }
                }
                (parts::pager(words, first.as_deref(), next.as_deref()))
            }
        }
    }

    fn bar(&self, site: &Site, full: &FullModel) -> Markup {
        let words = &site.words().registry;
        let order = |sort: Sort, text: &str| {
            let address = format!("{}#versions", self.address(site, full, sort));
            html! { a href=(address) aria-current=[(self.sort == sort).then_some("true")] { (text) } }
        };
        html! {
            div.bar {
                form.find.short role="search" action=(registry::model_page(site, full.model.id, "#versions")) {
                    label.vh for="q" { (words.search_versions) }
                    input #q name="q" value=(self.text) placeholder=(words.version_hint);
                    @if self.sort != Sort::Newest { input type="hidden" name="sort" value=(self.sort.word()); }
                    button.btn { (site.words().common.search) }
                }
                nav.seg.end aria-label=(words.sort) {
                    (order(Sort::Newest, words.sort_newest))
                    (order(Sort::Oldest, words.sort_oldest))
                    (order(Sort::SemVer, words.sort_semver))
                }
            }
        }
    }

    fn table(&self, site: &Site, full: &FullModel) -> Markup {
        let (words, now_ms) = (site.words(), now_ms());
        let mut aliases: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for (alias, number) in &full.aliases {
            aliases.entry(*number).or_default().push(alias);
        }
        html! {
            div.scroll tabindex="0" role="region" aria-label=(words.registry.versions_table) {
                table.idx {
                    caption.vh { (words.registry.versions) }
                    thead {
                        tr {
                            th scope="col" { (words.registry.version) }
                            th.num scope="col" { (words.registry.number) }
                            th.opt scope="col" { (words.registry.stage) }
                            th.opt scope="col" { (words.registry.run) }
                            th scope="col" { (words.common.created) }
                            th.opt scope="col" { (words.common.by) }
                        }
                    }
                    tbody {
                        @for version in &self.versions {
                            (row(site, version, aliases.get(&version.number).map_or(&[], Vec::as_slice), now_ms))
                        }
                    }
                }
            }
        }
    }
}

fn row(site: &Site, version: &Version, aliases: &[&str], now_ms: i64) -> Markup {
    let words = site.words();
    let address = registry::version_page(site, version.model, version.number, "");
    let aliases: Vec<(&str, String)> = aliases.iter().map(|alias| (*alias, address.clone())).collect();
    let run = version.run.to_string();
    html! {
        tr {
            th scope="row" {
                a href=(address) { (version.semver) } " "
                (registry::alias_marks(site, &aliases, ALIASES_MAX))
                @if let Some(line) = version.description.as_deref().and_then(registry::first_line) {
                    bdi.mut.small { (line) }
                }
            }
            td.num.mut { (version.number) }
            td.opt { (version.stage.name()) }
            td.opt {
                a.mono href=(site.page(&format!("candidates/{run}"))) { (run.get(..RUN_DIGITS).unwrap_or(&run)) }
            }
            td { (time::ago(words, version.creation_time_ms, now_ms)) }
            td.mut.opt { bdi { (registry::author(version.author.as_ref()).unwrap_or("–")) } }
        }
    }
}

fn no_page(token: &str) -> Error {
    Error::Invalid(format!("The list of versions has no page '{token}'."))
}
