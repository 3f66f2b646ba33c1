#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::directories::Made;
use super::*;
use crate::storage::suite::blobs::{list, put, stage, stream, whole};
use crate::storage::suite::{PROJECT, blobs_suite};
use crate::storage::{LIST_ITEMS_MAX, ListRequest, is_last_page};

fn open() -> (FileBlobs, TempDir) {
    let directory = TempDir::new().unwrap();
    (FileBlobs::open(&directory.path().join("blobs")).unwrap(), directory)
}

blobs_suite!(open());

fn files_below(directory: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files_below(path) } else { vec![path] })
        .collect()
}

#[tokio::test]
async fn uncommitted_bytes_leave_no_file() {
    let (store, directory) = open();
    drop(stage(&store, "dropped").await);
    let cut = vec![Ok("begun".into()), Err(StorageError::Unavailable("cut".into()))];
    assert!(store.stage(PROJECT, stream(cut), u64::MAX).await.is_err());
    assert!(
        store
            .stage(PROJECT, stream(vec![Ok("too long".into())]), 1)
            .await
            .is_err()
    );
    let staged = stage(&store, "refused").await;
    assert!(store.commit(PROJECT, staged, "..").await.is_err());
    assert_eq!(
        files_below(directory.path().into()),
        [directory.path().join("blobs/lock")]
    );
}

#[tokio::test]
async fn a_refused_name_leaves_no_directory() {
    let (store, directory) = open();
    put(&store, "a", "").await;
    let staged = stage(&store, "").await;
    assert!(store.commit(PROJECT, staged, "a/b/c").await.is_err());
    let project = directory.path().join("blobs/projects/7");
    assert_eq!(fs::read_dir(project).unwrap().count(), 1);
}

#[tokio::test]
async fn reopening_keeps_committed_files_and_removes_staged_ones() {
    let (store, directory) = open();
    put(&store, "a/b", "kept").await;
    drop(store);
    let staging = directory.path().join("blobs/staging");
    fs::write(staging.join("left by a crash"), "x").unwrap();
    let store = FileBlobs::open(&directory.path().join("blobs")).unwrap();
    assert_eq!(whole(&store, "a/b").await.unwrap(), b"kept");
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let (_store, directory) = open();
    let path = directory.path().join("blobs");
    let error = format!("{:#}", FileBlobs::open(&path).err().unwrap());
    assert!(
        error.contains("another server") && error.contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn foreign_files_are_not_listed() {
    let (store, directory) = open();
    put(&store, "a", "").await;
    let project = directory.path().join("blobs/projects/7");
    for foreign in [".DS_Store", "nA", "n%4", "n%ff", "lost+found"] {
        fs::write(project.join(foreign), "").unwrap();
    }
    assert_eq!(list(&store, "").await, [("a".into(), Some(0))]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (store, directory) = open();
    put(&store, "a/b", "").await;
    let mode = |path: &str| fs::metadata(directory.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (
            mode("blobs/projects"),
            mode("blobs/staging"),
            mode("blobs/projects/7/na/nb")
        ),
        (0o700, 0o700, 0o600)
    );
}

#[tokio::test]
async fn an_upload_syncs_directories_that_another_has_just_made() {
    let (store, _directory) = open();
    let directories = &store.tree.directories;
    let root = directories.root().to_owned();
    let synced = || std::mem::take(&mut *directories.synced.lock().unwrap());
    // Another upload has just made the directories of its file.
    let mut made = Made::default();
    directories.make_above(&root.join("7/nd/ne/nother"), &mut made).unwrap();
    put(&store, "d/a", "").await;
    assert_eq!(synced(), [root.clone(), root.join("7"), root.join("7/nd")]);
    put(&store, "d/b", "").await;
    assert_eq!(synced(), [root.clone(), root.join("7"), root.join("7/nd")]);
    directories.settle(&root.join("7/nd/ne/nother"), made).unwrap();
    assert_eq!(synced(), [root.clone(), root.join("7"), root.join("7/nd")]);
    put(&store, "d/e/c", "").await;
    assert_eq!(synced(), [root.join("7/nd/ne")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_changes_of_directories_lose_no_file() {
    let (store, directory) = open();
    let store = Arc::new(store);
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for round in 0..100 {
                    let name = format!("d/{}/{}/{task}", round % 3, round % 2);
                    put(&*store, &name, "x").await;
                    assert_eq!(whole(&*store, &name).await.unwrap(), b"x", "{name}");
                    match task {
                        0 => _ = store.delete_below(PROJECT, &format!("gone/{round}")).await.unwrap(),
                        1 => {
                            put(&*store, &format!("gone/{round}/x/y"), "").await;
                            list(&*store, "d").await;
                        }
                        _ => {}
                    }
                    assert!(store.delete(PROJECT, &name).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    store.delete_below(PROJECT, "gone").await.unwrap();
    // No directory of any file is left.
    assert_eq!(
        fs::read_dir(directory.path().join("blobs/projects")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn a_directory_is_listed_in_one_pass() {
    let (store, directory) = open();
    put(&store, "d/0", "").await;
    let below = directory.path().join("blobs/projects/7/nd");
    for number in 1..20_000 {
        fs::write(below.join(format!("n{number}")), "").unwrap();
    }
    let items = store.list(PROJECT, ListRequest::first("d")).await.unwrap();
    assert_eq!(items.len(), 20_000);
    assert!(is_last_page(&items, LIST_ITEMS_MAX) && items.is_sorted_by(|a, b| a.name < b.name));
}
