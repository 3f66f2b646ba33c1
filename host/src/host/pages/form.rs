//! The fields of a request of the server's own pages: those of its query, or of its form.

use std::time::Duration;

use http::request::Parts;
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::convert::to_u64;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;

/// Maximum size of a form, in bytes. A token is the longest field.
const FORM_BYTES_MAX: usize = 16 << 10;
/// Maximum time in which a form must be received: its sender may be nobody.
const RECEIVE_TIME: Duration = Duration::from_secs(10);
/// Maximum number of characters of an address that leads back.
const NEXT_CHARS_MAX: usize = 4_000;

/// The fields of a query or a form. Of two with one name the first counts.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of the query.
    pub(crate) fn of_query(head: &Parts) -> Self {
        Self::parse(head.uri.query().unwrap_or_default())
    }

    /// Reads the fields of a form.
    pub(crate) async fn receive(body: Inbound) -> Result<Self, HttpError> {
        let bytes = timeout(RECEIVE_TIME, read(body)).await;
        let bytes = bytes.map_err(|_| HttpError::BodyStalled)??;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> Self {
        let decoded = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(name, value)| (decoded(name), decoded(value))).collect())
    }

    /// The value of a field. `None`: it is absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        Some(value)
    }

    /// The value of a field without spaces around it; empty if it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default().trim()
    }

    /// The address to which the reader wants after this page: a path of this server, or else its first page.
    pub(crate) fn next(&self) -> &str {
        self.get("next").filter(|next| is_own_path(next)).unwrap_or("/")
    }
}

/// True for a path of this server. Browsers take `//` and `/\` for the begin of another server's name.
fn is_own_path(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    text.starts_with('/') && !text.starts_with("//") && is_plain && text.len() <= NEXT_CHARS_MAX
}

async fn read(mut body: Inbound) -> Result<Vec<u8>, HttpError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| HttpError::BodyBroken)?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > FORM_BYTES_MAX {
            return Err(HttpError::BodyTooLarge(to_u64(FORM_BYTES_MAX)));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let fields = Fields::parse("a=1+2%26&b=%C3%BC&c&a=3&=x");
        assert_eq!((fields.get("a"), fields.get("b")), (Some("1 2&"), Some("ü")));
        assert_eq!((fields.get("c"), fields.get("d")), (Some(""), None));
    }

    #[test]
    fn only_a_path_of_this_server_is_led_to() {
        let next = |text: &str| Fields(vec![("next".into(), text.into())]).next().to_owned();
        for own in ["/", "/a/b/-/ml/runs?x=%20y&z", "/a?next=//b"] {
            assert_eq!(next(own), own);
        }
        for foreign in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "\\\\evil.test",
            "https://evil.test",
            "javascript:x",
            "/a\r\nset-cookie: x",
            "/\t/evil.test",
            " /a",
            "/ü",
        ] {
            assert_eq!(next(foreign), "/", "{foreign}");
        }
    }
}
