//! The files of a source: on this machine, or behind the server's proxy of artifacts.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::task::block_in_place;

use super::source::server::Server;

/// Bytes of a file that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Largest number of last segments of a location that are looked for below another folder: `1/models/m-5f…/artifacts`.
const LAST_SEGMENTS_MAX: usize = 4;
/// Smallest number of them: `1/5f…/artifacts` without its experiment would be any folder.
const LAST_SEGMENTS_MIN: usize = 3;
/// Folders below a store in which MLflow keeps files by default.
const USUAL_FOLDERS: [&str; 3] = ["", "mlruns", "mlartifacts"];

/// The contents of a file, as they come.
pub(super) type Contents = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The means to read files.
pub(super) struct Files {
    /// The folder of `--artifacts`.
    artifacts: Option<PathBuf>,
    /// Folders, without links. Files outside of them are not read: a location is a text that others wrote.
    roots: Vec<PathBuf>,
    server: Option<Server>,
}

/// The place of a directory of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Folder(PathBuf),
    /// A path behind the server's proxy.
    Proxy(String),
    /// A store that MLflow's clients reach by themselves, such as S3. The files stay there.
    Elsewhere,
    /// It lies where files are not read; the text says so.
    Outside(String),
    /// There is no such directory. A run without files often has none.
    Absent,
}

/// A name in a directory.
#[derive(Debug)]
pub(in crate::cli) struct Entry {
    pub(in crate::cli) name: String,
    pub(in crate::cli) is_directory: bool,
    /// 0 for a directory.
    pub(super) bytes: u64,
}

impl Files {
    pub(super) fn new(artifacts: Option<&Path>, roots: &[&Path], server: Option<Server>) -> anyhow::Result<Self> {
        let real = |path: &Path| {
            path.canonicalize()
                .with_context(|| format!("cannot open {}", path.display()))
        };
        let artifacts = artifacts.map(real).transpose()?;
        let mut roots = roots
            .iter()
            .map(|root| real(root))
            .collect::<anyhow::Result<Vec<_>>>()?;
        roots.extend(artifacts.clone());
        Ok(Self {
            artifacts,
            roots,
            server,
        })
    }

    /// Finds the place that a URI names.
    pub(super) fn place(&self, uri: &str) -> Place {
        if let Some(path) = self.proxied(uri) {
            return self.behind_proxy(uri, &path);
        }
        match uri.split_once("://") {
            Some(("file", path)) => self.folder(uri, &percent_decode_str(path).decode_utf8_lossy()),
            Some(_) => Place::Elsewhere,
            None => match uri.strip_prefix("file:") {
                Some(path) => self.folder(uri, path),
                None => self.folder(uri, uri),
            },
        }
    }

    /// The path of a URI behind the proxy. `None`: it is another URI.
    fn proxied(&self, uri: &str) -> Option<String> {
        let path = match uri.strip_prefix("mlflow-artifacts:") {
            // The name of the server may stand between.
            Some(rest) => match rest.strip_prefix("//") {
                Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
                None => rest,
            },
            None => self.server.as_ref().and_then(|server| server.proxied(uri))?,
        };
        Some(path.trim_matches('/').to_owned())
    }

    fn behind_proxy(&self, uri: &str, path: &str) -> Place {
        if let Some(folder) = &self.artifacts {
            return self.first_inside(uri, &[folder.join(path)]);
        }
        if self.server.is_some() {
            return Place::Proxy(path.to_owned());
        }
        let usual = self.roots.iter().map(|root| root.join("mlartifacts").join(path));
        self.first_inside(uri, &usual.collect::<Vec<_>>())
    }

    /// Finds a folder by its path. A store that was moved names a former place: then the end of the path counts.
    fn folder(&self, uri: &str, path: &str) -> Place {
        let mut candidates = vec![PathBuf::from(path)];
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        for count in (LAST_SEGMENTS_MIN..=LAST_SEGMENTS_MAX).rev() {
            let Some(last) = segments
                .len()
                .checked_sub(count)
                .and_then(|begin| segments.get(begin..))
            else {
                continue;
            };
            let last: PathBuf = last.iter().collect();
            for root in &self.roots {
                candidates.extend(USUAL_FOLDERS.map(|folder| root.join(folder).join(&last)));
            }
        }
        self.first_inside(uri, &candidates)
    }

    fn first_inside(&self, uri: &str, candidates: &[PathBuf]) -> Place {
        let mut is_outside = false;
        for candidate in candidates {
            let Ok(real) = candidate.canonicalize() else { continue };
            if real.is_dir() && self.roots.iter().any(|root| real.starts_with(root)) {
                return Place::Folder(real);
            }
            is_outside = true;
        }
        match is_outside {
            true => Place::Outside(format!(
                "{uri} lies outside of the store; --artifacts names a folder that may be read"
            )),
            false => Place::Absent,
        }
    }

    /// Lists a directory below a place. One that does not exist is empty. Links are left out.
    pub(super) async fn list(&self, place: &Place, below: &str) -> anyhow::Result<Vec<Entry>> {
        match place {
            Place::Folder(folder) => block_in_place(|| list_folder(&folder.join(below))),
            Place::Proxy(path) => {
                let path = joined(path, below);
                let query = [("path", path.as_str())];
                let server = self.server.as_ref().context("no server")?;
                let answer = server.find("mlflow-artifacts/artifacts", &query).await?;
                Ok(answer.map(|answer| listed(&answer)).unwrap_or_default())
            }
            Place::Elsewhere | Place::Outside(_) | Place::Absent => Ok(Vec::new()),
        }
    }

    /// Opens a file below a place.
    pub(super) async fn open(&self, place: &Place, path: &str) -> anyhow::Result<Contents> {
        match place {
            Place::Folder(folder) => {
                let file = tokio::fs::File::open(folder.join(path)).await;
                let file = file.with_context(|| format!("cannot read {}", folder.join(path).display()))?;
                Ok(LocalFile(file).map_err(Into::into).boxed_unsync())
            }
            Place::Proxy(root) => {
                let path = joined(root, path);
                let server = self.server.as_ref().context("no server")?;
                let response = server
                    .get(&format!("mlflow-artifacts/artifacts/{}", encoded(&path)), &[])
                    .await?;
                ensure!(response.status().is_success(), "{path} answers {}", response.status());
                let body: reqwest::Body = http::Response::from(response).into_body();
                Ok(body.map_err(Into::into).boxed_unsync())
            }
            Place::Elsewhere | Place::Outside(_) | Place::Absent => Err(anyhow!("{path} is not read")),
        }
    }
}

/// A path below another one, which may be empty.
pub(in crate::cli) fn joined(root: &str, below: &str) -> String {
    match (root.is_empty(), below.is_empty()) {
        (true, _) => below.to_owned(),
        (_, true) => root.to_owned(),
        _ => format!("{root}/{below}"),
    }
}

/// A path as a part of an address.
pub(super) fn encoded(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string());
    segments.collect::<Vec<_>>().join("/")
}

fn list_folder(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let data = entry.metadata()?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| anyhow!("the name {} is no UTF-8", name.display()))?;
        if data.is_dir() || data.is_file() {
            found.push(Entry {
                name,
                is_directory: data.is_dir(),
                bytes: if data.is_dir() { 0 } else { data.len() },
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The entries of a server's answer. Servers name them with or without the path before.
pub(in crate::cli) fn listed(answer: &serde_json::Value) -> Vec<Entry> {
    let files = answer["files"].as_array().map_or(&[][..], Vec::as_slice);
    let entry = |file: &serde_json::Value| {
        let path = file["path"].as_str()?;
        let size = &file["file_size"];
        let of_text = || size.as_str().and_then(|size| size.parse().ok());
        Some(Entry {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            is_directory: file["is_dir"] == true,
            bytes: size.as_u64().or_else(of_text).unwrap_or(0),
        })
    };
    files.iter().filter_map(entry).collect()
}

/// A file of this machine.
struct LocalFile(tokio::fs::File);

impl Body for LocalFile {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut bytes = vec![0; CHUNK_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        if let Err(error) = ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let count = buffer.filled().len();
        bytes.truncate(count);
        Poll::Ready((count > 0).then(|| Ok(Frame::data(bytes.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_below_the_store_only_even_if_it_was_moved() {
        let (store, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = store.path().canonicalize().unwrap();
        let run = root.join("1").join("5f").join("artifacts");
        std::fs::create_dir_all(&run).unwrap();
        let files = Files::new(None, &[store.path()], None).unwrap();
        let place = |uri: &str| files.place(uri);
        assert_eq!(place(run.to_str().unwrap()), Place::Folder(run.clone()));
        assert_eq!(place(&format!("file://{}", run.display())), Place::Folder(run.clone()));
        assert_eq!(place("/home/ada/mlruns/1/5f/artifacts"), Place::Folder(run));
        let climbing = format!("{}/../..", root.join("1").display());
        for outside in [other.path().to_str().unwrap(), "/etc", "file:///etc", &climbing] {
            assert!(matches!(place(outside), Place::Outside(_)), "{outside}");
        }
        assert_eq!(place("/none/here/at/all"), Place::Absent);
        assert_eq!(place("s3://bucket/1"), Place::Elsewhere);
    }

    #[test]
    fn proxied_files_are_in_the_folder_of_artifacts() {
        let store = tempfile::tempdir().unwrap();
        let run = store.path().canonicalize().unwrap().join("1").join("5f");
        std::fs::create_dir_all(&run).unwrap();
        let files = Files::new(Some(store.path()), &[], None).unwrap();
        assert_eq!(files.place("mlflow-artifacts:/1/5f"), Place::Folder(run.clone()));
        assert_eq!(files.place("mlflow-artifacts://host:5000/1/5f"), Place::Folder(run));
        assert!(matches!(files.place("mlflow-artifacts:/../.."), Place::Outside(_)));
    }
}
