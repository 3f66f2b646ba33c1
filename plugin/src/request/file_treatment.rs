//! The treatment of files by browsers: their types, and the headers that keep a browser from executing one in the forge's origin.

use crate::domain::artifact::ArtifactPath;
use crate::host::blobs::FileInfo;
use crate::request::media_type;

/// The content security policy. Files are hostile: a browser that shows one executes no script and loads
/// nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The policy of a file that a browser shows by a program of its own, which a sandbox would stop.
const POLICY_OF_DOCUMENT: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The policy of a file in HTML that a page shows within a frame. The sandbox gives it an origin of its own, and stops scripts,
/// forms, windows and every way out of the frame. Pictures are those that the file itself holds.
const POLICY_OF_FRAME: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action \
                               'none'; frame-ancestors 'self'; sandbox";

/// Size of the largest file in HTML that is shown within a frame.
pub const FRAMED_BYTES_MAX: u64 = 4 << 20;

/// The treatment of a file by a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// The media type.
    pub kind: &'static str,
    /// True if the browser may show it in a window of its own. Otherwise it is a download.
    pub is_inline: bool,
    /// The content security policy.
    pub policy: &'static str,
}

impl Treatment {
    /// A download, as clients ask for it.
    pub fn download(path: &ArtifactPath) -> Self {
        Treatment {
            kind: media_type::by_name(path.name()),
            is_inline: false,
            policy: POLICY,
        }
    }

    /// The way in which pages show a file: pictures, sounds and documents by their bytes, and texts as plain text. All else is
    /// a download. A drawing in SVG may run scripts, so only `<img>` shows it, which stops them.
    pub fn shown(path: &ArtifactPath, start: &[u8]) -> Self {
        let of = |kind, is_inline, policy| Treatment {
            kind,
            is_inline,
            policy,
        };
        match media_type::by_bytes(start) {
            Some(media_type::PDF) => of(media_type::PDF, true, POLICY_OF_DOCUMENT),
            Some(kind) => of(kind, true, POLICY),
            None if media_type::is_svg(path.name()) => of(media_type::SVG, false, POLICY),
            None if media_type::is_text(path.name()) => of(media_type::TEXT, true, POLICY),
            None => of(media_type::BYTES, false, POLICY),
        }
    }

    /// The way in which a page shows a file within a frame. Only HTML of a bounded size differs from how it is shown otherwise.
    pub fn framed(path: &ArtifactPath, info: FileInfo, start: &[u8]) -> Self {
        let is_html = media_type::is_html(path.name()) && media_type::by_bytes(start).is_none();
        if !is_html || info.size > FRAMED_BYTES_MAX {
            return Self::shown(path, start);
        }
        Treatment {
            kind: media_type::HTML,
            is_inline: true,
            policy: POLICY_OF_FRAME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_browsers_execute_are_sent_as_bytes() {
        let kind = |name: &str| Treatment::download(&ArtifactPath::kept(name.to_owned())).kind;
        for name in [
            "a.html", "a.svg", "a.xhtml", "a.xml", "a.js", "a.pdf", "a.HTM", "a", "html",
        ] {
            assert_eq!(kind(name), "application/octet-stream", "{name}");
        }
        assert_eq!(kind("x/MLmodel"), "text/plain; charset=utf-8");
        assert_eq!(kind("x/A.PNG"), "image/png");
    }

    #[test]
    fn a_page_shows_no_file_that_a_browser_executes() {
        let shown = |name: &str, start: &[u8]| Treatment::shown(&ArtifactPath::kept(name.to_owned()), start);
        let is = |kind, is_inline, policy| Treatment {
            kind,
            is_inline,
            policy,
        };
        assert_eq!(shown("a.html", b"<html>"), is(media_type::TEXT, true, POLICY));
        assert_eq!(shown("a.svg", b"<svg>"), is(media_type::SVG, false, POLICY));
        assert_eq!(shown("a.png", b"<html>"), is(media_type::BYTES, false, POLICY));
        assert_eq!(shown("a.html", b"\x89PNG\r\n\x1a\n"), is("image/png", true, POLICY));
        assert_eq!(shown("a", b"%PDF-1.7"), is(media_type::PDF, true, POLICY_OF_DOCUMENT));
        assert_eq!(shown("a.xhtml", b""), is(media_type::BYTES, false, POLICY));
    }

    #[test]
    fn html_is_framed_in_a_sandbox_if_it_is_small() {
        let framed = |name: &str, size: u64, start: &[u8]| {
            let info = FileInfo { size, modified_ms: 0 };
            let treatment = Treatment::framed(&ArtifactPath::kept(name.to_owned()), info, start);
            (treatment.kind, treatment.policy)
        };
        let html = (media_type::HTML, POLICY_OF_FRAME);
        assert_eq!(framed("a.HTML", FRAMED_BYTES_MAX, b"<html>"), html);
        assert_eq!(framed("a.htm", 1, b""), html);
        let text = (media_type::TEXT, POLICY);
        assert_eq!(framed("a.html", FRAMED_BYTES_MAX + 1, b"<html>"), text);
        assert_eq!(framed("a.xhtml", 1, b"<html>"), (media_type::BYTES, POLICY));
        assert_eq!(framed("a.svg", 1, b"<svg>"), (media_type::SVG, POLICY));
    }
}
