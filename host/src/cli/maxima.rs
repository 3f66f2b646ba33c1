//! Maxima of what projects keep: those of all projects, and those of some.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::ensure;
use clap::Args;
use mlforge::ProjectMaxima;
use mlforge::storage::{PerProject, ProjectId};

/// Maxima of projects.
#[derive(Debug, Args)]
pub(super) struct MaximaArgs {
    /// Largest number of MiB that the files of one project may have together; without it there is no bound
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    max_project_size: Option<u64>,

    /// Largest number of files that one project may have; without it there is no bound
    #[arg(long, value_name = "COUNT")]
    max_project_files: Option<u64>,

    /// Largest number of runs that one project may have, deleted ones included until they are purged
    #[arg(long, value_name = "COUNT")]
    max_project_runs: Option<u64>,

    /// Largest number of metric values that the runs of one project may have
    #[arg(long, value_name = "COUNT")]
    max_project_points: Option<u64>,

    /// Largest number of traces that one project may have
    #[arg(long, value_name = "COUNT")]
    max_project_traces: Option<u64>,

    /// Other maxima for one project, by its number, for example 42:runs=200000,size=none; may be repeated. Names are size
    /// (in MiB), files, runs, points and traces; what is not named is as for all projects
    #[arg(long, value_name = "PROJECT:NAME=COUNT,...")]
    project_maxima: Vec<OwnMaxima>,
}

/// The maxima that one project has for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnMaxima {
    project: ProjectId,
    maxima: BTreeMap<Name, u64>,
}

/// A kind of thing that a maximum bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Size,
    Files,
    Runs,
    Points,
    Traces,
}

impl MaximaArgs {
    /// The maxima of each project.
    pub(super) fn maxima(&self) -> anyhow::Result<PerProject<ProjectMaxima>> {
        let common = ProjectMaxima {
            bytes: self.max_project_size.map_or(u64::MAX, |size| size << 20),
            files: self.max_project_files.unwrap_or(u64::MAX),
            runs: self.max_project_runs.unwrap_or(u64::MAX),
            points: self.max_project_points.unwrap_or(u64::MAX),
            traces: self.max_project_traces.unwrap_or(u64::MAX),
        };
        let mut own = BTreeMap::new();
        for given in &self.project_maxima {
            let project = given.project;
            let is_new = own.insert(project, given.instead_of(common)).is_none();
            ensure!(
                is_new,
                "--project-maxima names project {} twice: give all its maxima at once",
                project.0
            );
        }
        Ok(PerProject::with(common, own))
    }
}

impl OwnMaxima {
    fn instead_of(&self, mut maxima: ProjectMaxima) -> ProjectMaxima {
        for (name, &max) in &self.maxima {
            *name.field(&mut maxima) = max;
        }
        maxima
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "size" => Some(Self::Size),
            "files" => Some(Self::Files),
            "runs" => Some(Self::Runs),
            "points" => Some(Self::Points),
            "traces" => Some(Self::Traces),
            _ => None,
        }
    }

    fn field(self, maxima: &mut ProjectMaxima) -> &mut u64 {
        match self {
            Self::Size => &mut maxima.bytes,
            Self::Files => &mut maxima.files,
            Self::Runs => &mut maxima.runs,
            Self::Points => &mut maxima.points,
            Self::Traces => &mut maxima.traces,
        }
    }

    /// Reads a count, in the unit of the command line. `none` lifts the bound.
    fn count(self, text: &str) -> Option<u64> {
        if text == "none" {
            return Some(u64::MAX);
        }
        let count: u64 = text.parse().ok()?;
        match self {
            Self::Size => count.checked_mul(1 << 20),
            _ => Some(count),
        }
    }
}

/// Reads `42:runs=200000,size=none`.
impl FromStr for OwnMaxima {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (project, rest) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` names no project: it is like 42:runs=200000,size=none"))?;
        let project = project
            .parse()
            .map_err(|_| format!("`{project}` is no project's number"))?;
        let mut maxima = BTreeMap::new();
        for part in rest.split(',') {
            let (word, count) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is no maximum: it is like runs=200000, or runs=none"))?;
            let name =
                Name::parse(word).ok_or_else(|| format!("`{word}` is none of size, files, runs, points and traces"))?;
            let count = name
                .count(count)
                .ok_or_else(|| format!("`{count}` is no maximum: it is a number, or none"))?;
            if maxima.insert(name, count).is_some() {
                return Err(format!("`{word}` is named twice"));
            }
        }
        Ok(Self {
            project: ProjectId(project),
            maxima,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn args(own: &[&str]) -> MaximaArgs {
        MaximaArgs {
            max_project_size: Some(2),
            max_project_files: None,
            max_project_runs: Some(10),
            max_project_points: None,
            max_project_traces: None,
            project_maxima: own.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn a_project_has_its_own_maxima_and_the_common_ones_for_the_rest() {
        let maxima = args(&["7:runs=20,size=none", "8:size=3"]).maxima().unwrap();
        let of = |project| {
            let maxima = maxima.of(ProjectId(project));
            (maxima.runs, maxima.bytes, maxima.files)
        };
        assert_eq!(of(1), (10, 2 << 20, u64::MAX));
        assert_eq!(of(7), (20, u64::MAX, u64::MAX));
        assert_eq!(of(8), (10, 3 << 20, u64::MAX));
    }

    #[test]
    fn a_project_is_named_once() {
        let error = args(&["7:runs=20", "7:size=3"]).maxima().unwrap_err();
        assert!(error.to_string().contains("project 7 twice"), "{error}");
    }

    #[test]
    fn a_mistake_is_named() {
        let mistake = |text: &str| text.parse::<OwnMaxima>().unwrap_err();
        assert!(mistake("7").contains("names no project"));
        assert!(mistake("x:runs=1").contains("`x` is no project's number"));
        assert!(mistake("7:").contains("`` is no maximum"));
        assert!(mistake("7:rows=1").contains("`rows` is none of size"));
        assert!(mistake("7:runs=-1").contains("`-1` is no maximum"));
        assert!(mistake("7:size=99999999999999").contains("is no maximum"));
        assert!(mistake("7:runs=1,runs=2").contains("twice"));
    }
}
