//! The languages of the pages.

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// All languages.
    pub const ALL: [Language; 2] = [Language::English, Language::Korean];

    /// The tag of the language, as in BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// The name of the language, in itself.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Korean => "한국어",
        }
    }

    /// The language of a tag, whatever its region. `None`: the pages do not have it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        let is_same = |language: &Language| language.tag().eq_ignore_ascii_case(primary);
        Language::ALL.into_iter().find(is_same)
    }

    /// The language that a reader likes best, as the header `Accept-Language` tells. English if it names none of ours.
    pub fn of_header(accepted: &str) -> Self {
        let mut best = (0.0, Language::default());
        for range in accepted.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            // Of two that are liked as much the first counts.
            if let (Some(language), Ok(weight)) = (Language::of_tag(tag.trim()), weight)
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_the_reader_likes_best_counts() {
        for (header, language) in [
            ("", Language::English),
            ("ko", Language::Korean),
            ("ko-KR,ko;q=0.9,en-US;q=0.8", Language::Korean),
            ("en-GB,ko;q=0.9", Language::English),
            ("de;q=1, ko;q=0.5, en;q=0.4", Language::Korean),
            ("fr", Language::English),
            ("ko;q=x", Language::English),
            ("ko;q=0", Language::English),
        ] {
            assert_eq!(Language::of_header(header), language, "{header}");
        }
    }
}
