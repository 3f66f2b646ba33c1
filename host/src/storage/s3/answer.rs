//! Parsing of the store's answers, and errors of requests without one.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::timeout;

use crate::storage::StorageError;

/// The text of an XML element.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

/// The error for the user who starts the server. It quotes the store's answer, or says why there was none.
pub(super) fn complaint(error: object_store::Error) -> anyhow::Error {
    let text = error.to_string();
    let message = element(&text, "Message").unwrap_or("it gives no reason");
    let message = message.replace("&apos;", "'").replace("&quot;", "\"");
    match element(&text, "Code") {
        Some("NoSuchBucket") => anyhow!("there is no such bucket"),
        Some("AccessDenied" | "Forbidden" | "InvalidAccessKeyId" | "SignatureDoesNotMatch") => {
            anyhow!("these credentials may not read and write there: {message}")
        }
        Some("AuthorizationHeaderMalformed") => anyhow!("it is of another region: {message}"),
        Some(code) => anyhow!("it answers {code}: {message}"),
        None => {
            let error = anyhow::Error::new(error);
            anyhow!("it cannot be reached: {}", error.root_cause())
        }
    }
}

/// Waits for at most `time`. A failure names the attempted action. A missing object is no failure, but
/// `None`.
pub(super) async fn within<T>(
    time: Duration,
    tried: &str,
    work: impl Future<Output = object_store::Result<T>>,
) -> Result<Option<T>, StorageError> {
    match timeout(time, work).await {
        Ok(Ok(result)) => Ok(Some(result)),
        Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
        Ok(Err(error)) => Err(StorageError::Unavailable(format!("{tried}: {error}"))),
        Err(_) => Err(StorageError::Unavailable(format!(
            "{tried}: no answer within {} seconds",
            time.as_secs()
        ))),
    }
}

/// Fails if an object that must exist is absent.
pub(super) fn found<T>(result: Option<T>, missing: &str) -> Result<T, StorageError> {
    result.ok_or_else(|| StorageError::Unavailable(missing.to_owned()))
}
