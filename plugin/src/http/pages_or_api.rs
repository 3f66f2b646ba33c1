//! Addresses at which people get a page and clients get data.

use crate::api;
use crate::error::Result;
use crate::pages;
use crate::request::call::Call;
use crate::request::response::Answer;

/// The audit log: a page for who asks for HTML and names no other format.
pub async fn audit(call: Call<'_>) -> Result<Answer> {
    if call.accept.contains("text/html") && call.params.text("format")?.is_none() {
        pages::audit::list(call).await
    } else {
        api::audit::list(call).await
    }
}
