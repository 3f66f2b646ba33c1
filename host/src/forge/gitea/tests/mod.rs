//! Tests against a stand-in that answers as the sources of Gitea, Forgejo and Gogs do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};

use super::*;
use crate::forge::{Actor, Project, Visibility};

mod actions;
mod commit_statuses;
mod credentials;
mod faults;
mod id_tokens;
mod jobs;
mod projects;
mod roles;
mod stand_in;
mod webhooks;
mod world;

use stand_in::{Reply, StandIn};
use world::{ADA, TOKEN, World};

/// A stand-in and the adapter for it.
struct Setup {
    stand_in: StandIn,
    world: Arc<Mutex<World>>,
    forge: GiteaForge,
}

impl Setup {
    async fn new(world: World) -> Self {
        Self::with(world, |_| {}).await
    }

    async fn with(world: World, change: impl FnOnce(&mut GiteaOptions)) -> Self {
        let world = Arc::new(Mutex::new(world));
        let shared = Arc::clone(&world);
        let stand_in = StandIn::start(move |seen| shared.lock().unwrap().answer(seen)).await;
        let mut options = options(&stand_in.url);
        change(&mut options);
        Self {
            stand_in,
            world,
            forge: GiteaForge::new(options).unwrap(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    async fn resolve(&self, project: &str, credential: &Credential) -> Decision {
        self.forge.resolve(&project.into(), credential).await.unwrap()
    }

    /// The access of a token to a project.
    async fn access(&self, project: &str, token: &str) -> Arc<Access> {
        match self.resolve(project, &bearer(token)).await {
            Decision::Known(access) => access,
            other => panic!("{other:?}"),
        }
    }

    /// The role and the scope of a token in `team/model`.
    async fn rights(&self, token: &str) -> Option<(Role, Scope)> {
        let access = self.access("team/model", token).await;
        Some((access.project.as_ref()?.1, access.scope))
    }
}

fn options(url: &str) -> GiteaOptions {
    GiteaOptions {
        address: ForgeAddress {
            url: url.to_owned(),
            authorities: None,
        },
        flavor: Flavor::Gitea,
        service_token: None,
        webhook_secret: None,
        audience: Vec::new(),
    }
}

fn bearer(token: &str) -> Credential {
    Credential::Bearer(token.to_owned())
}

/// A token of 40 hexadecimal digits.
fn token(digit: char) -> String {
    String::from(digit).repeat(40)
}
