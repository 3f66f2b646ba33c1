//! Forms with files: `multipart/form-data` of RFC 7578, in memory.

use super::json::{Json, Object};
use crate::error::{Error, Result};

/// Maximum number of parts of a form.
const PARTS_MAX: usize = 100;
/// The content type of a form with files.
const KIND: &str = "multipart/form-data";

/// A file in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFile {
    /// The name on the sender's disk, which browsers send without directories.
    pub name: String,
    /// The contents.
    pub contents: Vec<u8>,
}

/// The fields and the files of a form.
pub type Form = (Object<'static>, Vec<SentFile>);

/// The text between the parts of a form. `None`: the content type is another.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case(KIND) {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })
}

/// Reads a form. A file without a name, as of a field where none was chosen, is left out.
pub fn read(boundary: &str, body: &[u8]) -> Result<Form> {
    let mark = [b"--", boundary.as_bytes()].concat();
    let between = [b"\r\n", mark.as_slice()].concat();
    let (mut fields, mut files) = (Object::default(), Vec::new());
    let mut rest = body.strip_prefix(mark.as_slice()).ok_or_else(broken)?;
    for _ in 0..PARTS_MAX {
        if rest.starts_with(b"--") {
            return Ok((fields, files));
        }
        let part = rest.strip_prefix(b"\r\n").ok_or_else(broken)?;
        let (head, after) = cut(part, b"\r\n\r\n").ok_or_else(broken)?;
        let (contents, after) = cut(after, &between).ok_or_else(broken)?;
        rest = after;
        let head = std::str::from_utf8(head).map_err(|_| broken())?;
        let name = parameter(head, "name").ok_or_else(broken)?;
        match parameter(head, "filename") {
            Some(file) if file.is_empty() => {}
            Some(file) => files.push(SentFile {
                name: file,
                contents: contents.to_vec(),
            }),
            None => {
                let text = std::str::from_utf8(contents).map_err(|_| broken())?;
                fields.push(name, Json::Text(text.to_owned().into()));
            }
        }
    }
    Err(Error::Invalid(format!("The form has more than {PARTS_MAX} parts.")))
}

fn broken() -> Error {
    Error::Invalid("The form is no whole multipart/form-data of UTF-8.".to_owned())
}

/// Splits at the first place of some bytes, which are left out.
fn cut<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = *at.first()?;
    let mut from = 0;
    loop {
        let place = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        let (before, after) = bytes.split_at_checked(place)?;
        if let Some(after) = after.strip_prefix(at) {
            return Some((before, after));
        }
        from = place + 1;
    }
}

/// A parameter of the header `Content-Disposition`. Browsers write a quote in it as `%22`, and line breaks likewise.
fn parameter(head: &str, name: &str) -> Option<String> {
    let is_named = |line: &&str| {
        let start = line.split(':').next().unwrap_or_default();
        start.eq_ignore_ascii_case("content-disposition")
    };
    let line = head.split("\r\n").find(is_named)?;
    let (_, after) = line.split_once(&format!("; {name}=\""))?;
    let (value, _) = after.split_once('"')?;
    Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::request::params::Params;
    use proptest::prelude::*;

    /// Writes a form as a browser does.
    fn form(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"directory\"\r\n\r\nd/e\r\n".to_vec();
        for (name, contents) in files {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"Content-Type: application/octet-stream\r\n\r\n");
            body.extend_from_slice(contents);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        body
    }

    #[test]
    fn a_form_has_fields_and_files() {
        let (fields, files) = read("x", &form(&[("a %22b%22.bin", b"\r\n--y\r\n"), ("", b"")])).unwrap();
        assert_eq!(Params::new(&fields).text("directory"), Ok(Some("d/e")));
        assert_eq!(files.len(), 1);
        assert_eq!(
            (files[0].name.as_str(), files[0].contents.as_slice()),
            ("a \"b\".bin", &b"\r\n--y\r\n"[..])
        );
    }

    #[test]
    fn the_content_type_names_the_boundary() {
        assert_eq!(boundary("multipart/form-data; boundary=----a"), Some("----a"));
        assert_eq!(
            boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""),
            Some("a b")
        );
        for other in [
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=a",
            "multipart/form-data",
            "",
        ] {
            assert_eq!(boundary(other), None, "{other}");
        }
    }

    #[test]
    fn a_form_that_broke_off_is_refused() {
        let whole = form(&[("a", b"b")]);
        for end in 0..whole.len() - 4 {
            assert!(matches!(read("x", &whole[..end]), Err(Error::Invalid(_))), "{end}");
        }
    }

    proptest! {
        #[test]
        fn a_file_comes_as_it_was_sent(contents in prop::collection::vec(any::<u8>(), 0..60)) {
            // Browsers choose a boundary that no file holds.
            prop_assume!(!contents.windows(3).any(|some| some == b"--x"));
            let (_, files) = read("x", &form(&[("a", &contents)])).unwrap();
            prop_assert_eq!(&files[0].contents, &contents);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read("x", &[b"--x\r\n".as_slice(), &bytes].concat());
        }
    }
}
