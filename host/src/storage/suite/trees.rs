//! The rules of operations on several blobs at once: joins and deletions of directories.

use std::sync::Arc;

use super::blobs::{collect, list, megabytes, put, stage, whole};
use super::*;

async fn join(store: &impl Blobs, parts: &[&str], name: &str) -> Result<bool, StorageError> {
    join_at_most(store, parts, name, u64::MAX).await
}

async fn join_at_most(store: &impl Blobs, parts: &[&str], name: &str, bytes_max: u64) -> Result<bool, StorageError> {
    let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    store.join(PROJECT, &parts, name, bytes_max).await
}

pub(in crate::storage) async fn files_are_joined_in_the_order_asked(store: Arc<impl Blobs>) {
    let large = megabytes();
    for (name, contents) in [("p/1", &b"one"[..]), ("p/2", &large), ("p/3", b""), ("p/4", b"4")] {
        put(&*store, name, contents).await;
    }
    assert!(
        join(&*store, &["p/4", "p/2", "p/3", "p/1", "p/4"], "a/b")
            .await
            .unwrap()
    );
    assert!(whole(&*store, "a/b").await.unwrap() == [&b"4"[..], &large, b"one4"].concat());
    assert!(join(&*store, &["p/1"], "one").await.unwrap());
    assert_eq!(whole(&*store, "one").await.unwrap(), b"one");
    assert!(join(&*store, &[], "empty").await.unwrap());
    assert_eq!(whole(&*store, "empty").await.unwrap(), b"");
}

pub(in crate::storage) async fn joining_keeps_the_parts(store: Arc<impl Blobs>) {
    put(&*store, "p/1", "one").await;
    assert!(join(&*store, &["p/1", "p/1"], "a").await.unwrap());
    put(&*store, "p/1", "other").await;
    assert_eq!(whole(&*store, "a").await.unwrap(), b"oneone");
    assert!(store.delete(PROJECT, "a").await.unwrap());
    assert_eq!(whole(&*store, "p/1").await.unwrap(), b"other");
}

pub(in crate::storage) async fn joining_an_absent_part_changes_nothing(store: Arc<impl Blobs>) {
    put(&*store, "p/1", "one").await;
    put(&*store, "a", "old").await;
    let staged = stage(&*store, "other").await;
    store.commit(OTHER, staged, "p/2").await.unwrap();
    for absent in ["p/2", "p", "p/1/x", "b"] {
        assert!(!join(&*store, &["p/1", absent], "a").await.unwrap());
        assert!(!join(&*store, &[absent, "p/1"], "b").await.unwrap());
    }
    assert_eq!(whole(&*store, "a").await.unwrap(), b"old");
    assert_eq!(whole(&*store, "b").await, None);
}

pub(in crate::storage) async fn a_joined_file_replaces_another_whole(store: Arc<impl Blobs>) {
    let old = megabytes();
    put(&*store, "a", &old).await;
    put(&*store, "p", "new").await;
    let reader = store
        .read(PROJECT, "a", ByteRange::ALL)
        .await
        .unwrap()
        .unwrap()
        .contents;
    assert!(join(&*store, &["p", "p"], "a").await.unwrap());
    assert_eq!(whole(&*store, "a").await.unwrap(), b"newnew");
    assert!(collect(reader).await == old);
    assert!(join(&*store, &["a", "p"], "a").await.unwrap());
    assert_eq!(whole(&*store, "a").await.unwrap(), b"newnewnew");
}

pub(in crate::storage) async fn joining_more_than_allowed_is_refused(store: Arc<impl Blobs>) {
    put(&*store, "p", "12345").await;
    let too_large = |result| assert!(matches!(result, Err(StorageError::TooLarge(_))), "{result:?}");
    too_large(join_at_most(&*store, &["p", "p"], "a", 9).await);
    too_large(join(&*store, &vec!["p"; JOIN_PARTS_MAX + 1], "a").await);
    assert_eq!(whole(&*store, "a").await, None);
    assert!(join_at_most(&*store, &["p", "p"], "a", 10).await.unwrap());
}

pub(in crate::storage) async fn joining_obeys_the_rules_of_names(store: Arc<impl Blobs>) {
    put(&*store, "d/p", "1").await;
    for (part, name) in [
        ("..", "a"),
        ("d/p", "../a"),
        ("d/p", ""),
        ("d/p", "d"),
        ("d/p", "d/p/x"),
    ] {
        let error = join(&*store, &[part], name).await.unwrap_err();
        assert!(matches!(error, StorageError::InvalidName(_)), "{error:?}");
    }
    assert_eq!(list(&*store, "").await, [("d".into(), None)]);
}

pub(in crate::storage) async fn deleting_a_directory_removes_only_what_is_below(store: Arc<impl Blobs>) {
    let long = "L".repeat(255);
    for name in [
        "d/a",
        "d/e/f/g",
        "d/e/h",
        &format!("d/{long}/x"),
        "da",
        "d-/a",
        "x/d/a",
        "x/y",
    ] {
        put(&*store, name, name).await;
    }
    assert!(store.delete_below(PROJECT, &format!("d/{long}")).await.unwrap());
    assert!(whole(&*store, "d/a").await.is_some());
    assert!(store.delete_below(PROJECT, "d").await.unwrap());
    assert!(list(&*store, "d").await.is_empty());
    let left = [("d-".into(), None), ("da".into(), Some(2)), ("x".into(), None)];
    assert_eq!(list(&*store, "").await, left);
    assert!(store.delete_below(PROJECT, "x/d").await.unwrap());
    assert_eq!(list(&*store, "x").await, [("y".into(), Some(3))]);
    put(&*store, "d", "a file now").await;
}

pub(in crate::storage) async fn deleting_a_directory_spares_open_readers(store: Arc<impl Blobs>) {
    let contents = megabytes();
    put(&*store, "d/a", &contents).await;
    let reader = store
        .read(PROJECT, "d/a", ByteRange::ALL)
        .await
        .unwrap()
        .unwrap()
        .contents;
    assert!(store.delete_below(PROJECT, "d").await.unwrap());
    assert!(collect(reader).await == contents);
}

pub(in crate::storage) async fn deleting_an_absent_directory_changes_nothing(store: Arc<impl Blobs>) {
    put(&*store, "d/a", "1").await;
    for none in ["x", "d/a", "d/a/b", "D"] {
        assert!(!store.delete_below(PROJECT, none).await.unwrap(), "{none}");
    }
    let error = store.delete_below(PROJECT, "d/..").await.unwrap_err();
    assert!(matches!(error, StorageError::InvalidName(_)), "{error:?}");
    assert_eq!(whole(&*store, "d/a").await.unwrap(), b"1");
}

pub(in crate::storage) async fn deleting_the_root_spares_other_projects(store: Arc<impl Blobs>) {
    put(&*store, "a", "1").await;
    put(&*store, "d/b", "2").await;
    let staged = stage(&*store, "other").await;
    store.commit(OTHER, staged, "a").await.unwrap();
    assert!(store.delete_below(PROJECT, "").await.unwrap());
    assert!(list(&*store, "").await.is_empty());
    assert!(!store.delete_below(PROJECT, "").await.unwrap());
    assert!(store.stat(OTHER, "a").await.unwrap().is_some());
    put(&*store, "a", "again").await;
}
