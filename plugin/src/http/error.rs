//! The HTTP status and MLflow error code of each error. No other file chooses a status.
//!
//! A mistake of the caller never gets a 5xx, since clients retry those and hide the message.

use serde::Serialize;

use crate::error::Error;
use crate::pages;
use crate::request::response::Answer;
use crate::request::site::Site;

/// The JSON body of every error, as MLflow's clients read it.
#[derive(Serialize)]
struct Body<'a> {
    error_code: &'a str,
    message: &'a str,
}

/// The answer to a request that failed.
pub fn answer(error: &Error) -> Answer {
    let (status, error_code) = status(error);
    let message = message(error);
    let body = serde_json::to_vec(&Body {
        error_code,
        message: &message,
    })
    .unwrap_or_default();
    let mut answer = Answer::json(status, body);
    match error {
        Error::WrongMethod(allowed) => answer.headers.push(("allow", allowed.join(", "))),
        Error::OutOfRange(size) => answer.headers.push(("content-range", format!("bytes */{size}"))),
        Error::Contended | Error::Unavailable(_) => answer.headers.push(("retry-after", "1".to_owned())),
        _ => {}
    }
    answer
}

/// The page about a request that failed, for people.
pub fn page(error: &Error, site: &Site, reader: &str) -> Answer {
    let (status, _) = status(error);
    pages::error::answer(site, reader, status, &message(error))
}

fn status(error: &Error) -> (u16, &'static str) {
    match error {
        Error::Invalid(_) => (400, "INVALID_PARAMETER_VALUE"),
        Error::BrokenOff => (400, "INVALID_PARAMETER_VALUE"),
        Error::AlreadyExists(_) => (400, "RESOURCE_ALREADY_EXISTS"),
        // This is MLflow's answer. With GitLab's 401 a client would report a valid token as invalid.
        Error::Denied | Error::ManagersOnly | Error::ForeignForm => (403, "PERMISSION_DENIED"),
        Error::NotFound(_) => (404, "RESOURCE_DOES_NOT_EXIST"),
        Error::NoEndpoint(_) => (404, "ENDPOINT_NOT_FOUND"),
        Error::WrongMethod(_) => (405, "BAD_REQUEST"),
        Error::TooLarge(_) => (413, "INVALID_PARAMETER_VALUE"),
        Error::Full(_) => (413, "RESOURCE_LIMIT_EXCEEDED"),
        Error::OutOfRange(_) => (416, "INVALID_PARAMETER_VALUE"),
        // This is the only status after which every client repeats every request. Nothing was written.
        Error::Contended => (429, "REQUEST_LIMIT_EXCEEDED"),
        Error::Corrupt(_) => (500, "INTERNAL_ERROR"),
        // Clients do not repeat it, unlike all other 5xx.
        Error::Unsupported(_) => (501, "NOT_IMPLEMENTED"),
        Error::Unavailable(_) => (503, "TEMPORARILY_UNAVAILABLE"),
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::Invalid(text)
        | Error::NotFound(text)
        | Error::AlreadyExists(text)
        | Error::TooLarge(text)
        | Error::Full(text)
        | Error::Unsupported(text) => text.clone(),
        Error::NoEndpoint(path) => format!("No endpoint has the path '{path}'."),
        Error::WrongMethod(allowed) => format!("This endpoint takes {} only.", allowed.join(" or ")),
        Error::Denied => "You may not write to this project: that needs the role Developer or higher.".to_owned(),
        Error::ManagersOnly => "Only maintainers and owners of this project may see this.".to_owned(),
        Error::ForeignForm => {
            "The form does not carry this reader's form token. Open its page again and repeat the change.".to_owned()
        }
        Error::BrokenOff => "The body of the request broke off; nothing was stored.".to_owned(),
        Error::OutOfRange(size) => format!("The range lies behind the end of the file, which has {size} bytes."),
        Error::Contended => "Too many clients are changing the same thing at once; nothing was written.".to_owned(),
        // The storage's own text is only for the host's log.
        Error::Unavailable(_) => "The storage cannot answer now; try again.".to_owned(),
        Error::Corrupt(_) => "A stored record cannot be read.".to_owned(),
    }
}
