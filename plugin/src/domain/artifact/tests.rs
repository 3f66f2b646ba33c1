//! Tests of artifact paths: which are accepted, how they are read, and that none leads out of the store.

#![allow(clippy::unwrap_used)]
use super::Purpose::{Read, Write};
use super::*;
use proptest::prelude::*;

fn is_refused(path: &str, purpose: Purpose) -> bool {
    let parsed = ArtifactPath::parse_encoded(path, purpose);
    matches!(parsed, Err(Error::Invalid(text)) if text.starts_with("Invalid path"))
}

fn refused(path: &str) -> bool {
    is_refused(path, Write)
}

#[test]
fn valid_names_are_accepted_unchanged() {
    for (encoded, path) in [
        ("1/r/artifacts/a.txt", "1/r/artifacts/a.txt"),
        ("a%20b/c+d", "a b/c+d"),
        ("%E6%A8%A1%E5%9E%8B/%F0%9F%A6%80", "模型/🦀"),
        ("a%2Fb", "a/b"),
        ("a/...", "a/..."),
        ("a/..b/.c", "a/..b/.c"),
        ("x/note: 1", "x/note: 1"),
        ("a%5Cb", "a\\b"),
        ("100%25", "100%"),
    ] {
        assert_eq!(ArtifactPath::parse_encoded(encoded, Write).unwrap().as_str(), path);
    }
}

// One line for each class of the published path traversals in MLflow's artifact store.
#[test]
fn every_known_path_traversal_is_refused() {
    for path in [
        "../a",
        "a/../../b",
        "a/..",
        "..",
        "%2e%2e/a",
        "a/%2E%2e/b",
        "..%2Fa",
        "a%2f..%2fb",
        "%252e%252e%252fetc%252fpasswd",
        "%25252e%25252e/a",
        "a/%25%32%65%25%32%65/b",
        "/etc/passwd",
        "//etc/passwd",
        "%2Fetc/passwd",
        "%252Fetc/passwd",
        "a//b",
        "a/%252Fb",
        "a/",
        "",
        "..\\a",
        "a\\..\\b",
        "a/..\\b",
        "a%5C..%5Cb",
        "a%255C..%255Cb",
        "a\\.\\b",
        "a/\\windows",
        "a/%5C%5Chost%5Cshare",
        "a/b\\",
        "C:/windows",
        "a/C:/windows",
        "a/C:x",
        "c%3A/windows",
        "c%253A%5Cwindows",
        "file:///etc/passwd",
        "file%3A/etc/passwd",
        "FILE:x",
        "a/File:x",
        "http://other/x",
        "a%23b",
        "a%3Fb",
        "a%3F/../b",
        "a;b/../c",
        "a%00.txt",
        "a%2500",
        "a%0Ab",
        "a%250Db",
        "a%C2%85b",
        "%C0%AE%C0%AE/a",
        "a%FF",
    ] {
        assert!(refused(path) && is_refused(path, Read), "{path}");
    }
}

#[test]
fn a_dot_means_nothing_when_reading_and_is_refused_when_writing() {
    for path in ["./a/b", "a/./b", "a/b/.", "a/%2e/b", "a/%252E/./b"] {
        assert!(refused(path), "{path}");
        assert_eq!(ArtifactPath::parse_encoded(path, Read).unwrap().as_str(), "a/b");
    }
    assert!(refused(".") && is_refused(".", Read));
    for root in ["", "/", ".", "./", "./."] {
        assert_eq!(ArtifactPath::directory(root), Ok(None));
    }
    let directory = |path| ArtifactPath::directory(path).unwrap().unwrap().path;
    assert_eq!(
        (directory("a/./"), directory("./a/.")),
        ("a".to_owned(), "a".to_owned())
    );
}

#[test]
fn length_and_depth_have_limits() {
    let deep = |depth: usize| vec!["a"; depth].join("/");
    assert!(!refused(&deep(ARTIFACT_DEPTH_MAX)) && refused(&deep(ARTIFACT_DEPTH_MAX + 1)));
    let long = |length: usize| "x".repeat(length);
    assert!(!refused(&long(ARTIFACT_NAME_BYTES_MAX)) && refused(&long(ARTIFACT_NAME_BYTES_MAX + 1)));
    assert!(refused(&vec![long(200); 6].join("/")));
    assert!(refused(&vec!["%41".repeat(200); 6].join("/")));
    assert!(refused(&format!("%{}41", "25".repeat(SENT_BYTES_MAX))));
    assert!(!refused(&vec!["%C3%BC".repeat(100); 4].join("/")));
}

#[test]
fn a_uri_of_the_own_store_has_a_path() {
    let path = |uri| ArtifactPath::of_uri(uri).map(|path| path.to_string());
    assert_eq!(
        path("mlflow-artifacts:/1/r/artifacts").as_deref(),
        Some("1/r/artifacts")
    );
    assert_eq!(path("MLFLOW-ARTIFACTS:/a%20b/").as_deref(), Some("a b"));
    assert_eq!(path("mlflow-artifacts:/./a").as_deref(), Some("a"));
    for other in [
        "mlflow-artifacts://host/1",
        "s3://b/1",
        "1/r",
        "mlflow-artifacts:/",
        "mlflow-artifacts:/../a",
    ] {
        assert_eq!(path(other), None, "{other}");
    }
}

#[test]
fn a_path_below_a_directory_never_leaves_it() {
    let root = ArtifactPath::parse("1/r", Write).unwrap();
    for purpose in [Read, Write] {
        assert_eq!(root.below("a/b/", purpose).unwrap().as_str(), "1/r/a/b");
        assert_eq!(root.below("", purpose), Ok(root.clone()));
        for out in ["..", "/a", "a/../..", "%2e%2e", "..\\b", "//"] {
            assert!(root.below(out, purpose).is_err(), "{out}");
        }
    }
    assert_eq!(root.below("./", Read).unwrap().as_str(), "1/r");
    assert!(root.below(".", Write).is_err());
}

#[test]
fn a_path_knows_where_earlier_versions_kept_it() {
    let earlier = |path: ArtifactPath| path.earlier().map(|path| path.to_string());
    let parse = |path| ArtifactPath::parse_encoded(path, Read).unwrap();
    assert_eq!(earlier(parse("a/b%20c/100%25")), None);
    assert_eq!(earlier(parse("r/95%2520of%zz")).as_deref(), Some("r/95%20of%zz"));
    assert_eq!(earlier(parse("r/Loss: a")).as_deref(), Some("r/Loss: a"));
    assert_eq!(earlier(parse("r/a%252Fb")).as_deref(), Some("r/a%2Fb"));
    let root = ArtifactPath::of_uri("mlflow-artifacts:/Team:b/r").unwrap();
    let below = root.below("./c", Read).unwrap();
    assert_eq!(below.as_str(), "team:b/r/c");
    assert_eq!(earlier(below).as_deref(), Some("Team:b/r/c"));
}

#[test]
fn a_path_is_within_a_directory_by_whole_segments() {
    let within = |place, directory| {
        let path = |path| ArtifactPath::parse(path, Write).unwrap();
        path(place).is_within(&path(directory))
    };
    assert!(within("1/r/artifacts", "1/r/artifacts") && within("1/r/artifacts/m", "1/r/artifacts"));
    assert!(!within("1/r/artifacts2", "1/r/artifacts") && !within("1/r", "1/r/artifacts"));
}

/// A path as urllib3 and requests write it into a URL: if any percent sign begins no escape, all are encoded.
fn sent(path: &str) -> String {
    let is_escape = |rest: &str| rest.as_bytes().iter().take(2).filter(|b| b.is_ascii_hexdigit()).count() == 2;
    let is_encoded = path.split('%').skip(1).all(is_escape);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(byte);
    path.bytes()
        .map(|byte| match byte {
            b'%' if is_encoded => "%".to_owned(),
            byte if plain(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

proptest! {
    #[test]
    fn no_accepted_path_has_dot_segments_at_any_level_of_encoding(path in "(\\.|%2e|%252E|%25|2e|a|/|%2f|%5c|\\\\|:|C|%00){0,14}") {
        for purpose in [Read, Write] {
            let Ok(path) = ArtifactPath::parse_encoded(&path, purpose) else { continue };
            for text in percent::levels(path.as_str()) {
                let text = text.unwrap();
                prop_assert!(!text.starts_with('/') && !text.contains('\0'));
                prop_assert!(text.split('/').all(|name| !name.to_lowercase().starts_with("c:")), "{}", text);
                prop_assert!(text.split(['/', '\\']).all(|name| !matches!(name, "" | "." | "..")));
            }
        }
    }

    #[test]
    fn an_accepted_path_is_read_by_its_own_name(path in "(%|%25|20|4|1|a|/|é|%C3|%0|\\\\|;|:|B| |\\+|step){0,12}") {
        if let Ok(taken) = ArtifactPath::parse_encoded(&path, Write) {
            for purpose in [Read, Write] {
                let (address, query) = (sent(taken.as_str()), taken.as_str());
                let read = [ArtifactPath::parse_encoded(&address, purpose), ArtifactPath::parse(query, purpose)];
                prop_assert!(read.into_iter().all(|read| read.unwrap().path == taken.path), "{}", query);
            }
        }
    }
}
