//! Names of artifacts, the segments of their paths: their settled form, and the names that can be read back.
//!
//! MLflow's newer clients (2.22 and 3.x, not 2.7) check each name of a listing before they request it. The
//! check percent-decodes the name until nothing changes. It drops tabs, line breaks, spaces and control
//! characters at the beginning, and a lone `;` at the end. It lower-cases the scheme of a name that looks
//! like a URI, and escapes other control characters. If the check changes a name, the client requests another
//! name than the listed one. So a name is stored in its settled form, which the check does not change. A name
//! without such a form is refused.

use std::borrow::Cow;

use super::limits::ARTIFACT_NAME_BYTES_MAX;
use super::percent;

/// Schemes after which clients insert slashes: `http:x` becomes `http:///x`.
const SCHEMES_WITH_HOST: [&str; 26] = [
    "file",
    "ftp",
    "git",
    "git+ssh",
    "gopher",
    "http",
    "https",
    "imap",
    "itms-services",
    "mms",
    "nfs",
    "nntp",
    "prospero",
    "rsync",
    "rtsp",
    "rtsps",
    "rtspu",
    "sftp",
    "shttp",
    "snews",
    "svn",
    "svn+ssh",
    "telnet",
    "wais",
    "ws",
    "wss",
];

/// The settled form of a path, in which it is stored. `None`: it is percent-encoded more than
/// `percent::ENCODINGS_MAX` times.
pub fn settled(path: &str) -> Option<String> {
    let mut path = with_plain_image(path);
    for _ in 0..percent::ENCODINGS_MAX {
        let next = percent::decoded(&path);
        if next == path {
            return Some(without_controls(&with_small_schemes(&path)));
        }
        path = with_plain_image(&next);
    }
    None
}

/// Checks a settled name. The error is the reason, for a message.
pub fn validate(name: &str) -> Result<(), &'static str> {
    // Windows treats a backslash as a slash.
    if name.split('\\').any(|part| matches!(part, "" | "." | "..")) {
        return Err("A path is relative, of names that are not empty, '.' or '..', also between backslashes.");
    }
    if name.len() > ARTIFACT_NAME_BYTES_MAX {
        return Err("Each of its names has at most 255 bytes.");
    }
    if name.contains(['#', '?']) {
        return Err("A name has no '#' and no '?', which would end it in an address.");
    }
    if name.chars().any(char::is_control) {
        return Err("A name has no line breaks, tabs and NUL characters, and does not begin with a control character.");
    }
    if name.starts_with(' ') || name.find(';') == Some(name.len() - 1) {
        return Err("A name does not begin with a space nor end with its only ';': clients would drop them.");
    }
    let has_host = scheme(name).is_some_and(|scheme| SCHEMES_WITH_HOST.contains(&scheme));
    if has_host || has_drive(name) {
        return Err("A name does not begin as an address or a drive does, with 'http:', 'file:' or 'c:'.");
    }
    Ok(())
}

/// True if a name begins with a drive letter, on Windows or for a client's check.
fn has_drive(name: &str) -> bool {
    let mut chars = name.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some(drive), Some(':'), next) => drive.is_ascii_alphabetic() || next == Some('\\'),
        _ => false,
    }
}

/// The name under which a stored name is listed. Earlier versions stored names that the clients' check
/// changes. Such a name is listed with `+` for each character that would change it.
pub fn listed(stored: &str) -> Cow<'_, str> {
    if is_readable(stored) {
        return Cow::Borrowed(stored);
    }
    let plain = |c: char| match c {
        '%' | '#' | '?' | ':' | ';' | '\\' => '+',
        c if c.is_control() => '+',
        c => c,
    };
    let name: String = stored.chars().map(plain).collect();
    Cow::Owned(match name.strip_prefix(' ') {
        Some(rest) => format!("+{rest}"),
        None => name,
    })
}

/// The name under which an earlier version stored an image that is listed with `+`. `None`: not the name of
/// an image.
pub fn earlier_image(name: &str) -> Option<String> {
    let stored = name.replace('+', "%");
    is_image(&stored).then_some(stored)
}

fn is_readable(name: &str) -> bool {
    let is_settled = !name.contains(['%', ':']) || settled(name).as_deref() == Some(name);
    is_settled && validate(name).is_ok()
}

/// A path whose last name, if it is that of an image, holds no escape.
///
/// Clients from 2.11 to 3.9 name an image `key%step%20%timestamp%1795370748804%uuid.png`. Most of these names
/// would lose their step when they are decoded. They are stored with `+` instead of `%`, as later clients
/// name images. A name that decoding does not change is stored as it is.
fn with_plain_image(path: &str) -> String {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path.split_at_checked(start) {
        Some((directory, name)) if is_image(name) && !(is_decoded(name) && validate(name).is_ok()) => {
            format!("{directory}{}", name.replace('%', "+"))
        }
        _ => path.to_owned(),
    }
}

fn is_image(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split_once("%step%").and_then(|(key, rest)| {
        let (step, rest) = rest.split_once("%timestamp%")?;
        let (timestamp, id) = rest.split_once('%')?;
        Some((key, step.strip_prefix('-').unwrap_or(step), timestamp, id))
    });
    parts.is_some_and(|(key, step, timestamp, id)| {
        !key.is_empty() && is_number(step) && is_number(timestamp) && !id.is_empty()
    })
}

/// True if decoding a name as often as possible, and escaping its control characters, does not change it.
fn is_decoded(name: &str) -> bool {
    let decoded = percent::levels(name).last().flatten();
    decoded.is_some_and(|decoded| without_controls(&decoded) == name)
}

/// Escapes control characters, except those that clients drop before they escape.
fn without_controls(text: &str) -> String {
    if !text.contains(|c: char| c.is_ascii_control()) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut is_first = true;
    for c in text.chars() {
        let is_dropped = is_first || matches!(c, '\0' | '\t' | '\n' | '\r');
        if c.is_ascii_control() && !is_dropped {
            escaped.push_str(&format!("%{:02x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
        is_first = c == '/';
    }
    escaped
}

fn with_small_schemes(path: &str) -> String {
    if !path.contains(':') {
        return path.to_owned();
    }
    let names: Vec<String> = path.split('/').map(with_small_scheme).collect();
    names.join("/")
}

fn with_small_scheme(name: &str) -> String {
    let end = scheme(name).map_or(0, str::len);
    match name.split_at_checked(end) {
        Some((scheme, rest)) => scheme.to_ascii_lowercase() + rest,
        None => name.to_owned(),
    }
}

/// The part of a name before its first colon, if it looks like the scheme of a URI.
fn scheme(name: &str) -> Option<&str> {
    let (scheme, _) = name.split_once(':')?;
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (starts && scheme.chars().all(fits)).then_some(scheme)
}

#[cfg(test)]
mod tests;
