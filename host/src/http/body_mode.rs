//! How a request's bodies are handled: buffered, or streamed where they carry files, so that a file is never whole in memory.

use http::Method;

/// The prefixes of the paths of files. The last one is the start of every path.
const PREFIXES: [&str; 3] = ["/api/2.0/", "/ajax-api/2.0/", "/"];

/// A file so small costs less as a whole than as a stream.
const SMALL_FILE_BYTES: u64 = 256 << 10;

/// How the bytes of a request and of its answer get to where they belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyMode {
    /// All at once.
    Buffered,
    /// All at once, to work on files for long.
    LongRunning,
    /// Piece by piece.
    Streamed,
}

impl BodyMode {
    /// Judges by method and path alone. A wrong guess costs time or memory within limits, and no right.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let below = || PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix));
        let streams = match *method {
            Method::PUT => below().is_some_and(|path| {
                path.starts_with("mlflow-artifacts/artifacts/") || path.starts_with("mlflow-artifacts/mpu/part/")
            }),
            Method::POST => below() == Some("mlflow/upload-artifact"),
            Method::GET | Method::HEAD => {
                path.ends_with("/get-artifact")
                    || below().is_some_and(|path| {
                        path.starts_with("mlflow-artifacts/artifacts/")
                            || path.starts_with("mlflow/logged-models/") && path.ends_with("/artifacts/files")
                    })
            }
            _ => false,
        };
        let joins = || below().is_some_and(|path| path.starts_with("mlflow-artifacts/mpu/complete/"));
        match streams {
            true => Self::Streamed,
            false if *method == Method::POST && joins() => Self::LongRunning,
            false => Self::Buffered,
        }
    }

    /// True if a request with a file may be whole after all, where the host sends what is wanted: it has no body, or a small
    /// one.
    pub(crate) fn may_be_whole(method: &Method, declared_length: Option<u64>) -> bool {
        match *method {
            Method::GET | Method::HEAD => true,
            _ => declared_length.is_some_and(|bytes| bytes <= SMALL_FILE_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stream_and_all_else_is_whole() {
        let streams = |method, path| BodyMode::of(&method, path) == BodyMode::Streamed;
        let artifact = "/api/2.0/mlflow-artifacts/artifacts/1/a";
        assert!(streams(Method::PUT, artifact) && streams(Method::GET, artifact) && streams(Method::HEAD, artifact));
        assert!(streams(Method::POST, "/ajax-api/2.0/mlflow/upload-artifact"));
        assert!(streams(Method::GET, "/get-artifact") && streams(Method::GET, "/model-versions/get-artifact"));
        assert!(streams(
            Method::GET,
            "/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files"
        ));
        assert!(!streams(
            Method::GET,
            "/api/2.0/mlflow/logged-models/m-1/artifacts/directories"
        ));
        assert!(streams(Method::PUT, "/api/2.0/mlflow-artifacts/mpu/part/0/1"));
        assert!(streams(Method::PUT, "/mlflow-artifacts/artifacts/1/a"));
        assert!(!streams(Method::DELETE, artifact) && !streams(Method::POST, artifact));
        assert!(!streams(Method::GET, "/api/2.0/mlflow-artifacts/artifacts"));
        assert!(!streams(Method::PUT, "/x/mlflow-artifacts/artifacts/1") && !streams(Method::POST, "/get-artifact"));
        let join = "/ajax-api/2.0/mlflow-artifacts/mpu/complete/1/a";
        assert_eq!(BodyMode::of(&Method::POST, join), BodyMode::LongRunning);
        assert_eq!(BodyMode::of(&Method::GET, join), BodyMode::Buffered);
    }
}
