//! Actors: users as the forge knows them.

use super::limits::ACTOR_CHARS_MAX;
use super::name::cut;

/// The user for whom a request is made. Kept with an item, its author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The id on the forge. It stays when the login changes.
    pub id: String,
    /// The login, as it was at the time.
    pub login: String,
    /// The display name. `None`: the forge knows none.
    pub name: Option<String>,
}

impl Actor {
    /// The author of an item that the user creates, with texts that are cut to a limit. `None`: the host does not
    /// say who the user is.
    pub fn author(&self) -> Option<Actor> {
        let cut = |text: &str| cut(text.to_owned(), ACTOR_CHARS_MAX);
        let is_known = !self.id.is_empty() || !self.login.is_empty();
        is_known.then(|| Actor {
            id: cut(&self.id),
            login: cut(&self.login),
            name: self.name.as_deref().filter(|name| !name.is_empty()).map(cut),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_known_and_short() {
        assert_eq!(Actor::default().author(), None);
        let long = Actor {
            id: "7".to_owned(),
            login: "ü".repeat(ACTOR_CHARS_MAX + 1),
            name: Some(String::new()),
        };
        let author = long.author();
        assert_eq!(
            author,
            Some(Actor {
                id: "7".to_owned(),
                login: "ü".repeat(ACTOR_CHARS_MAX),
                name: None,
            })
        );
    }
}
