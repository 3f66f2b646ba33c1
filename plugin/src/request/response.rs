//! The response to a request.

use crate::host::blobs::FilePart;
use crate::host::streams::{ByteStream, FilledBody};

/// A response.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub kind: &'static str,
    /// The headers besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Contents,
}

const JSON: &str = "application/json";

impl Answer {
    /// A JSON object with status 200. Clients treat any other status as a failure, even 201 after a creation.
    pub fn ok(body: Vec<u8>) -> Self {
        Answer::json(200, body)
    }

    /// A JSON object with any status.
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Answer {
            status,
            kind: JSON,
            headers: Vec::new(),
            body: Contents::Whole(body),
        }
    }

    /// A whole file, with status 200.
    pub fn file(kind: &'static str, headers: Vec<(&'static str, String)>, body: Contents) -> Self {
        Answer {
            status: 200,
            kind,
            headers,
            body,
        }
    }

    /// A part of a file, with status 206.
    pub fn file_part(kind: &'static str, headers: Vec<(&'static str, String)>, body: Contents) -> Self {
        Answer {
            status: 206,
            ..Answer::file(kind, headers, body)
        }
    }

    /// Asks the browser to remember a text for the next visit of this page, at most 3,200 letters, digits and `-._~%&`. An
    /// empty text is forgotten.
    #[must_use]
    pub fn remembering(mut self, text: String) -> Self {
        self.headers.push(("x-mlforge-remember", text));
        self
    }

    /// Status 304: the caller already has the file.
    pub fn not_modified(headers: Vec<(&'static str, String)>) -> Self {
        Answer {
            status: 304,
            ..Answer::file(JSON, headers, Contents::Whole(Vec::new()))
        }
    }
}

/// The JSON object of an endpoint.
impl From<Vec<u8>> for Answer {
    fn from(body: Vec<u8>) -> Self {
        Answer::ok(body)
    }
}

/// The body of a response.
pub enum Contents {
    /// The complete body.
    Whole(Vec<u8>),
    /// A stream.
    Stream(ByteStream),
    /// A body that the component writes while it is sent.
    Filled(FilledBody),
    /// A part of a file, which the host sends.
    File(FilePart),
}
