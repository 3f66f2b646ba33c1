//! Schemes of the sources of model versions.

use anyhow::ensure;
use http::header::HeaderValue;

/// Schemes by which the source of a model version may point outside its project, by default. MLflow's clients
/// resolve them by themselves, with their own rights. `file` and paths are not among them.
pub const SOURCE_SCHEMES: [&str; 13] = [
    "s3", "gs", "wasb", "wasbs", "abfs", "abfss", "adl", "dbfs", "hdfs", "https", "ftp", "ftps", "sftp",
];

/// The schemes as the component reads them. `None`: there are none.
pub(super) fn scheme_list(schemes: &[String]) -> anyhow::Result<Option<HeaderValue>> {
    for scheme in schemes {
        let starts = scheme.starts_with(|first: char| first.is_ascii_lowercase());
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        ensure!(
            starts && scheme.chars().all(fits),
            "`{scheme}` is no scheme of a source: it has small letters, digits, `+`, `-` and `.`, a letter first"
        );
    }
    match schemes {
        [] => Ok(None),
        schemes => Ok(Some(schemes.join(",").try_into()?)),
    }
}
