//! The pages for people, one function each. They read and change the project through `store`, as the endpoints in `api` do,
//! and write HTML.
//!
//! A page of which a query asks has its whole state in its address. A change is a form: it is posted with the reader's form
//! token, which `http` checks, and answered with the address of the page that shows it.

use maud::{Markup, html};
use mlforge_ui::assets::CONTENT_SECURITY_POLICY;
use mlforge_ui::frame::{Crumb, Frame, Tab, language_address};
use mlforge_ui::{Language, Words};

use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::response::{Answer, Contents};
use crate::request::site::Site;

pub mod assets;
pub mod audit;
pub mod columns;
pub mod compare;
pub mod csv;
pub mod curves;
pub mod error;
pub mod experiment;
pub mod experiment_charts;
pub mod experiments;
pub mod files;
pub mod forms;
pub mod logged_model;
pub mod logged_models;
pub mod look;
pub mod mistake;
pub mod model;
pub mod model_file;
pub mod models;
pub mod mount;
pub mod parts;
pub mod prompt;
pub mod registry;
pub mod run;
pub mod schema;
pub mod svg;
pub mod trace;
pub mod traces;
pub mod trash;
pub mod version;

const HTML: &str = "text/html; charset=utf-8";

/// The tab to which a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Experiments and runs.
    Experiments,
    /// Models and versions.
    Models,
    /// The trash.
    Trash,
    /// Prompts.
    Prompts,
    /// The audit log, which only maintainers and owners read.
    Audit,
    /// None of the tabs.
    None,
}

/// A page: its frame, and its texts.
pub struct Page<'a> {
    /// The texts in the reader's language.
    pub words: &'static Words,
    site: &'a Site,
    reader: &'a str,
    section: Section,
    is_manager: bool,
    title: String,
    steps: Vec<Crumb>,
    refresh_s: Option<u32>,
    follows_fragments: bool,
}

impl<'a> Page<'a> {
    /// A page of a section, for the reader who calls.
    pub fn new(call: &Call<'a>, section: Section, title: impl Into<String>) -> Self {
        Page {
            is_manager: call.is_manager,
            ..Self::of_site(call.site, &call.actor.login, section, title)
        }
    }

    fn of_site(site: &'a Site, reader: &'a str, section: Section, title: impl Into<String>) -> Self {
        Page {
            words: site.words(),
            site,
            reader,
            section,
            is_manager: false,
            title: parts::name(&title.into()),
            steps: Vec::new(),
            refresh_s: None,
            follows_fragments: false,
        }
    }

    /// Adds a step to the breadcrumb, after the project.
    #[must_use]
    pub fn step(mut self, text: impl Into<String>, address: impl Into<String>) -> Self {
        self.steps.push(Crumb {
            text: parts::name(&text.into()),
            address: Some(address.into()),
        });
        self
    }

    /// Has the page fetched again after some seconds, since it shows something that runs.
    #[must_use]
    pub fn refreshed(mut self, seconds: u32) -> Self {
        self.refresh_s = Some(seconds);
        self
    }

    /// Has a script follow the fragment of the address, as MLflow's clients print it.
    #[must_use]
    fn following_fragments(mut self) -> Self {
        self.follows_fragments = true;
        self
    }

    /// The answer with this main part.
    pub fn answer(&self, main: &Markup) -> Answer {
        self.answer_with(200, main)
    }

    /// The answer with this main part and another status, as for a form with a mistake.
    pub fn answer_with(&self, status: u16, main: &Markup) -> Answer {
        let body = self.frame().page(main);
        let headers = [
            ("content-security-policy", CONTENT_SECURITY_POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "private, no-cache"),
            ("vary", "accept-language, cookie, authorization"),
        ];
        Answer {
            status,
            kind: HTML,
            headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(),
            body: Contents::Whole(body),
        }
    }

    fn frame(&self) -> Frame<'_> {
        let site = self.site;
        let (common, page) = (&self.words.common, |path| site.page(path));
        let tab = |section, text, path| Tab {
            text,
            address: page(path),
            is_current: section == self.section,
        };
        let mut tabs = vec![
            tab(Section::Experiments, common.experiments, "experiments"),
            tab(Section::Models, common.models, "models"),
            tab(Section::Prompts, common.prompts, "prompts"),
            tab(Section::Trash, common.trash, "trash"),
        ];
        if self.is_manager {
            tabs.push(tab(Section::Audit, self.words.audit.title, "audit"));
        }
        let mut crumbs: Vec<Crumb> = Vec::new();
        for step in site.project.split('/') {
            crumbs.push(Crumb {
                text: step.to_owned(),
                address: None,
            });
        }
        if let Some(last) = crumbs.last_mut() {
            last.address = Some(page("experiments"));
        }
        crumbs.extend(self.steps.iter().cloned());
        let language = |language: Language| {
            let address = language_address(&site.root, language.tag(), &site.here);
            (language.name(), language.tag(), address)
        };
        Frame {
            words: self.words,
            assets: page("assets/"),
            title: format!("{} · {}", self.title, site.project),
            root: format!("{}/", site.root),
            crumbs,
            tabs,
            reader: Some(self.reader).filter(|reader| !reader.is_empty()),
            account: site.has_sign_in.then(|| format!("{}/-/account", site.root)),
            sign_in: site
                .has_sign_in
                .then(|| mlforge_ui::frame::sign_in_address(&site.root, &site.here)),
            languages: if site.has_sign_in {
                Language::ALL.map(language).to_vec()
            } else {
                Vec::new()
            },
            refresh_s: self.refresh_s,
            follows_fragments: self
                .follows_fragments
                .then(|| page("").trim_end_matches('/').to_owned()),
        }
    }
}

/// Leads to a page after a change, so that reloading it does not repeat the change.
pub fn see_other(address: impl Into<String>) -> Answer {
    Answer {
        status: 303,
        kind: HTML,
        headers: vec![("location", address.into())],
        body: Contents::Whole(Vec::new()),
    }
}

/// Refuses a page that asks before a change to readers who may not make it.
pub fn ensure_may_write(call: &Call<'_>) -> Result<()> {
    if call.may_write { Ok(()) } else { Err(Error::Denied) }
}

/// The hidden field with the reader's form token. Every form that changes something has it.
pub fn form_token(site: &Site) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(site.form_token); }
}

/// The name of the field of the form token.
pub const FORM_TOKEN: &str = "form_token";
