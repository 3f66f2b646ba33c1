//! Names for which several callers compete. One of them gets each name.

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use super::{Draw, SharedStep};
use crate::api::{self, Api, text};
use crate::check::encoded;
use crate::events::{Events, Fate, Moment};

/// Number of callers that compete for the same name.
const RIVALS: usize = 3;

/// Names of experiments, and the requests for each of them.
#[derive(Clone)]
pub(super) struct Names {
    prefix: String,
    tries: usize,
    names: Vec<Name>,
}

#[derive(Clone, Default)]
struct Name {
    wanted: Events<()>,
    /// The id of the experiment that got the name.
    id: Option<String>,
}

impl Names {
    /// Names with this prefix.
    pub(super) fn new(prefix: String) -> Self {
        Self {
            prefix,
            tries: 0,
            names: Vec::new(),
        }
    }

    pub(super) fn draw(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let number = self.tries / RIVALS;
        self.tries += 1;
        if self.names.len() <= number {
            self.names.push(Name::default());
        }
        let wanted = self
            .names
            .last_mut()
            .map(|name| name.wanted.begin((), draw.now))
            .unwrap_or_default();
        let call = draw
            .target
            .post("experiments/create", &json!({"name": self.name(number)}));
        SharedStep::new(call, move |things, ended| {
            let name = things.names.names.get_mut(number).context("no such name")?;
            name.wanted.end(wanted, ended.fate, ended.now);
            match ended.fate {
                Fate::Done => {
                    let id = text(&ended.reply.json, "/experiment_id")?.to_owned();
                    let former = name.id.replace(id);
                    ensure!(
                        former.is_none(),
                        "two callers got the same name: experiments {former:?} and {:?}",
                        name.id
                    );
                }
                Fate::Refused => {
                    let mut others = name.wanted.possible();
                    ensure!(others.next().is_some(), "nobody else has this name: {}", ended.said);
                }
                Fate::Unknown => {}
            }
            Ok(())
        })
    }

    pub(super) fn settle(&mut self, now: Moment) {
        for name in &mut self.names {
            name.wanted.settle(now);
        }
    }

    pub(super) async fn check(&self, api: &mut Api) -> api::Result<()> {
        for (number, name) in self.names.iter().enumerate() {
            let path = format!(
                "experiments/get-by-name?experiment_name={}",
                encoded(&self.name(number))
            );
            let call = api.target.get(&path);
            let answer = api.read(call).await?;
            let found = match answer.status {
                200 => {
                    let answer = serde_json::from_slice(&answer.body).context("an experiment that is no JSON")?;
                    Some(text(&answer, "/experiment/experiment_id")?.to_owned())
                }
                404 => None,
                _ => return Err(anyhow!("{path}: {}", answer.brief()).into()),
            };
            self.is_possible(name, found).with_context(|| path)?;
        }
        Ok(())
    }

    fn is_possible(&self, name: &Name, found: Option<String>) -> Result<()> {
        if name.id.is_some() {
            ensure!(found == name.id, "it is experiment {found:?}, expected {:?}", name.id);
        } else if found.is_some() {
            ensure!(
                name.wanted.possible().next().is_some(),
                "it is there, and everybody was refused"
            );
        } else {
            let was_refused = name.wanted.0.iter().any(|event| event.fate == Fate::Refused);
            ensure!(!was_refused, "somebody was refused, and nobody has it");
        }
        Ok(())
    }

    fn name(&self, number: usize) -> String {
        format!("{}{number}", self.prefix)
    }
}
