//! A model whose versions and aliases all callers make and delete. Some versions are made from runs that
//! others delete.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use hyper::Method;
use serde_json::json;

use super::aliases::{ALIASES, Aliases};
use super::stage::is_deleted;
use super::versions::{Made, VersionedRun, Versions, Wanted};
use super::{Draw, SharedStep, make_run};
use crate::api::{self, Api, list, text};
use crate::check::encoded;
use crate::events::{Fate, Moment, Register};

/// Number of callers that compete for the same semantic version.
const RIVALS: u64 = 3;
/// Number of runs that some callers make versions of and others delete.
const RUNS: usize = 3;
/// Maximum number of pages of the list of versions.
const PAGES_MAX: usize = 100_000;

/// The shared model.
#[derive(Clone)]
pub(super) struct SharedModel {
    name: String,
    tries: u64,
    versions: Versions,
    aliases: Aliases,
    duel: Option<Duel>,
}

/// The change that the next caller makes, concurrently with the last one.
#[derive(Clone, Copy)]
enum Duel {
    /// Sets an alias while its version is deleted.
    SetAlias(&'static str),
    /// Makes a version of a run while the run is deleted.
    Create(usize),
    /// Deletes a run while a version is made of it.
    DeleteRun(usize),
}

impl SharedModel {
    /// Makes the model, and its runs in an experiment.
    pub(super) async fn make(api: &mut Api, name: String, experiment: &str) -> api::Result<Self> {
        let call = api.target.post("registered-models/create", &json!({"name": name}));
        api.ask(call).await?;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(VersionedRun {
                id: make_run(api, experiment).await?,
                is_deleted: Register::new(false),
            });
        }
        Ok(Self {
            name,
            tries: 0,
            versions: Versions::new(runs),
            aliases: Aliases::new(),
            duel: None,
        })
    }

    pub(super) fn draw(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let kind = draw.dice.below(20);
        let step = match self.duel.take() {
            Some(Duel::SetAlias(alias)) => self.set_alias(draw, Some(alias)),
            Some(Duel::Create(run)) => Some(self.create(draw, Some(run))),
            Some(Duel::DeleteRun(run)) => self.set_stage(draw, Some(run)),
            None => match kind {
                0..4 => self.delete(draw),
                4..7 => self.set_alias(draw, None),
                7 => Some(self.delete_alias(draw)),
                8..11 => Some(self.read_alias(draw)),
                11..15 => self.set_stage(draw, None),
                _ => None,
            },
        };
        step.unwrap_or_else(|| self.create(draw, None))
    }

    /// Makes a version, of a given run or any.
    fn create(&mut self, draw: &mut Draw<'_>, run: Option<usize>) -> SharedStep {
        let semver = draw.dice.one_in(3).then(|| {
            self.tries += 1;
            format!("9.{}.0", self.tries / RIVALS)
        });
        let any = if draw.dice.one_in(3) {
            draw.dice.index(self.versions.runs.len())
        } else {
            None
        };
        if run.is_none() {
            self.duel = any.map(Duel::DeleteRun);
        }
        let run = run.or(any);
        let token = draw.dice.token();
        let mut tags = vec![json!({"key": "token", "value": token})];
        tags.extend(
            semver
                .iter()
                .map(|semver| json!({"key": "gitlab.version", "value": semver})),
        );
        let run_id = run.and_then(|run| self.versions.runs.get(run)).map(|run| &run.id);
        let body = json!({"name": self.name, "source": "", "run_id": run_id, "tags": tags});
        let call = draw.target.post("model-versions/create", &body);
        let begin = draw.now;
        let wanted = Wanted { token, semver, run };
        let index = self.versions.creations.begin(wanted, begin);
        SharedStep::new(call, move |things, ended| {
            things.model.versions.created(index, begin, ended)
        })
    }

    /// Deletes a version. Most often it is one that other requests need: it has an alias, or is one of the
    /// runs.
    fn delete(&mut self, draw: &mut Draw<'_>) -> Option<SharedStep> {
        let Versions {
            made, deletions, runs, ..
        } = &self.versions;
        let is_doomed = |number: &u64| deletions.0.iter().any(|event| event.what == *number);
        let any = made.keys().filter(|number| !is_doomed(number));
        let is_busy = |number: &u64| {
            let run = made.get(number).map(|made| &made.run);
            self.aliases.last_of(*number).is_some() || runs.iter().any(|it| Some(&it.id) == run)
        };
        let busy = any.clone().filter(|number| is_busy(number));
        let busy = draw.dice.pick_from(busy).filter(|_| !draw.dice.one_in(4));
        let number = *busy.or_else(|| draw.dice.pick_from(any))?;
        self.duel = self.aliases.last_of(number).map(Duel::SetAlias);
        let index = self.versions.deletions.begin(number, draw.now);
        let body = json!({"name": self.name, "version": number.to_string()});
        let call = draw.target.json(Method::DELETE, "model-versions/delete", &body);
        Some(SharedStep::new(call, move |things, ended| {
            things.model.versions.deletions.end(index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        }))
    }

    /// Sets an alias, a given one or any.
    fn set_alias(&mut self, draw: &mut Draw<'_>, alias: Option<&'static str>) -> Option<SharedStep> {
        let any = *draw.dice.pick(&ALIASES)?;
        let alias = alias.unwrap_or(any);
        // Versions that are certainly deleted are left out.
        let is_gone = |number: u64| self.versions.deletions.done().any(|deletion| deletion.what == number);
        let made = self.versions.made.keys().filter(|number| !is_gone(**number));
        let number = *draw.dice.pick_from(made)?;
        let index = self.aliases.begin(alias, Some(number), draw.now);
        let body = json!({"name": self.name, "alias": alias, "version": number.to_string()});
        let call = draw.target.post("registered-models/alias", &body);
        Some(SharedStep::new(call, move |things, ended| {
            let model = &mut things.model;
            model.aliases.end(alias, index, ended.fate, ended.now);
            let may_be_gone = model
                .versions
                .deletions
                .possible()
                .any(|deletion| deletion.what == number);
            ensure!(ended.fate != Fate::Refused || may_be_gone, "{}", ended.said);
            Ok(())
        }))
    }

    fn delete_alias(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let alias = *draw.dice.pick(&ALIASES).unwrap_or(&ALIASES[0]);
        let index = self.aliases.begin(alias, None, draw.now);
        let body = json!({"name": self.name, "alias": alias});
        let call = draw.target.json(Method::DELETE, "registered-models/alias", &body);
        SharedStep::new(call, move |things, ended| {
            things.model.aliases.end(alias, index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        })
    }

    fn read_alias(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let (begin, alias) = (draw.now, *draw.dice.pick(&ALIASES).unwrap_or(&ALIASES[0]));
        let path = format!("registered-models/alias?name={}&alias={alias}", encoded(&self.name));
        SharedStep::new(draw.target.get(&path), move |things, ended| {
            let named = match ended.fate {
                Fate::Done => Some(text(&ended.reply.json, "/model_version/version")?.parse()?),
                Fate::Refused => None,
                Fate::Unknown => bail!("an alias cannot be read: {}", ended.said),
            };
            let model = &things.model;
            model
                .aliases
                .may_name(alias, named, &model.versions.deletions, (begin, ended.now))
        })
    }

    /// Deletes a given run, or deletes or restores any. A run that is a version must not be deleted.
    fn set_stage(&mut self, draw: &mut Draw<'_>, run: Option<usize>) -> Option<SharedStep> {
        let is_deleted = run.is_some() || draw.dice.one_in(2);
        let any = draw.dice.index(self.versions.runs.len())?;
        if run.is_none() && is_deleted {
            self.duel = Some(Duel::Create(any));
        }
        let number = run.unwrap_or(any);
        let run = self.versions.runs.get_mut(number)?;
        let index = run.is_deleted.writes.begin(is_deleted, draw.now);
        let path = if is_deleted { "runs/delete" } else { "runs/restore" };
        let call = draw.target.post(path, &json!({"run_id": run.id}));
        Some(SharedStep::new(call, move |things, ended| {
            let model = &mut things.model;
            let run = model.versions.runs.get_mut(number).context("no such run")?;
            run.is_deleted.writes.end(index, ended.fate, ended.now);
            let mut creations = model.versions.creations.possible();
            let is_version = is_deleted && creations.any(|event| event.what.run == Some(number));
            ensure!(ended.fate != Fate::Refused || is_version, "{}", ended.said);
            Ok(())
        }))
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.versions.settle(now);
        self.aliases.settle(now);
    }

    pub(super) async fn check(&mut self, api: &mut Api, now: Moment) -> api::Result<()> {
        let found = self.list(api).await?;
        let checked = self.versions.are_possible(&found);
        checked.with_context(|| self.name.clone())?;
        self.versions.check_runs()?;
        for made in found.values() {
            if is_deleted(api, &made.run).await? {
                return Err(anyhow::anyhow!("the run of a version is deleted: {made:?} of {}", self.name).into());
            }
        }
        for run in &self.versions.runs {
            let is_deleted = is_deleted(api, &run.id).await?;
            if !run.is_deleted.may_be(&is_deleted, now, now) {
                return Err(anyhow::anyhow!("run {} cannot be so any more: deleted {is_deleted}", run.id).into());
            }
        }
        self.check_aliases(api, &found, now).await?;
        // The outcomes of unanswered requests are known from now on.
        self.versions.made.extend(found);
        Ok(())
    }

    /// Reads the existing versions.
    async fn list(&self, api: &mut Api) -> api::Result<BTreeMap<u64, Made>> {
        let filter = encoded(&format!("name = '{}'", self.name));
        let pages = api.ask_pages("/model_versions", PAGES_MAX, |target, token| {
            let page = format!("max_results=100&page_token={}", encoded(token));
            target.get(&format!("model-versions/search?filter={filter}&{page}"))
        });
        let listed = pages.await?;
        let found: BTreeMap<u64, Made> = listed.iter().map(Made::read).collect::<Result<_>>()?;
        if found.len() != listed.len() {
            return Err(anyhow::anyhow!("a version of {} was found twice", self.name).into());
        }
        Ok(found)
    }

    /// Checks all aliases. Each names a version that a caller set last, model and version agree, and the
    /// version exists.
    async fn check_aliases(&self, api: &mut Api, found: &BTreeMap<u64, Made>, now: Moment) -> api::Result<()> {
        let name = encoded(&self.name);
        let call = api.target.get(&format!("registered-models/get?name={name}"));
        let answer = api.ask(call).await?;
        let aliases = list(&answer, "/registered_model/aliases").iter();
        let aliases = aliases.map(|alias| Ok((text(alias, "/alias")?.to_owned(), text(alias, "/version")?.parse()?)));
        let aliases: BTreeMap<String, u64> = aliases.collect::<Result<_>>()?;
        for alias in ALIASES {
            let named = aliases.get(alias).copied();
            self.aliases
                .may_name(alias, named, &self.versions.deletions, (now, now))?;
        }
        for number in found.keys() {
            let call = api
                .target
                .get(&format!("model-versions/get?name={name}&version={number}"));
            let answer = api.ask(call).await?;
            let shown = list(&answer, "/model_version/aliases");
            for alias in ALIASES {
                let is_shown = shown.iter().any(|shown| shown == alias);
                if is_shown != (aliases.get(alias) == Some(number)) {
                    let what = format!("version {number} of {} and the model disagree about {alias}", self.name);
                    return Err(anyhow::anyhow!("{what}: {aliases:?}, {shown:?}").into());
                }
            }
        }
        Ok(())
    }
}
