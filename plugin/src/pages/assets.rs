//! The files that pages load.

use mlforge_ui::assets::{CACHE_CONTROL, find};

use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::response::{Answer, Contents};

/// Sends a file that pages load. Its address has a hash of its contents, so browsers keep it for ever.
pub async fn get(call: Call<'_>) -> Result<Answer> {
    let name = call.params.required_text("name")?;
    let asset = find(name).ok_or_else(|| Error::NotFound(format!("The pages have no file '{name}'.")))?;
    let headers = [("cache-control", CACHE_CONTROL), ("x-content-type-options", "nosniff")];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    Ok(Answer::file(
        asset.kind,
        headers.to_vec(),
        Contents::Whole(asset.text.as_bytes().to_vec()),
    ))
}
