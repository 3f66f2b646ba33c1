//! Regression tests of races that once lost data.

use std::sync::Arc;

use mlforge_tests::gated_host::{Client, GatedHost};
use mlforge_tests::interleaving::{Operation, between};
use serde_json::{Value, json};

use super::block_on;
use super::fixture::Fixture;
use super::operations::{self, requests};

/// Runs each of two operations between any two calls of the other one. `inspect` gets the success of each.
fn within_each_other(first: &str, second: &str, inspect: impl AsyncFn(&Fixture, &Client, bool, bool)) {
    block_on(async {
        let host = GatedHost::fresh();
        let fixture = Fixture::make(&host).await;
        let all = operations::all(&fixture);
        let named = |name: &str| all.iter().find(|operation| operation.name == name).unwrap();
        let (one, two) = (named(first), named(second));
        let is_done = |answer: &str| answer.starts_with("200");
        between(&host, &fixture.initial, one, two, async |client, answers| {
            inspect(&fixture, client, is_done(&answers[0]), is_done(&answers[1])).await;
        })
        .await;
        between(&host, &fixture.initial, two, one, async |client, answers| {
            inspect(&fixture, client, is_done(&answers[1]), is_done(&answers[0])).await;
        })
        .await;
    });
}

async fn stage_of(client: &Client, run: &str) -> Value {
    let mut run = client.must("GET", &format!("runs/get?run_id={run}"), Value::Null).await;
    run["run"]["info"]["lifecycle_stage"].take()
}

#[test]
fn an_alias_moved_during_the_deletion_of_its_version_is_kept() {
    within_each_other("delete version", "move alias", async |_, client, deleted, moved| {
        assert!(deleted && moved);
        let alias = "registered-models/alias?name=m&alias=champion";
        let named = client.must("GET", alias, Value::Null).await;
        assert_eq!(named["model_version"]["version"], "2");
        let model = client.must("GET", "registered-models/get?name=m", Value::Null).await;
        let aliases = json!([{"alias": "champion", "version": "2"}]);
        assert_eq!(model["registered_model"]["aliases"], aliases);
    });
}

#[test]
fn a_run_is_either_deleted_or_made_a_version() {
    within_each_other(
        "delete run",
        "create version of run",
        async |fixture, client, deleted, made| {
            assert_ne!(deleted, made);
            let stage = if deleted { "deleted" } else { "active" };
            assert_eq!(stage_of(client, &fixture.run).await, stage);
        },
    );
}

#[test]
fn an_experiment_is_either_deleted_or_a_run_of_it_made_a_version() {
    within_each_other(
        "delete experiment",
        "create version of run",
        async |fixture, client, deleted, made| {
            assert_ne!(deleted, made);
            let stage = if deleted { "deleted" } else { "active" };
            assert_eq!(stage_of(client, &fixture.run).await, stage);
        },
    );
}

#[test]
fn a_model_is_either_deleted_or_renamed_and_its_names_remain_usable() {
    within_each_other("delete model", "rename model", async |_, client, deleted, renamed| {
        assert_ne!(deleted, renamed);
        let (status, _) = client.call("GET", "registered-models/get?name=k", Value::Null).await;
        assert_eq!(status == 200, renamed);
        // A name without a model is free.
        for name in ["m", "k"].into_iter().filter(|name| *name == "m" || deleted) {
            client
                .must("POST", "registered-models/create", json!({"name": name}))
                .await;
        }
    });
}

/// A description so long that ten of them are more than one page of a scan.
fn long_description() -> String {
    "\u{10000}".repeat(100_000)
}

#[test]
fn a_purge_keeps_files_whose_version_is_copied_and_deleted_meanwhile() {
    block_on(async {
        let host = GatedHost::fresh();
        let fixture = Fixture::make(&host).await;
        let client = host.project(&fixture.initial).await;
        // The versions of the models `m` and `k` are separated by so many bytes that a purge reads them in
        // two calls.
        for _ in 0..12 {
            let large = json!({"name": "n", "description": long_description()});
            client.must("POST", "model-versions/create", large).await;
        }
        client
            .must("POST", "registered-models/create", json!({"name": "k"}))
            .await;
        let first = json!({"name": "k", "source": format!("models:/{}", fixture.deleted_logged)});
        client.must("POST", "model-versions/create", first).await;
        let begin = host.snapshot(&client).await;
        let post = |path: &str, body| ("POST", path.to_owned(), body);
        let copied = requests(
            "copy version and delete the original",
            vec![
                post("model-versions/create", json!({"name": "m", "source": "models:/k/1"})),
                (
                    "DELETE",
                    "model-versions/delete".to_owned(),
                    json!({"name": "k", "version": "1"}),
                ),
            ],
        );
        let file = format!(
            "a/{}/models/{}/artifacts/MLmodel",
            fixture.deleted_experiment, fixture.deleted_logged
        );
        let purge: Operation = operations::purge();
        let file = Arc::new(file);
        between(&host, &begin, &purge, &copied, async |client, answers| {
            assert_eq!(answers[1], "200 , 200 ");
            assert!(host.snapshot(client).await.blobs.contains_key(&*file));
        })
        .await;
    });
}
