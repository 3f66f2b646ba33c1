//! Checks of artifacts: each file is whole, and no other exists.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use bytes::Bytes;

use super::same_map;
use crate::api::{Api, Result, list, text};
use crate::expected::{Contents, Expected};

/// Maximum number of directories of a run.
const DIRECTORIES_MAX: usize = 100;

/// Checks all files of a run: their list and their bytes.
pub(super) async fn all(api: &mut Api, expected: &Expected, run: usize) -> Result<()> {
    let known = expected.runs.get(run).context("no such run")?;
    let root = expected.root(known);
    let listed = tree(api, &root).await?;
    let sizes = known.files.iter();
    let sizes = sizes.map(|(path, parts)| (path.clone(), parts.iter().map(|part| part.length).sum()));
    same_map(&format!("run {}", known.id), "size of file", &listed, &sizes.collect())?;
    for path in known.files.keys() {
        one(api, expected, run, path).await?;
    }
    Ok(())
}

/// Checks one file of a run: its bytes, or that it does not exist.
pub(super) async fn one(api: &mut Api, expected: &Expected, run: usize, path: &str) -> Result<()> {
    let known = expected.runs.get(run).context("no such run")?;
    let call = api.target.download(&format!("{}/{path}", expected.root(known)));
    let what = format!("file {path} of run {}", known.id);
    let Some(parts) = known.files.get(path) else {
        return api.miss(call).await;
    };
    let answer = api.read(call).await?;
    if answer.status != 200 {
        return Err(anyhow!("{what}: {}", answer.brief()).into());
    }
    if answer.body != whole(parts) {
        let (found, length) = (answer.body.len(), parts.iter().map(|part| part.length).sum::<usize>());
        return Err(anyhow!("{what}: other bytes ({found} of them) than expected ({length})").into());
    }
    Ok(())
}

fn whole(parts: &[Contents]) -> Bytes {
    match parts {
        [part] => part.bytes(),
        parts => parts.iter().flat_map(|part| part.bytes()).collect(),
    }
}

/// The sizes of all files below a directory, by their relative paths.
async fn tree(api: &mut Api, root: &str) -> Result<BTreeMap<String, usize>> {
    let (mut files, mut directories) = (BTreeMap::new(), vec![String::new()]);
    for _ in 0..DIRECTORIES_MAX {
        let Some(directory) = directories.pop() else {
            return Ok(files);
        };
        let call = api.target.list(&format!("{root}{directory}"));
        let answer = api.ask(call).await?;
        for item in list(&answer, "/files") {
            let path = format!("{directory}/{}", text(item, "/path")?);
            match item.pointer("/is_dir").and_then(serde_json::Value::as_bool) {
                Some(true) => directories.push(path),
                _ => {
                    let size = item.pointer("/file_size").and_then(serde_json::Value::as_u64);
                    let size = usize::try_from(size.context("a file without a size")?).unwrap_or(usize::MAX);
                    files.insert(path.trim_start_matches('/').to_owned(), size);
                }
            }
        }
    }
    Err(anyhow!("more than {DIRECTORIES_MAX} directories below {root}").into())
}
