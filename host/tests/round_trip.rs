//! `mlforge import` reads the folders of `mlforge export`: the other project answers as the first.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use support::Server;
use support::content::{answer, fill};
use support::program::{done, mlforge, serve};

/// Removes what a folder of MLflow's file store has no place for: semantic versions, and authors.
fn without_own_fields(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item["key"] != "gitlab.version");
            items.iter_mut().for_each(without_own_fields);
        }
        Value::Object(fields) => {
            // The first alias is the semantic version.
            if let Some(Value::Array(aliases)) = fields.get_mut("aliases")
                && aliases.iter().all(Value::is_string)
            {
                aliases.retain(|alias| !alias.as_str().unwrap().starts_with(|c: char| c.is_ascii_digit()));
            }
            fields.remove("user_id");
            fields.remove("author");
            fields.values_mut().for_each(without_own_fields);
        }
        _ => {}
    }
}

#[test]
fn a_project_that_is_exported_and_imported_answers_the_same() {
    let place = tempfile::tempdir().unwrap();
    let [first, second, folder] = ["first", "second", "mlruns"].map(|name| place.path().join(name));
    let server = Server::start(serve(&first), None);
    let paths = fill(&server);
    let before: Vec<Value> = paths.iter().map(|path| answer(&server, path)).collect();
    server.stop();
    let exported = done(mlforge(&first, &["export", "--project", "1", folder.to_str().unwrap()]));
    assert!(!exported.contains("could not be carried"), "{exported}");
    // The first start makes project 1.
    let server = Server::start(serve(&second), None);
    server.stop();
    let token = server.token.clone();
    let from = [
        "import",
        "--project",
        "1",
        "--deleted",
        "--from",
        folder.to_str().unwrap(),
    ];
    let imported = done(mlforge(&second, &from));
    assert!(!imported.contains("could not be carried"), "{imported}");
    let again = done(mlforge(&second, &from));
    // Two runs have not ended, so a later import may have more of them.
    assert!(again.contains("2\truns (3 were there already)"), "{again}");
    let server = Server::start(serve(&second), Some(token));
    for (path, mut before) in paths.iter().zip(before) {
        let mut after = answer(&server, path);
        without_own_fields(&mut before);
        without_own_fields(&mut after);
        assert_eq!(after, before, "{path}");
    }
}
