//! The secret of a request.

use std::fmt;

/// The secret of a request, and how it was sent. It is never logged and never reaches the component.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// `Authorization: Bearer …`, or `token …` as Gitea writes it.
    Bearer(String),
    /// GitLab's header `PRIVATE-TOKEN`.
    PrivateToken(String),
    /// GitLab's header `JOB-TOKEN`.
    JobToken(String),
    /// `Authorization: Basic …`, decoded. Clients with one field leave the password empty.
    Basic {
        /// The user name.
        user: String,
        /// The password, which may be a token.
        password: String,
    },
    /// The cookie of a browser's session on the forge.
    Cookie(String),
    /// None at all. The host asks [`Forge::public_project`](super::Forge::public_project) instead of the forge's decision.
    Anonymous,
}

impl Credential {
    /// The token: for `Basic` the password, or the user name if there is no password. `None`: a cookie, or nothing.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Bearer(token) | Self::PrivateToken(token) | Self::JobToken(token) => Some(token),
            Self::Basic { user, password } if password.is_empty() => Some(user),
            Self::Basic { password, .. } => Some(password),
            Self::Cookie(_) | Self::Anonymous => None,
        }
    }

    /// True if browsers add such a credential by themselves to requests of any page. They do so with passwords
    /// and cookies, but not with tokens in headers of their own.
    pub fn is_ambient(&self) -> bool {
        matches!(self, Self::Basic { .. } | Self::Cookie(_))
    }

    /// One text for each credential, for sealing and hashing.
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::Bearer(token) => format!("b{token}"),
            Self::PrivateToken(token) => format!("p{token}"),
            Self::JobToken(token) => format!("j{token}"),
            Self::Basic { user, password } => format!("u{user}:{password}"),
            Self::Cookie(value) => format!("c{value}"),
            Self::Anonymous => "a".to_owned(),
        }
    }

    /// The credential of such a text. `None`: it is none.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let (kind, rest) = (chars.next()?, chars.as_str());
        Some(match kind {
            'b' => Self::Bearer(rest.to_owned()),
            'p' => Self::PrivateToken(rest.to_owned()),
            'j' => Self::JobToken(rest.to_owned()),
            'u' => Self::basic(rest)?,
            'c' => Self::Cookie(rest.to_owned()),
            'a' if rest.is_empty() => Self::Anonymous,
            _ => return None,
        })
    }

    /// The credential of `user:password`. A user name has no colon, as RFC 7617 says. `None`: there is no colon.
    pub(crate) fn basic(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        Some(Self::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_encoded_without_loss_and_without_clash() {
        let basic = |user: &str, password: &str| Credential::Basic {
            user: user.into(),
            password: password.into(),
        };
        let all = [
            Credential::Bearer("t".into()),
            Credential::PrivateToken("t".into()),
            Credential::JobToken("t".into()),
            Credential::Cookie("t".into()),
            Credential::Anonymous,
            basic("t", ""),
            basic("", "t"),
            basic("a", "b:c"),
        ];
        for (index, credential) in all.iter().enumerate() {
            let text = credential.encode();
            assert_eq!(Credential::decode(&text).as_ref(), Some(credential));
            assert_eq!(all.iter().position(|other| other.encode() == text), Some(index));
        }
        for none in ["", "x", "uabc", "ab", "é"] {
            assert_eq!(Credential::decode(none), None, "{none}");
        }
    }

    #[test]
    fn a_credential_is_not_printed() {
        assert_eq!(format!("{:?}", Credential::Bearer("secret".into())), "Credential(…)");
    }
}
