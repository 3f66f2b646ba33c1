//! The frame of every page: head, breadcrumb, tabs and foot.

use maud::{DOCTYPE, Markup, html};

use crate::assets::{FRAGMENT_SCRIPT, ICON, SCRIPT, STYLE};
use crate::icon::Icon;
use crate::link::Address;
use crate::words::Words;

/// Longest address in bytes to which the links of a page come back with its query.
const BACK_BYTES_MAX: usize = 4_000;

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The texts.
    pub words: &'static Words,
    /// The address of the assets. It ends with a slash.
    pub assets: String,
    /// The title of the browser's tab, from the page to the project.
    pub title: String,
    /// The address of the server's first page.
    pub root: String,
    /// The breadcrumb.
    pub crumbs: Vec<Crumb>,
    /// The tabs.
    pub tabs: Vec<Tab>,
    /// The name of the reader. `None`: nobody is signed in.
    pub reader: Option<&'a str>,
    /// The page of the reader's account. `None`: the host has none.
    pub account: Option<String>,
    /// The address at which a reader signs in. `None`: the host has none.
    pub sign_in: Option<String>,
    /// This page in each language: the name of the language, its tag, and the address. Empty: the host cannot switch.
    pub languages: Vec<(&'static str, &'static str, String)>,
    /// Seconds after which the page is fetched again. `None`: what it shows does not run.
    pub refresh_s: Option<u32>,
    /// The address of the pages, for the script that follows fragments. `None`: this is another page.
    pub follows_fragments: Option<String>,
}

/// A step of a breadcrumb.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// The text.
    pub text: String,
    /// The address. `None`: the step is no page.
    pub address: Option<String>,
}

/// A tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The text.
    pub text: &'static str,
    /// The address.
    pub address: String,
    /// True for the tab to which the page belongs.
    pub is_current: bool,
}

impl Frame<'_> {
    /// Writes the whole page around its main part.
    pub fn page(&self, main: &Markup) -> Vec<u8> {
        self.markup(main).into_string().into_bytes()
    }

    fn markup(&self, main: &Markup) -> Markup {
        let common = &self.words.common;
        html! {
            (DOCTYPE)
            html lang=(self.words.language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="stylesheet" href=(STYLE.address(&self.assets));
                    link rel="icon" type="image/svg+xml" href=(ICON.address(&self.assets));
                    @if self.follows_fragments.is_some() {
                        script src=(FRAGMENT_SCRIPT.address(&self.assets)) defer {}
                    }
                    script src=(SCRIPT.address(&self.assets)) defer {}
                }
                body data-copy=(common.copy) data-copied=(common.copied) data-refresh=[self.refresh_s]
                    data-pages=[self.follows_fragments.as_deref()] {
                    a.skip href="#main" { (common.skip) }
                    (self.header())
                    main #main { (main) }
                    (self.footer())
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let common = &self.words.common;
        html! {
            header.top {
                nav.crumbs aria-label=(common.breadcrumb) {
                    a.mark href=(self.root) { (Icon::Mark.draw()) "mlforge" }
                    @if !self.crumbs.is_empty() {
                        ol {
                            @for crumb in &self.crumbs {
                                li {
                                    @match &crumb.address {
                                        Some(address) => a href=(address) { bdi { (crumb.text) } },
                                        None => bdi { (crumb.text) },
                                    }
                                }
                            }
                        }
                    }
                }
                @if !self.tabs.is_empty() {
                    nav.tabs aria-label=(common.project_nav) {
                        @for tab in &self.tabs {
                            a href=(tab.address) aria-current=[tab.is_current.then_some("page")] { (tab.text) }
                        }
                    }
                }
                (self.reader())
            }
        }
    }

    fn reader(&self) -> Markup {
        html! {
            @match (self.reader, &self.account, &self.sign_in) {
                (Some(name), Some(account), _) => a.end.mut href=(account) { bdi { (name) } },
                (Some(name), None, _) => span.end.mut { bdi { (name) } },
                (None, _, Some(address)) => a.end href=(address) { (self.words.common.sign_in) },
                (None, _, None) => {},
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                "mlforge " (env!("CARGO_PKG_VERSION"))
                @for (name, tag, address) in &self.languages {
                    " · "
                    a href=(address) lang=(tag) hreflang=(tag) { (name) }
                }
            }
        }
    }
}

/// The address of a page in another language: the host remembers the choice and leads back.
pub fn language_address(root: &str, tag: &str, back: &str) -> String {
    let address = Address::new(format!("{root}/-/language"));
    address.with("to", tag).with("next", short(back)).to_string()
}

/// The address at which a reader signs in, after which the host leads back.
pub fn sign_in_address(root: &str, back: &str) -> String {
    Address::new(format!("{root}/-/sign-in"))
        .with("next", short(back))
        .to_string()
}

/// An address to come back to. A very long one loses its query, since several links of each page repeat it.
fn short(back: &str) -> &str {
    match back.split_once('?') {
        Some((path, _)) if back.len() > BACK_BYTES_MAX => path,
        _ => back,
    }
}
