//! The files of MLflow's own web pages: the static build of an installed MLflow, served as it is.
//!
//! The directory is listed once, at the start. A request names a file of that list or nothing, so no path leads out of the
//! directory. After an upgrade of MLflow the server starts again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::error::HttpError;
use super::response_body::Body;
use crate::limits::admission::Permit;
use crate::storage::{BlobStream, StorageError};

/// Maximum number of files of a build. MLflow 3.17 has 408.
const FILES_MAX: usize = 20_000;
/// Maximum number of directories inside each other.
const DEPTH_MAX: usize = 16;
/// Maximum number of bytes that are read of a file at once.
const PIECE_BYTES: usize = 128 << 10;
/// Number of pieces that are read before the first is sent.
const PIECES_AHEAD: usize = 2;
/// The page, which loads all other files.
const INDEX: &str = "index.html";
/// The directory of all other files, as the page names them.
const STATIC: &str = "/static-files/";
/// The least number of digits of a hash in a name: `main.0b0baad6.js`.
const HASH_DIGITS_MIN: usize = 8;

/// The content security policy of MLflow's pages. Scripts come from this server alone. The libraries for charts of MLflow 2 and
/// early 3 compile functions from texts, and all draw with styles of their own. An artifact in HTML is shown in a frame from a
/// blob, which inherits this policy, so no script inside it runs.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; media-src 'self' blob:; \
                      worker-src 'self' blob:; frame-src 'self' blob:; manifest-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'";

/// Media types by the ends of names. All other files are bytes.
const KINDS: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("cjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("gif", "image/gif"),
    ("ico", "image/x-icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("wasm", "application/wasm"),
];
const BYTES: &str = "application/octet-stream";

/// The files of a build, by their names in it, with `/` between directories.
#[derive(Debug)]
pub(crate) struct UiFiles {
    files: HashMap<String, PathBuf>,
}

/// A file that is open for reading.
pub(crate) struct UiFile {
    file: fs::File,
    bytes: u64,
    tag: HeaderValue,
    kind: &'static str,
    /// True if another content has another name.
    is_immutable: bool,
}

impl UiFiles {
    /// Lists a build. Links that lead out of the directory are left out.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        let shown = directory.display();
        let root = directory
            .canonicalize()
            .with_context(|| format!("cannot read the directory {shown}"))?;
        let mut files = HashMap::new();
        let mut left = vec![(root.clone(), String::new(), 0)];
        while let Some((directory, name, depth)) = left.pop() {
            ensure!(depth < DEPTH_MAX, "{shown} has too many directories inside each other");
            for entry in fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
                let entry = entry?;
                let (Ok(path), Ok(own)) = (entry.path().canonicalize(), entry.file_name().into_string()) else {
                    continue;
                };
                let name = format!("{name}{own}");
                if !path.starts_with(&root) {
                    continue;
                }
                if path.is_dir() {
                    left.push((path, format!("{name}/"), depth + 1));
                } else if path.is_file() {
                    files.insert(name, path);
                }
                ensure!(files.len() <= FILES_MAX, "{shown} has more than {FILES_MAX} files");
            }
        }
        if !files.contains_key(INDEX) {
            bail!("{shown} has no {INDEX}; MLflow's pages are in …/site-packages/mlflow/server/js/build");
        }
        tracing::info!(directory = %shown, files = files.len(), "serving MLflow's own pages at /PROJECT/-/ml/mlflow-ui/");
        Ok(Self { files })
    }

    /// The file at a path below the address of the pages. `None`: there is none.
    pub(crate) fn find(&self, path: &str) -> Option<(&str, &Path)> {
        let name = match path {
            "/" => Cow::Borrowed(INDEX),
            path => percent_decode_str(path.strip_prefix(STATIC)?).decode_utf8().ok()?,
        };
        let (name, path) = self.files.get_key_value(&*name)?;
        Some((name.as_str(), path.as_path()))
    }
}

impl UiFile {
    /// Opens a file.
    pub(crate) async fn open(name: &str, path: &Path) -> Result<Self, HttpError> {
        let (path, kind, is_immutable) = (path.to_owned(), kind_of(name), is_hashed(name));
        let opened = spawn_blocking(move || -> io::Result<_> {
            let file = fs::File::open(path)?;
            let metadata = file.metadata()?;
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok((file, metadata.len(), modified.as_nanos()))
        });
        // The directory changed since it was listed.
        let opened = opened.await.map_err(|_| HttpError::Internal)?;
        let (file, bytes, modified) = opened.map_err(|_| HttpError::EndpointNotFound)?;
        let tag = HeaderValue::try_from(format!("\"{modified:x}-{bytes:x}\""));
        Ok(Self {
            file,
            bytes,
            tag: tag.map_err(|_| HttpError::Internal)?,
            kind,
            is_immutable,
        })
    }

    /// The answer to a request for this file, which holds a permit until it is sent.
    pub(crate) fn answer(self, head: &Parts, permit: Permit) -> Response<Body> {
        let is_known = self.is_named_in(head);
        let (bytes, tag, kind, is_immutable) = (self.bytes, self.tag.clone(), self.kind, self.is_immutable);
        let body = if is_known || head.method == Method::HEAD || bytes == 0 {
            Body::empty()
        } else {
            Body::file(stream(self.file, bytes), bytes, permit)
        };
        let mut response = Response::new(body);
        let cached = if is_immutable {
            "private, max-age=31536000, immutable"
        } else {
            "private, no-cache"
        };
        let headers: [(HeaderName, &'static str); 5] = [
            (CONTENT_TYPE, kind),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "same-origin"),
            (CACHE_CONTROL, cached),
        ];
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response.headers_mut().insert(ETAG, tag);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if head.method == Method::HEAD {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
        }
        response
    }

    /// True if the browser has this file already.
    fn is_named_in(&self, head: &Parts) -> bool {
        let lines = head.headers.get_all(IF_NONE_MATCH).iter();
        let mut named = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        named.any(|named| {
            let named = named.trim_ascii();
            named.strip_prefix(b"W/").unwrap_or(named) == self.tag.as_bytes()
        })
    }
}

/// The pieces of a file. Each takes a thread only while it is read.
fn stream(file: fs::File, bytes: u64) -> BlobStream {
    let (pieces, stream) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let (mut file, mut left) = (file, bytes);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let read = spawn_blocking(move || {
                let mut piece = vec![0; wanted];
                file.read_exact(&mut piece).map(|()| (file, Bytes::from(piece)))
            });
            let Ok(Ok((rest, piece))) = read.await else {
                // The reader may be gone.
                let error = StorageError::Unavailable("a file of MLflow's pages is shorter than it was".into());
                _ = pieces.send(Err(error)).await;
                return;
            };
            file = rest;
            left = left.saturating_sub(u64::try_from(wanted).unwrap_or(left));
            if pieces.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    });
    stream
}

fn kind_of(name: &str) -> &'static str {
    let end = name.rsplit('.').next().unwrap_or_default();
    let kind = KINDS.iter().find(|(known, _)| end.eq_ignore_ascii_case(known));
    kind.map_or(BYTES, |(_, kind)| kind)
}

/// True if a part of the name is a hash of the content, as the builder of the pages writes it.
fn is_hashed(name: &str) -> bool {
    let is_hash = |part: &str| part.len() >= HASH_DIGITS_MIN && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let own = name.rsplit('/').next().unwrap_or_default();
    own.split('.').skip(1).any(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_hash_stands_for_one_content() {
        for hashed in ["static/js/main.0b0baad6.js", "a.worker.d0f8ea2c83c08b63528f.js"] {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in [
            "index.html",
            "favicon.ico",
            "deadbeef.js",
            "pdf.worker.js",
            "0b0baad6.d/x.js",
        ] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }

    #[test]
    fn a_type_is_told_by_the_end_of_a_name() {
        assert_eq!(kind_of("a/b.JS"), "text/javascript; charset=utf-8");
        assert_eq!(kind_of("a/b.woff2"), "font/woff2");
        assert_eq!(kind_of("a.js/b"), BYTES);
    }

    #[cfg(unix)]
    #[test]
    fn only_what_is_in_the_directory_is_found() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.js"), "secret").unwrap();
        let build = tempfile::tempdir().unwrap();
        assert!(UiFiles::open(&build.path().join("none")).is_err());
        assert!(
            UiFiles::open(build.path())
                .unwrap_err()
                .to_string()
                .contains("index.html")
        );
        fs::create_dir(build.path().join("static")).unwrap();
        for name in ["index.html", "static/a b.js"] {
            fs::write(build.path().join(name), name).unwrap();
        }
        let link = |from: &Path, to: &str| std::os::unix::fs::symlink(from, build.path().join(to)).unwrap();
        link(outside.path(), "out");
        link(&outside.path().join("secret.js"), "secret.js");
        link(&build.path().join("index.html"), "inside.html");
        let files = UiFiles::open(build.path()).unwrap();
        assert_eq!(files.files.len(), 3);
        let found = |path: &str| files.find(path).map(|(name, _)| name.to_owned());
        assert_eq!(found("/").as_deref(), Some("index.html"));
        assert_eq!(found("/static-files/static/a%20b.js").as_deref(), Some("static/a b.js"));
        assert_eq!(found("/static-files/inside.html").as_deref(), Some("inside.html"));
        for none in [
            "",
            "/index.html",
            "/static-files/",
            "/static-files/static",
            "/static-files/../index.html",
            "/static-files/%2e%2e/index.html",
            "/static-files//index.html",
            "/static-files/secret.js",
            "/static-files/out/secret.js",
            "/static-files/static/a%20b.js%00",
            "/static-files/%FF",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
