//! Files: stored, replaced, deleted, and read back unchanged.

use bytes::Bytes;

use super::Artifacts;

#[test]
fn a_file_is_read_back_unchanged() {
    let artifacts = Artifacts::fresh();
    let binary: Bytes = (0..=255).cycle().take(3_000_000).collect();
    assert_eq!(artifacts.put("a/b/x.bin", binary.clone()).ok(), "{}");
    let file = artifacts.ask("GET", "a/b/x.bin", &[]);
    assert_eq!(
        (file.status, file.headers["content-type"].to_str().unwrap()),
        (200, "application/octet-stream")
    );
    assert!(file.bytes == binary);
    assert_eq!(artifacts.put("empty", "").status, 200);
    assert_eq!(artifacts.text("empty"), "");
}

#[test]
fn a_file_is_replaced() {
    let artifacts = Artifacts::with_file("a", "a longer text");
    artifacts.put("a", "short").ok();
    assert_eq!(artifacts.text("a"), "short");
}

#[test]
fn names_are_any_text() {
    let artifacts = Artifacts::fresh();
    for (encoded, name) in [
        ("%E6%A8%A1%20%F0%9F%A6%80", "模 🦀"),
        ("k%25step%250", "k%step%0"),
        // MLflow 2.22 names an image of step 10 like this. `%10` and `%17` read as control characters.
        (
            "k%25step%2510%25timestamp%251795370748804",
            "k%step%10%timestamp%1795370748804",
        ),
        ("plus+plus", "plus+plus"),
        ("note:%20x", "note: x"),
        ("back%5Cslash", "back\\slash"),
        ("it's%20%22%22", "it's \"\""),
    ] {
        artifacts.put(encoded, name).ok();
        assert_eq!(artifacts.text(encoded), name);
        assert!(artifacts.names("").contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_missing_artifact_is_404() {
    let artifacts = Artifacts::with_file("dir/a", "x");
    for method in ["GET", "HEAD"] {
        assert_eq!(artifacts.ask(method, "nothing", &[]).status, 404);
        assert_eq!(artifacts.ask(method, "dir", &[]).status, 400);
    }
    assert_eq!(
        artifacts.ask("GET", "nothing", &[]).error_code(),
        "RESOURCE_DOES_NOT_EXIST"
    );
    assert_eq!(artifacts.put("dir", "x").status, 400);
    assert_eq!(artifacts.put("dir/a/b", "x").status, 400);
    assert_eq!(artifacts.ask("PATCH", "dir/a", &[]).status, 405);
}

#[test]
fn a_file_or_a_whole_directory_is_deleted() {
    let artifacts = Artifacts::fresh();
    for name in ["keep", "dir/a", "dir/deep/er/b", "one"] {
        artifacts.put(name, "x").ok();
    }
    for name in ["one", "dir", "dir", "nothing"] {
        assert_eq!(artifacts.ask("DELETE", name, &[]).ok(), "{}");
    }
    assert_eq!(artifacts.names(""), ["keep"]);
    artifacts.ask("DELETE", "", &[]).ok();
    assert_eq!(artifacts.names(""), [""; 0]);
}
