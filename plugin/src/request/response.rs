//! The response to a request.

use wit_bindgen::StreamReader;

use crate::host::blobs::FilePart;

/// An answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub kind: &'static str,
    /// Besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Contents,
}

const JSON: &str = "application/json";

impl Answer {
    /// A JSON object with status 200: clients take any other status for a failure, also 201 after a creation.
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

    /// A whole file.
    pub fn file(kind: &'static str, headers: Vec<(&'static str, String)>, body: Contents) -> Self {
        Answer {
            status: 200,
            kind,
            headers,
            body,
        }
    }

    /// A part of a file.
    pub fn file_part(kind: &'static str, headers: Vec<(&'static str, String)>, body: Contents) -> Self {
        Answer {
            status: 206,
            ..Answer::file(kind, headers, body)
        }
    }

    /// The caller has the file already.
    pub fn not_modified(headers: Vec<(&'static str, String)>) -> Self {
        Answer {
            status: 304,
            ..Answer::file(JSON, headers, Contents::Whole(Vec::new()))
        }
    }
}

/// Bytes on their way out.
pub enum Contents {
    /// All of them.
    Whole(Vec<u8>),
    /// As they come.
    Stream(StreamReader<u8>),
    /// Those of a file, which the host sends.
    File(FilePart),
}
