//! The view of the list that the address asks for: a text, an order and a place in it.

use mlforge_ui::link::Address;

use crate::domain::model::FullModel;
use crate::domain::prompt::{PROMPT_TAG, hides};
use crate::error::{Error, Result};
use crate::request::params::Params;
use crate::request::site::Site;
use crate::search::prompts::Kind;

/// The column by which the list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    Name,
    Created,
    Updated,
}

impl Sort {
    pub(super) const ALL: [Sort; 3] = [Sort::Name, Sort::Created, Sort::Updated];

    pub(super) fn word(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::Created => "created",
            Sort::Updated => "updated",
        }
    }
}

/// The view of the list that the address asks for.
pub(super) struct Asked<'a> {
    pub(super) kind: Kind,
    /// The text that names contain, in either case.
    pub(super) text: &'a str,
    pub(super) sort: Sort,
    pub(super) token: &'a str,
}

impl<'a> Asked<'a> {
    pub(super) fn of(params: &Params<'a>, kind: Kind) -> Result<Self> {
        let text = |name| Ok::<_, Error>(params.text(name)?.unwrap_or_default());
        let sort = text("sort")?;
        Ok(Asked {
            kind,
            text: text("q")?.trim(),
            sort: Sort::ALL
                .into_iter()
                .find(|known| known.word() == sort)
                .unwrap_or(Sort::Name),
            token: text("page_token")?,
        })
    }

    pub(super) fn path(&self) -> &'static str {
        match self.kind {
            Kind::Models => "models",
            Kind::Prompts => "prompts",
        }
    }

    /// The address of the first page of the list in some order.
    pub(super) fn address(&self, site: &Site, sort: Sort) -> Address {
        let address = Address::new(site.page(self.path())).with_filled("q", self.text);
        match sort {
            Sort::Name => address,
            sort => address.with("sort", sort.word()),
        }
    }

    /// True if the list shows the model.
    pub(super) fn takes(&self, full: &FullModel) -> bool {
        let is_prompt = full.tags.iter().any(|(key, value)| hides(key, value));
        is_prompt == (self.kind == Kind::Prompts) && full.model.name.to_lowercase().contains(&self.text.to_lowercase())
    }

    /// The condition in the language of searches. A quote in the text would end it, so any character stands for it.
    pub(super) fn filter(&self) -> String {
        let prompts = match self.kind {
            Kind::Models => String::new(),
            Kind::Prompts => format!("tags.`{PROMPT_TAG}` = 'true'"),
        };
        let name = match self.text {
            "" => String::new(),
            text => format!("name ILIKE '%{}%'", text.replace('\'', "_")),
        };
        let clauses: Vec<String> = [prompts, name]
            .into_iter()
            .filter(|clause| !clause.is_empty())
            .collect();
        clauses.join(" AND ")
    }
}
