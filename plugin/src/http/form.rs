//! The forms of pages.

use super::incoming::Incoming;
use crate::error::{Error, Result};
use crate::pages;
use crate::request::body::Body;
use crate::request::json::Object;
use crate::request::multipart;
use crate::request::params::{self, Params};
use crate::request::site::Site;

/// The fields and the files of a page's form, which carries the reader's token.
pub(super) async fn sent(request: &Incoming, body: Body) -> Result<multipart::Form> {
    let form = body.into_whole().await?;
    let (fields, files) = match multipart::boundary(&request.content_type) {
        Some(boundary) => multipart::read(boundary, &form)?,
        None => (params::from_form(&form)?, Vec::new()),
    };
    ensure_form_token(&fields, &request.site)?;
    Ok((fields, files))
}

/// A page's change must carry the token that the reader's own page had: another site cannot read it.
fn ensure_form_token(form: &Object<'_>, site: &Site) -> Result<()> {
    let sent = Params::new(form).text(pages::FORM_TOKEN)?.unwrap_or_default();
    if site.form_token.is_empty() || sent != site.form_token {
        return Err(Error::ForeignForm);
    }
    Ok(())
}
