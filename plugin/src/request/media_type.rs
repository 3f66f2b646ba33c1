//! Media types of files, by name and by bytes.

/// Plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// A page.
pub const HTML: &str = "text/html; charset=utf-8";
/// A drawing, which may hold scripts.
pub const SVG: &str = "image/svg+xml";
/// A document, which browsers show by a program of their own.
pub const PDF: &str = "application/pdf";
/// Any bytes.
pub const BYTES: &str = "application/octet-stream";

/// Ends of the names of texts.
const TEXT_ENDS: &[&str] = &[
    "txt", "log", "md", "csv", "tsv", "json", "jsonl", "ndjson", "yaml", "yml", "toml", "ini", "cfg", "py", "r", "sh",
    "mlmodel",
];

/// Ends of the names of texts that a browser would execute, so pages show their source.
const SOURCE_ENDS: &[&str] = &["html", "htm", "xml", "js", "css"];

/// Types of pictures by the ends of their names.
const PICTURE_ENDS: &[(&str, &[&str])] = &[
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
];

/// Types by the bytes with which a file begins.
const STARTS: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"%PDF-", PDF),
];

/// Types by the word after the first bytes of a file, which are its size.
const FORMS: &[(&[u8], &[u8], &str)] = &[
    (b"RIFF", b"WEBP", "image/webp"),
    (b"RIFF", b"WAVE", "audio/wav"),
    (b"ftyp", b"avif", "image/avif"),
    (b"ftyp", b"M4A ", "audio/mp4"),
    (b"ftyp", b"", "video/mp4"),
];

/// The end of a name, in lower case.
pub fn end_of(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// The type by which clients download a file of this name. It is one that no browser executes.
pub fn by_name(name: &str) -> &'static str {
    let end = end_of(name);
    if TEXT_ENDS.contains(&end.as_str()) {
        return TEXT;
    }
    let picture = PICTURE_ENDS.iter().find(|(_, ends)| ends.contains(&end.as_str()));
    picture.map_or(BYTES, |(kind, _)| kind)
}

/// True if a file of this name is shown as text.
pub fn is_text(name: &str) -> bool {
    let end = end_of(name);
    TEXT_ENDS.contains(&end.as_str()) || SOURCE_ENDS.contains(&end.as_str())
}

/// True if a file of this name is a page in HTML.
pub fn is_html(name: &str) -> bool {
    matches!(end_of(name).as_str(), "html" | "htm")
}

/// True if a file of this name is a drawing in SVG.
pub fn is_svg(name: &str) -> bool {
    end_of(name) == "svg"
}

/// The type of a picture, sound, film or document, by its first bytes. `None`: it is none of these.
pub fn by_bytes(start: &[u8]) -> Option<&'static str> {
    if let Some((_, kind)) = STARTS.iter().find(|(bytes, _)| start.starts_with(bytes)) {
        return Some(kind);
    }
    // The container's word stands at the beginning, or after four bytes of size.
    let (head, tail) = (start.get(..8)?, start.get(8..)?);
    let form = FORMS.iter().find(|(container, word, _)| {
        let is_of = head.starts_with(container) || head.ends_with(container);
        is_of && tail.starts_with(word)
    });
    form.map(|(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_by_the_first_bytes() {
        for (start, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20ftypavif", Some("image/avif")),
            (b"%PDF-1.4", Some(PDF)),
            (b"<svg onload=alert(1)>", None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(by_bytes(start), kind, "{start:?}");
        }
    }
}
