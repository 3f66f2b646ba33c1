//! Listings of directories.

use serde_json::json;

use super::{Artifacts, STORE};

#[test]
fn a_listing_has_names_of_one_level_in_order() {
    let artifacts = Artifacts::fresh();
    for name in ["b.txt", "model/MLmodel", "model/data/x", "a.txt"] {
        artifacts.put(name, "12345").ok();
    }
    assert_eq!(artifacts.names(""), ["a.txt", "b.txt", "model/"]);
    assert_eq!(artifacts.names("model"), ["MLmodel", "data/"]);
    assert_eq!(artifacts.names("model/"), ["MLmodel", "data/"]);
    let listed = artifacts
        .tracker
        .get(&format!("artifacts/list?run_id={}&path=model", artifacts.run));
    assert_eq!(
        listed.ok(),
        json!({
            "root_uri": format!("mlflow-artifacts:/{}", artifacts.root),
            "files": [
                {"path": "model/MLmodel", "is_dir": false, "file_size": 5},
                {"path": "model/data", "is_dir": true},
            ],
        })
    );
    let root = artifacts
        .tracker
        .get(&format!("artifacts/list?run_uuid={}", artifacts.run))
        .ok();
    assert_eq!(root["files"].as_array().unwrap().len(), 3);
}

// Clients use this to distinguish files from directories.
#[test]
fn the_listing_of_a_file_or_of_nothing_is_empty() {
    let artifacts = Artifacts::with_file("a", "x");
    for path in ["a", "b", "a/b"] {
        let path = format!("{STORE}?path={}/{path}", artifacts.root);
        assert_eq!(artifacts.tracker.send("GET", &path, "").ok(), json!({}));
    }
    let root = artifacts.tracker.send("GET", STORE, "").ok();
    assert_eq!(root, json!({"files": [{"path": "0", "is_dir": true}]}));
    let unknown = "artifacts/list?run_id=00112233445566778899aabbccddeeff";
    artifacts.tracker.get(unknown).fails(404, "RESOURCE_DOES_NOT_EXIST");
}
