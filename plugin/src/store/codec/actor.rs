//! The stored form of authors, within the records of what they created.

use super::{Reader, Writer};
use crate::domain::actor::Actor;
use crate::error::Result;

impl Writer {
    /// Appends a user.
    pub(super) fn actor(self, actor: &Actor) -> Self {
        self.text(&actor.id)
            .text(&actor.login)
            .optional(actor.name.as_deref(), Writer::text)
    }

    /// Ends a record with its author, or with nothing.
    pub(super) fn last_actor(self, author: Option<&Actor>) -> Self {
        match author {
            None => self,
            Some(author) => self.actor(author),
        }
    }
}

impl Reader<'_> {
    /// Reads a user.
    pub(super) fn actor(&mut self) -> Result<Actor> {
        Ok(Actor {
            id: self.text()?,
            login: self.text()?,
            name: self.optional(Reader::text)?,
        })
    }

    /// Reads the author at the end of a record. `None`: the record ends here.
    pub(super) fn last_actor(&mut self) -> Result<Option<Actor>> {
        if self.is_at_end() {
            return Ok(None);
        }
        self.actor().map(Some)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any author, or none.
    pub(in crate::store::codec) fn an_author() -> impl Strategy<Value = Option<Actor>> {
        any::<Option<(String, String, Option<String>)>>()
            .prop_map(|author| author.map(|(id, login, name)| Actor { id, login, name }))
    }
}
