//! MLflow's file store: a folder of directories, in which most values have a file of their own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use async_trait::async_trait;
use tokio::task::block_in_place;

use super::directory::{directories, keys_below, pairs_below};
use super::folder_registry;
use super::meta::Meta;
use super::{
    DatasetInput, Experiment, LoggedModel, Model, ModelPoint, PAGE_OBJECTS, PAGE_POINTS, Page, Point, Run, Source,
    Version,
};

/// The words of MLflow's numbers for the statuses of runs, which its file store writes.
const STATUSES: [&str; 6] = ["", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// A folder, usually named `mlruns`.
pub(in crate::cli::import) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(in crate::cli::import) fn open(root: &Path) -> anyhow::Result<Self> {
        let root = fs::canonicalize(root).with_context(|| format!("cannot open {}", root.display()))?;
        let source = Self { root };
        let names = directories(&source.root)?;
        let is_store = names
            .iter()
            .any(|name| source.root.join(name).join("meta.yaml").exists())
            || source.root.join("models").is_dir()
            || source.root.join(".trash").is_dir();
        ensure!(
            is_store,
            "{} is no folder of MLflow's file store: no directory in it has a meta.yaml",
            source.root.display()
        );
        Ok(source)
    }

    /// The directories of all experiments, those with small numbers in their order.
    fn experiment_directories(&self) -> anyhow::Result<Vec<(u64, String)>> {
        let mut found = Vec::new();
        for place in ["", ".trash/"] {
            for name in directories(&self.root.join(place))? {
                let is_other = place.is_empty() && matches!(name.as_str(), "models" | ".trash");
                if !is_other && self.root.join(place).join(&name).join("meta.yaml").exists() {
                    found.push((name.parse().unwrap_or(u64::MAX), format!("{place}{name}")));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The directory of an experiment, which may be among the deleted ones.
    fn directory_of(&self, experiment: &str) -> PathBuf {
        let active = self.root.join(experiment);
        match active.is_dir() {
            true => active,
            false => self.root.join(".trash").join(experiment),
        }
    }

    fn page_of<T>(
        &self,
        parent: &Path,
        after: Option<String>,
        fits: impl Fn(&str) -> bool,
        kind: &str,
        read: impl Fn(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<Page<T>> {
        let mut names = directories(parent)?;
        names.retain(|name| fits(name) && after.as_ref().is_none_or(|after| name > after));
        let is_cut = names.len() > PAGE_OBJECTS;
        names.truncate(PAGE_OBJECTS);
        let mut page = Page::of(Vec::new(), names.last().cloned().filter(|_| is_cut));
        for name in names {
            page.add(|| format!("{kind} {name}"), read(&parent.join(&name)));
        }
        Ok(page)
    }
}

#[async_trait]
impl Source for Folder {
    async fn experiments(&self, after: Option<String>) -> anyhow::Result<Page<Experiment>> {
        block_in_place(|| {
            let all = self.experiment_directories()?;
            let begin = match &after {
                Some(after) => all.iter().position(|(_, name)| name == after).map_or(0, |at| at + 1),
                None => 0,
            };
            let some: Vec<_> = all.iter().skip(begin).take(PAGE_OBJECTS).collect();
            let is_cut = begin + some.len() < all.len();
            let next = some.last().map(|(_, name)| name.clone()).filter(|_| is_cut);
            let mut page = Page::of(Vec::new(), next);
            for (_, name) in some {
                page.add(|| format!("experiment {name}"), experiment(&self.root.join(name)));
            }
            Ok(page)
        })
    }

    async fn runs(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<Run>> {
        block_in_place(|| {
            let parent = self.directory_of(&experiment.id);
            let is_run = |name: &str| {
                !matches!(name, "tags" | "datasets" | "models" | "traces")
                    && parent.join(name).join("meta.yaml").exists()
            };
            self.page_of(&parent, after, is_run, "run", |directory| run(directory, &parent))
        })
    }

    async fn points(&self, run: &Run, after: Option<String>) -> anyhow::Result<Page<Point>> {
        block_in_place(|| {
            let directory = self.directory_of(&run.experiment).join(&run.id).join("metrics");
            let (begin, offset) = cursor(after.as_deref());
            let mut points = Vec::new();
            for (index, key) in run.metrics.iter().enumerate().skip(begin) {
                let from = if index == begin { offset } else { 0 };
                let cut = lines(&directory.join(key), from, PAGE_POINTS - points.len(), |line| {
                    points.push(point(key, line)?);
                    Ok(())
                })?;
                if let Some(offset) = cut {
                    return Ok(Page::of(points, Some(format!("{index}:{offset}"))));
                }
            }
            Ok(Page::of(points, None))
        })
    }

    async fn logged_models(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<LoggedModel>> {
        block_in_place(|| {
            let parent = self.directory_of(&experiment.id).join("models");
            self.page_of(
                &parent,
                after,
                |name| name.starts_with("m-"),
                "logged model",
                logged_model,
            )
        })
    }

    async fn model_points(&self, model: &LoggedModel, after: Option<String>) -> anyhow::Result<Page<ModelPoint>> {
        block_in_place(|| {
            let directory = self
                .directory_of(&model.experiment)
                .join("models")
                .join(&model.id)
                .join("metrics");
            let keys = keys_below(&directory)?;
            let (begin, offset) = cursor(after.as_deref());
            let mut points = Vec::new();
            for (index, key) in keys.iter().enumerate().skip(begin) {
                let from = if index == begin { offset } else { 0 };
                let cut = lines(&directory.join(key), from, PAGE_POINTS - points.len(), |line| {
                    points.push(model_point(key, line)?);
                    Ok(())
                })?;
                if let Some(offset) = cut {
                    return Ok(Page::of(points, Some(format!("{index}:{offset}"))));
                }
            }
            Ok(Page::of(points, None))
        })
    }

    async fn models(&self, after: Option<String>) -> anyhow::Result<Page<Model>> {
        block_in_place(|| {
            let parent = self.root.join("models");
            let is_model = |name: &str| parent.join(name).join("meta.yaml").exists();
            self.page_of(&parent, after, is_model, "registered model", folder_registry::model)
        })
    }

    async fn versions(&self, model: &Model, _: Option<String>) -> anyhow::Result<Page<Version>> {
        block_in_place(|| folder_registry::versions(&self.root.join("models").join(&model.name)))
    }
}

fn experiment(directory: &Path) -> anyhow::Result<Experiment> {
    let meta = Meta::read(directory)?;
    Ok(Experiment {
        id: meta.text("experiment_id").context("it has no experiment_id")?,
        name: meta.text("name").context("it has no name")?,
        location: meta.text_or_empty("artifact_location"),
        created_ms: meta.number("creation_time").unwrap_or(0),
        updated_ms: meta.number("last_update_time").unwrap_or(0),
        is_deleted: meta.text_or_empty("lifecycle_stage") == "deleted",
        tags: pairs_below(&directory.join("tags"))?,
    })
}

fn run(directory: &Path, experiment: &Path) -> anyhow::Result<Run> {
    let meta = Meta::read(directory)?;
    let id = meta.text("run_id").or_else(|| meta.text("run_uuid"));
    let tags = pairs_below(&directory.join("tags"))?;
    let name = || {
        tags.iter()
            .find(|(key, _)| key == "mlflow.runName")
            .map(|(_, value)| value.clone())
    };
    let status = usize::try_from(meta.number("status").unwrap_or(0)).unwrap_or(0);
    let mut run = Run {
        id: id.context("it has no run_id")?,
        experiment: meta.text("experiment_id").context("it has no experiment_id")?,
        name: meta
            .text("run_name")
            .filter(|name| !name.is_empty())
            .or_else(name)
            .unwrap_or_default(),
        user: meta.text_or_empty("user_id"),
        status: STATUSES.get(status).copied().unwrap_or_default().to_owned(),
        start_ms: meta.number("start_time").unwrap_or(0),
        end_ms: meta.number("end_time"),
        is_deleted: meta.text_or_empty("lifecycle_stage") == "deleted",
        deleted_ms: meta.number("deleted_time"),
        location: meta.text_or_empty("artifact_uri"),
        params: pairs_below(&directory.join("params"))?,
        metrics: keys_below(&directory.join("metrics"))?,
        tags,
        ..Run::default()
    };
    add_inputs(&mut run, directory, experiment)?;
    for name in directories(&directory.join("outputs"))? {
        let meta = Meta::read(&directory.join("outputs").join(name))?;
        run.outputs
            .push((meta.text_or_empty("destination_id"), meta.number("step").unwrap_or(0)));
    }
    Ok(run)
}

fn add_inputs(run: &mut Run, directory: &Path, experiment: &Path) -> anyhow::Result<()> {
    for name in directories(&directory.join("inputs"))? {
        let meta = Meta::read(&directory.join("inputs").join(name))?;
        let source = meta.text_or_empty("source_id");
        if meta.text_or_empty("source_type") == "MODEL" {
            run.model_inputs.push(source);
            continue;
        }
        ensure!(
            !source.contains(['/', '\\']),
            "the dataset `{source}` is no name of a directory"
        );
        let dataset = Meta::read(&experiment.join("datasets").join(source))?;
        run.inputs.push(DatasetInput {
            name: dataset.text_or_empty("name"),
            digest: dataset.text_or_empty("digest"),
            source_type: dataset.text_or_empty("source_type"),
            source: dataset.text_or_empty("source"),
            schema: dataset.text("schema"),
            profile: dataset.text("profile"),
            tags: meta.pairs("tags"),
        });
    }
    Ok(())
}

fn logged_model(directory: &Path) -> anyhow::Result<LoggedModel> {
    let meta = Meta::read(directory)?;
    Ok(LoggedModel {
        id: meta.text("model_id").context("it has no model_id")?,
        experiment: meta.text("experiment_id").context("it has no experiment_id")?,
        name: meta.text_or_empty("name"),
        kind: meta.text_or_empty("model_type"),
        source_run: meta.text_or_empty("source_run_id"),
        status: meta.number("status").unwrap_or(0),
        created_ms: meta.number("creation_timestamp").unwrap_or(0),
        updated_ms: meta.number("last_updated_timestamp").unwrap_or(0),
        is_deleted: meta.text_or_empty("lifecycle_stage") == "deleted",
        location: meta.text_or_empty("artifact_location"),
        params: pairs_below(&directory.join("params"))?,
        tags: pairs_below(&directory.join("tags"))?,
    })
}

/// Reads a line of a run's metric: time, value, step, and perhaps a dataset. Old stores have no step.
fn point(key: &str, line: &str) -> anyhow::Result<Point> {
    let mut words = line.split(' ');
    let malformed = || anyhow!("the metric {key} has the line `{line}`");
    let timestamp_ms = words.next().and_then(|word| word.parse().ok()).ok_or_else(malformed)?;
    let value = words.next().and_then(|word| word.parse().ok()).ok_or_else(malformed)?;
    let step = words.next().map_or(Ok(0), str::parse::<i64>).map_err(|_| malformed())?;
    Ok(Point {
        key: key.to_owned(),
        value,
        timestamp_ms,
        step,
    })
}

/// Reads a line of a logged model's metric: time, value, step, run, and perhaps a dataset.
fn model_point(key: &str, line: &str) -> anyhow::Result<ModelPoint> {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
    Ok(ModelPoint {
        run: word(3),
        point: point(key, line)?,
        dataset: (word(4), word(5)),
    })
}

/// Reads at most `count` lines of a file from an offset. Returns the offset after them if there are more.
fn lines(
    path: &Path,
    from: u64,
    count: usize,
    mut each: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<Option<u64>> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.seek(SeekFrom::Start(from))?;
    let (mut reader, mut offset, mut line) = (BufReader::new(file), from, String::new());
    for _ in 0..count {
        line.clear();
        let bytes = reader
            .read_line(&mut line)
            .with_context(|| path.display().to_string())?;
        if bytes == 0 {
            return Ok(None);
        }
        offset += u64::try_from(bytes)?;
        let text = line.trim_end();
        if !text.is_empty() {
            each(text)?;
        }
    }
    Ok(Some(offset))
}

/// Reads the position in a list of metrics: the index of one, and the offset in its file.
fn cursor(after: Option<&str>) -> (usize, u64) {
    let parts = after.and_then(|after| after.split_once(':'));
    parts.map_or((0, 0), |(index, offset)| {
        (index.parse().unwrap_or(0), offset.parse().unwrap_or(0))
    })
}
