//! Aliases: names of model versions that users can move from one version to another.

use super::limits::ALIAS_CHARS_MAX;
use super::name::validate_length;
use super::semver::SemVer;
use crate::error::{Error, Result};

/// True if an alias stands for the latest version. That holds whatever alias was set.
pub fn is_latest(alias: &str) -> bool {
    alias.eq_ignore_ascii_case("latest")
}

/// Checks an alias that is to be set.
pub fn validate_new_alias(alias: &str) -> Result<()> {
    validate_alias(alias)?;
    if is_latest(alias) {
        return Err(Error::Invalid(
            "'latest' alias name (case insensitive) is reserved.".to_owned(),
        ));
    }
    let number = alias.strip_prefix(['v', 'V']).unwrap_or_default();
    if !number.is_empty() && number.chars().all(char::is_numeric) {
        return Err(Error::Invalid(format!("Version alias name '{alias}' is reserved.")));
    }
    Ok(())
}

/// Checks an alias that is to be looked up or removed. A semantic version is refused: it names one version
/// for ever and cannot be moved.
pub fn validate_alias(alias: &str) -> Result<()> {
    if SemVer::read(alias).is_some() {
        return Err(Error::Invalid(format!(
            "'{alias}' is a semantic version: it names the version that has it, and cannot be set or deleted as an alias."
        )));
    }
    if !alias.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        return Err(Error::Invalid(format!(
            "Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )));
    }
    validate_length("Registered model alias name", alias, ALIAS_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_a_word_but_not_a_version() {
        for good in ["champion", "a-b_c", "1", "모델", "v", "v1a", "vx"] {
            assert_eq!(validate_new_alias(good), Ok(()), "{good}");
        }
        for bad in [
            "latest", "LATEST", "v1", "V12", "a.b", "a b", "1.0.0", "1.0.0-rc", "a/b", "a\n",
        ] {
            assert!(matches!(validate_new_alias(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
        assert!(validate_new_alias(&"ü".repeat(255)).is_ok() && validate_new_alias(&"ü".repeat(256)).is_err());
    }
}
