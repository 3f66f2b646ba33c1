//! The rules of single blobs.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::*;

/// A stream of these chunks.
pub(in crate::storage) fn stream(pieces: Vec<Result<Bytes, StorageError>>) -> BlobStream {
    let (sender, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    stream
}

fn pieces(contents: &[u8]) -> Vec<Result<Bytes, StorageError>> {
    contents
        .chunks(70_000)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect()
}

pub(in crate::storage) async fn stage(store: &impl Blobs, contents: impl AsRef<[u8]>) -> Box<dyn Staged> {
    store
        .stage(PROJECT, stream(pieces(contents.as_ref())), u64::MAX)
        .await
        .unwrap()
}

pub(in crate::storage) async fn put(store: &impl Blobs, name: &str, contents: impl AsRef<[u8]>) {
    let staged = stage(store, contents).await;
    store.commit(PROJECT, staged, name).await.unwrap();
}

pub(in crate::storage) async fn collect(mut stream: BlobStream) -> Vec<u8> {
    let mut contents = Vec::new();
    while let Some(piece) = stream.recv().await {
        let piece = piece.unwrap();
        assert!(!piece.is_empty());
        contents.extend_from_slice(&piece);
    }
    contents
}

async fn read(store: &impl Blobs, name: &str, offset: u64, length: u64) -> Option<Vec<u8>> {
    Some(
        collect(
            store
                .read(PROJECT, name, ByteRange { offset, length })
                .await
                .unwrap()?
                .contents,
        )
        .await,
    )
}

pub(in crate::storage) async fn whole(store: &impl Blobs, name: &str) -> Option<Vec<u8>> {
    let open = store.read(PROJECT, name, ByteRange::ALL).await.unwrap()?;
    Some(collect(open.contents).await)
}

pub(in crate::storage) async fn list(store: &impl Blobs, directory: &str) -> Vec<(String, Option<u64>)> {
    page(store, directory, None, LIST_ITEMS_MAX).await
}

async fn page(store: &impl Blobs, directory: &str, after: Option<&str>, limit: u32) -> Vec<(String, Option<u64>)> {
    let items = store
        .list(
            PROJECT,
            ListRequest {
                directory,
                after,
                limit,
            },
        )
        .await
        .unwrap();
    items.into_iter().map(|item| (item.name, item.size)).collect()
}

pub(in crate::storage) fn megabytes() -> Vec<u8> {
    (0..5_000_000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect()
}

pub(in crate::storage) async fn contents_are_read_as_written(store: Arc<impl Blobs>) {
    for contents in [Vec::new(), b"x".to_vec(), megabytes()] {
        put(&*store, "a/b", &contents).await;
        assert!(whole(&*store, "a/b").await.unwrap() == contents);
        let info = store.stat(PROJECT, "a/b").await.unwrap().unwrap();
        assert_eq!(info.size, u64::try_from(contents.len()).unwrap());
        let open = store
            .read(PROJECT, "a/b", ByteRange { offset: 0, length: 0 })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(open.info, info);
    }
    assert_eq!(whole(&*store, "a/c").await, None);
    assert_eq!(whole(&*store, "a").await, None);
    assert_eq!(whole(&*store, "a/b/c").await, None);
    for absent in ["a", "a/c", "a/b/c"] {
        assert_eq!(store.stat(PROJECT, absent).await.unwrap(), None);
    }
}

pub(in crate::storage) async fn size_and_digest_are_those_of_the_contents(store: Arc<impl Blobs>) {
    for contents in [Vec::new(), megabytes()] {
        let staged = stage(&*store, &contents).await;
        assert_eq!(staged.size(), u64::try_from(contents.len()).unwrap());
        assert_eq!(staged.digest(), <[u8; 32]>::from(Sha256::digest(&contents)));
    }
}

pub(in crate::storage) async fn staged_bytes_have_no_name(store: Arc<impl Blobs>) {
    let staged = stage(&*store, "x").await;
    assert!(list(&*store, "").await.is_empty());
    drop(staged);
    assert!(list(&*store, "").await.is_empty());
}

pub(in crate::storage) async fn a_replacement_is_whole_and_spares_open_readers(store: Arc<impl Blobs>) {
    let old = megabytes();
    put(&*store, "a", &old).await;
    let (replaced, deleted) = (
        store.read(PROJECT, "a", ByteRange::ALL),
        store.read(PROJECT, "a", ByteRange::ALL),
    );
    let (replaced, deleted) = (replaced.await.unwrap().unwrap(), deleted.await.unwrap().unwrap());
    let (replaced, deleted) = (replaced.contents, deleted.contents);
    put(&*store, "a", "new").await;
    assert_eq!(whole(&*store, "a").await.unwrap(), b"new");
    assert!(collect(replaced).await == old);
    assert!(store.delete(PROJECT, "a").await.unwrap());
    assert!(collect(deleted).await == old);
}

pub(in crate::storage) async fn staging_returns_the_error_of_its_stream(store: Arc<impl Blobs>) {
    let mut cut = pieces(&megabytes());
    cut.push(Err(StorageError::Unavailable("the client went away".into())));
    let result = store.stage(PROJECT, stream(cut), u64::MAX).await;
    assert!(matches!(result, Err(StorageError::Unavailable(text)) if text == "the client went away"));
}

pub(in crate::storage) async fn staging_more_than_allowed_is_refused(store: Arc<impl Blobs>) {
    let contents = megabytes();
    let size = u64::try_from(contents.len()).unwrap();
    let over = store.stage(PROJECT, stream(pieces(&contents)), size - 1).await;
    assert!(matches!(over, Err(StorageError::TooLarge(_))));
    assert!(store.stage(PROJECT, stream(pieces(&contents)), size).await.is_ok());
    assert!(store.stage(PROJECT, stream(Vec::new()), 0).await.is_ok());
}

pub(in crate::storage) async fn hostile_names_are_refused(store: Arc<impl Blobs>) {
    let long_segment = "s".repeat(256);
    let long_name = "s/".repeat(512) + "s";
    let mut hostile = vec![
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "..\\a", "a\\", "\\a", "a\0b", "a\nb",
    ];
    hostile.extend(["\u{85}", &long_segment, &long_name]);
    let refused = |error| assert!(matches!(error, StorageError::InvalidName(_)), "{error:?}");
    for name in hostile {
        let staged = stage(&*store, "x").await;
        refused(store.commit(PROJECT, staged, name).await.unwrap_err());
        refused(store.stat(PROJECT, name).await.unwrap_err());
        refused(store.read(PROJECT, name, ByteRange::ALL).await.unwrap_err());
        refused(store.delete(PROJECT, name).await.unwrap_err());
        if !name.is_empty() {
            refused(store.list(PROJECT, ListRequest::first(name)).await.unwrap_err());
        }
    }
    assert!(list(&*store, "").await.is_empty());
}

pub(in crate::storage) async fn odd_names_are_kept_apart(store: Arc<impl Blobs>) {
    let (long, longer) = ("A".repeat(254), "A".repeat(255));
    let wide = "\u{1f4be}".repeat(63);
    let mut names = vec![
        "a", "A", "%41", "%", "...", ".a", " ", "a b", "na", "ca", "c", "n", "lock", "CON", "~", "-rf",
    ];
    names.extend([
        "\u{e9}",
        "e\u{301}",
        "a:b",
        "a?b=c#d",
        "a\\b",
        "*",
        "\u{202e}x",
        &long,
        &longer,
        &wide,
    ]);
    for name in &names {
        put(&*store, name, name).await;
        put(&*store, &format!("dir/{name}"), name).await;
    }
    for name in &names {
        assert_eq!(whole(&*store, name).await.unwrap(), name.as_bytes(), "{name}");
    }
    names.sort_unstable();
    let listed: Vec<_> = list(&*store, "dir").await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, names);
}

pub(in crate::storage) async fn the_longest_name_is_accepted(store: Arc<impl Blobs>) {
    let deep = "d/".repeat(511) + "dd";
    put(&*store, &deep, "deep").await;
    assert_eq!(whole(&*store, &deep).await.unwrap(), b"deep");
}

pub(in crate::storage) async fn ranges_of_a_blob_are_delivered(store: Arc<impl Blobs>) {
    let contents = megabytes();
    put(&*store, "a", &contents).await;
    for (offset, length) in [
        (0, 0),
        (0, 1),
        (4_999_999, 9),
        (1, 4_999_998),
        (1_000_000, 1_000_000),
        (262_144, 262_144),
    ] {
        let end = contents.len().min(offset + length);
        let part = read(&*store, "a", offset.try_into().unwrap(), length.try_into().unwrap()).await;
        assert!(part.unwrap() == contents[offset..end]);
    }
    for behind in [5_000_000, 5_000_001, u64::MAX] {
        assert_eq!(read(&*store, "a", behind, u64::MAX).await.unwrap(), b"");
    }
}

pub(in crate::storage) async fn the_modification_time_is_that_of_the_commit(store: Arc<impl Blobs>) {
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let before = now();
    put(&*store, "a", "").await;
    let time = store.stat(PROJECT, "a").await.unwrap().unwrap().modified_ms;
    assert!(before <= time && time <= now());
}

pub(in crate::storage) async fn listing_shows_one_level_in_byte_order(store: Arc<impl Blobs>) {
    for name in ["b", "a/x/1", "a/x/2", "a-b", "B", "a/y", "a.b", "ab/c", "\u{e9}"] {
        put(&*store, name, name).await;
    }
    let file = |name: &str, size| (name.to_owned(), Some(size));
    let directory = |name: &str| (name.to_owned(), None);
    let root = [
        file("B", 1),
        directory("a"),
        file("a-b", 3),
        file("a.b", 3),
        directory("ab"),
        file("b", 1),
    ];
    assert_eq!(list(&*store, "").await[..6], root);
    assert_eq!(list(&*store, "").await[6..], [file("\u{e9}", 2)]);
    assert_eq!(list(&*store, "a").await, [directory("x"), file("y", 3)]);
    for empty in ["b", "x", "a/x/1", "a/x/1/z"] {
        assert!(list(&*store, empty).await.is_empty());
    }
}

pub(in crate::storage) async fn listing_is_paged(store: Arc<impl Blobs>) {
    let names: Vec<_> = (0..25).map(|i| format!("{i:02}")).collect();
    for name in &names {
        put(
            &*store,
            &if name.ends_with('3') {
                format!("d/{name}/x")
            } else {
                format!("d/{name}")
            },
            "",
        )
        .await;
    }
    let mut listed: Vec<String> = Vec::new();
    loop {
        let next = page(&*store, "d", listed.last().map(String::as_str), 7).await;
        assert!(next.len() <= 7);
        let at_end = next.len() < 7;
        listed.extend(next.into_iter().map(|(name, _)| name));
        if at_end {
            break;
        }
    }
    assert_eq!(listed, names);
    assert_eq!(page(&*store, "d", Some("not/a name"), 9).await, []);
    assert_eq!(page(&*store, "d", Some("0"), 1).await, [("00".into(), Some(0))]);
    assert_eq!(page(&*store, "d", Some("24"), 1).await, []);
}

pub(in crate::storage) async fn a_listing_with_an_invalid_limit_is_refused(store: Arc<impl Blobs>) {
    for limit in [0, LIST_ITEMS_MAX + 1] {
        assert!(matches!(
            store
                .list(
                    PROJECT,
                    ListRequest {
                        limit,
                        ..ListRequest::first("")
                    }
                )
                .await,
            Err(StorageError::TooLarge(_))
        ));
    }
}

pub(in crate::storage) async fn deletion_removes_the_file_and_empty_directories(store: Arc<impl Blobs>) {
    put(&*store, "a/b/c", "1").await;
    put(&*store, "a/d", "2").await;
    for absent in ["a/b", "a", "a/b/c/d", "x", "a/b/x"] {
        assert!(!store.delete(PROJECT, absent).await.unwrap());
    }
    assert!(store.delete(PROJECT, "a/b/c").await.unwrap());
    assert!(!store.delete(PROJECT, "a/b/c").await.unwrap());
    assert_eq!(list(&*store, "a").await, [("d".into(), Some(1))]);
    assert!(store.delete(PROJECT, "a/d").await.unwrap());
    assert!(list(&*store, "").await.is_empty());
    put(&*store, "a", "a file now").await;
}

pub(in crate::storage) async fn a_file_and_a_directory_cannot_share_a_name(store: Arc<impl Blobs>) {
    put(&*store, "a/b", "1").await;
    for clash in ["a", "a/b/c", "a/b/c/d/e"] {
        let staged = stage(&*store, "2").await;
        let error = store.commit(PROJECT, staged, clash).await.unwrap_err();
        assert!(matches!(error, StorageError::InvalidName(_)), "{error:?}");
    }
    assert_eq!(list(&*store, "").await, [("a".into(), None)]);
    assert_eq!(list(&*store, "a").await, [("b".into(), Some(1))]);
    put(&*store, "ab", "1").await;
}

pub(in crate::storage) async fn projects_never_see_each_other(store: Arc<impl Blobs>) {
    put(&*store, "a", "1").await;
    for other in [OTHER, ProjectId(70), ProjectId(0)] {
        assert!(store.stat(other, "a").await.unwrap().is_none());
        assert!(store.read(other, "a", ByteRange::ALL).await.unwrap().is_none());
        assert!(store.list(other, ListRequest::first("")).await.unwrap().is_empty());
        assert!(!store.delete(other, "a").await.unwrap());
    }
    let staged = stage(&*store, "other").await;
    store.commit(OTHER, staged, "a").await.unwrap();
    assert_eq!(whole(&*store, "a").await.unwrap(), b"1");
}

pub(in crate::storage) async fn concurrent_commits_and_deletions_lose_nothing(store: Arc<impl Blobs>) {
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for i in 0..20 {
                    let name = format!("shared/deep/{task}-{i}");
                    put(&*store, &name, "x").await;
                    assert_eq!(whole(&*store, &name).await.unwrap(), b"x");
                    assert!(store.delete(PROJECT, &name).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(list(&*store, "").await.is_empty());
}
