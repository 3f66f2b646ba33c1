//! A file that all callers replace, delete and read at the same time.

use anyhow::{Context, Result, anyhow, ensure};
use mlforge_bench::client::{Answer, Call, Target};

use super::{Draw, SharedStep};
use crate::api::{self, Api, list, text};
use crate::events::{Fate, Moment, Register};
use crate::expected::Contents;

/// Name of the file in the artifacts of its run.
const NAME: &str = "shared.bin";
/// Lengths of its contents: less and more than a server keeps whole in memory, and than an object of the store has at least.
const LENGTHS: [usize; 5] = [0, 100, 300 << 10, 2 << 20, 6 << 20];

/// The shared file.
#[derive(Clone)]
pub(super) struct SharedFile {
    /// The path of its directory in addresses.
    directory: String,
    /// The contents; `None`: there is no file.
    contents: Register<Option<Contents>>,
}

impl SharedFile {
    pub(super) fn new(experiment: &str, run: &str) -> Self {
        Self {
            directory: format!("{experiment}/{run}/artifacts"),
            contents: Register::new(None),
        }
    }

    fn path(&self) -> String {
        format!("{}/{NAME}", self.directory)
    }

    pub(super) fn draw(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let length = draw.dice.pick(&LENGTHS).copied().unwrap_or_default();
        let contents = (draw.dice.below(5) > 0).then(|| Contents {
            // Files without bytes are alike.
            seed: if length == 0 { 0 } else { draw.dice.number() },
            length,
        });
        let call = match contents {
            Some(contents) => draw.target.upload(&self.path(), contents.bytes()),
            None => draw.target.remove(&self.path()),
        };
        let index = self.contents.writes.begin(contents, draw.now);
        SharedStep::new(call, move |things, ended| {
            things.file.contents.writes.end(index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        })
    }

    /// The request that reads it.
    pub(super) fn download(&self, target: &Target) -> Call {
        target.download(&self.path())
    }

    /// Checks an answer to it, which was asked for at one moment and came at another one: it is whole, and it may have been so.
    pub(super) fn is_possible(&self, answer: &Answer, begin: Moment, end: Moment) -> Result<()> {
        let path = self.path();
        let found = match answer.status {
            404 => None,
            200 => {
                let mut known = self.contents.writes.possible().filter_map(|write| write.what);
                let found = known.find(|contents| contents.are(&answer.body));
                Some(found.with_context(|| format!("{path}: {} bytes that nobody wrote", answer.body.len()))?)
            }
            _ => return Err(anyhow!("{path}: {}", answer.brief())),
        };
        ensure!(
            self.contents.may_be(&found, begin, end),
            "{path} cannot be so any more: {found:?}; writes {:?}",
            self.contents.writes
        );
        Ok(())
    }

    /// Checks that the file is listed as it is read, while nobody changes it.
    pub(super) async fn check_list(&self, api: &mut Api) -> api::Result<()> {
        let answer = api.read(self.download(&api.target)).await?;
        let read = (answer.status == 200).then_some(answer.body.len());
        let call = api.target.list(&self.directory);
        let listed = api.ask(call).await?;
        let mut sizes = Vec::new();
        for item in list(&listed, "/files") {
            let size = item.pointer("/file_size").and_then(serde_json::Value::as_u64);
            let size = size.and_then(|size| usize::try_from(size).ok());
            sizes.push((text(item, "/path")?.to_owned(), size.context("a file without a size")?));
        }
        let expected: Vec<(String, usize)> = read.map(|size| (NAME.to_owned(), size)).into_iter().collect();
        if sizes != expected {
            return Err(anyhow!("{} has {sizes:?}, and {expected:?} can be read", self.directory).into());
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.contents.writes.settle(now);
    }
}
