//! The files that pages load: the style sheet and the scripts.

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// The name in the address.
    pub name: &'static str,
    /// The content type.
    pub kind: &'static str,
    /// The contents.
    pub text: &'static str,
    /// A hash of the contents, which the address carries, so that browsers may keep the file for ever.
    pub hash: u64,
}

const fn asset(name: &'static str, kind: &'static str, text: &'static str) -> Asset {
    Asset {
        name,
        kind,
        text,
        hash: hash(text),
    }
}

/// FNV-1a, which the compiler can evaluate.
const fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let (mut hash, mut rest) = (0xcbf2_9ce4_8422_2325_u64, bytes);
    while let Some((byte, after)) = rest.split_first() {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = after;
    }
    hash
}

/// The style sheet of every page.
pub const STYLE: Asset = asset(
    "style.css",
    "text/css; charset=utf-8",
    include_str!("../assets/style.css"),
);

/// The script of every page: it copies texts, shows times in the reader's zone, and looks again at what is running.
/// Pages work without it.
pub const SCRIPT: Asset = asset(
    "page.js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/page.js"),
);

/// The script of the page that MLflow's clients name. It follows the fragment of the address, which servers never see.
pub const FRAGMENT_SCRIPT: Asset = asset(
    "fragment.js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/fragment.js"),
);

/// The icon of the browser's tab.
pub const ICON: Asset = asset("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg"));

const ALL: [&Asset; 4] = [&STYLE, &SCRIPT, &FRAGMENT_SCRIPT, &ICON];

/// Finds a file by its name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ALL.into_iter().find(|asset| asset.name == name)
}

impl Asset {
    /// The address below that of the assets, which ends with a slash.
    pub fn address(&self, base: &str) -> String {
        format!("{base}{}?v={:016x}", self.name, self.hash)
    }
}

/// The time for which browsers keep a file: its address changes with its contents.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// The policy of every page: only files of the server itself, no script in the page, no form and no frame elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     media-src 'self'; font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'self'";

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest size of the style sheet, in bytes.
    const STYLE_BYTES_MAX: usize = 15_000;

    #[test]
    fn the_style_sheet_stays_small() {
        assert!(STYLE.text.len() <= STYLE_BYTES_MAX, "{} bytes", STYLE.text.len());
    }

    #[test]
    fn an_address_changes_with_the_contents() {
        assert_ne!(hash("a"), hash("b"));
        assert!(STYLE.address("/x/").starts_with("/x/style.css?v="));
        assert!(find("style.css").is_some() && find("other").is_none());
    }
}
