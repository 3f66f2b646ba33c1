//! Tests of the adapter against a stand-in, which answers by the rules of GitLab's API.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod commit_statuses;
mod credentials;
mod faults;
mod hooks;
mod id_tokens;
mod jobs;
mod projects;
mod roles;
pub(in crate::forge) mod stand_in;
mod world;
