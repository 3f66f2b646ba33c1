//! Tests against the store that `MLFORGE_TEST_S3` and the variables of AWS name. `cargo xtask test s3` starts
//! one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::env;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::storage::suite::blobs::{list, put, stage, stream, whole};
use crate::storage::suite::{PROJECT, blobs_suite};

/// Size of a file with more than two parts.
const LARGE: usize = 20_000_000;

/// A part of the bucket that nothing else uses.
fn place() -> S3Location {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let bucket = env::var("MLFORGE_TEST_S3").expect("MLFORGE_TEST_S3: cargo xtask test s3 sets it");
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{bucket}/unit/{}-{count}", std::process::id()).parse().unwrap()
}

async fn open() -> (S3Blobs, ()) {
    (S3Blobs::open(&place()).await.unwrap(), ())
}

blobs_suite!(open().await, []);

fn large(seed: u8) -> Vec<u8> {
    (0..LARGE).map(|i| seed ^ (i / 1000).to_le_bytes()[0]).collect()
}

/// Number of staged objects, and number of incomplete multipart uploads.
async fn unfinished(store: &S3Blobs) -> (usize, usize) {
    let bucket = &store.bucket;
    let staged = bucket.page(&bucket.staging(), PaginatedListOptions::default()).await;
    let all = bucket.staging().replace("staging/", "");
    (
        staged.unwrap().result.objects.len(),
        bucket.unfinished(&all).await.unwrap().len(),
    )
}

async fn until_nothing_is_unfinished(store: &S3Blobs) {
    let waited = async {
        while unfinished(store).await != (0, 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
}

#[tokio::test]
async fn a_large_file_is_sent_in_parts_and_visible_once_named() {
    let (store, ()) = open().await;
    put(&store, "dir/old", "old").await;
    let staged = stage(&store, large(1)).await;
    assert_eq!(staged.size(), LARGE as u64);
    assert_eq!(unfinished(&store).await, (0, 1));
    assert_eq!(list(&store, "").await, [("dir".into(), None)]);
    let before = SystemTime::now();
    store.commit(PROJECT, staged, "dir/old").await.unwrap();
    assert!(whole(&store, "dir/old").await.unwrap() == large(1));
    let info = store.stat(PROJECT, "dir/old").await.unwrap().unwrap();
    let before = before.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(u128::from(info.modified_ms) >= before.as_millis());
    until_nothing_is_unfinished(&store).await;
    assert_eq!(list(&store, "dir").await, [("old".into(), Some(LARGE as u64))]);
}

#[tokio::test]
async fn uncommitted_uploads_are_removed() {
    let (store, ()) = open().await;
    drop(stage(&store, large(1)).await);
    let cut = vec![Ok(large(1).into()), Err(StorageError::Unavailable("cut".into()))];
    assert!(store.stage(PROJECT, stream(cut), u64::MAX).await.is_err());
    let long = store.stage(PROJECT, stream(vec![Ok(large(1).into())]), LARGE as u64 - 1);
    assert!(matches!(long.await, Err(StorageError::TooLarge(_))));
    let staged = stage(&store, large(1)).await;
    assert!(store.commit(PROJECT, staged, "..").await.is_err());
    put(&store, "a", "").await;
    let staged = stage(&store, large(1)).await;
    assert!(store.commit(PROJECT, staged, "a/b").await.is_err());
    until_nothing_is_unfinished(&store).await;
}

#[tokio::test]
async fn an_abandoned_upload_is_removed() {
    let (store, ()) = open().await;
    let (sender, contents) = tokio::sync::mpsc::channel(1);
    sender.send(Ok(Bytes::from(large(1)))).await.unwrap();
    let staging = store.stage(PROJECT, contents, u64::MAX);
    assert!(tokio::time::timeout(Duration::from_secs(2), staging).await.is_err());
    until_nothing_is_unfinished(&store).await;
}

// Files of at least 5 MiB are copied by the store, and smaller ones are downloaded. Both occur here, and
// files that need both ways.
#[tokio::test]
async fn large_and_small_files_are_joined_in_their_order() {
    let (store, ()) = open().await;
    let (mut parts, mut all) = (Vec::new(), Vec::new());
    for (index, mebibytes) in [6, 0, 1, 1, 12, 3, 9, 5, 1].into_iter().enumerate() {
        let contents = &large(u8::try_from(index).unwrap())[..(mebibytes << 20) + index];
        parts.push(format!("p/{index} \u{e9}+&"));
        put(&store, &parts[index], contents).await;
        all.extend_from_slice(contents);
    }
    assert!(store.join(PROJECT, &parts, "all", u64::MAX).await.unwrap());
    assert!(whole(&store, "all").await.unwrap() == all);
    until_nothing_is_unfinished(&store).await;
}

#[tokio::test]
async fn remains_of_a_crash_are_swept() {
    let (store, ()) = open().await;
    put(&store, "a", "kept").await;
    store
        .bucket
        .put(&store.bucket.fresh_key().unwrap(), vec!["left".into()])
        .await
        .unwrap();
    store.bucket.begin(&store.bucket.fresh_key().unwrap()).await.unwrap();
    sweep(&store.bucket, LEFT_BEHIND).await.unwrap();
    assert_eq!(unfinished(&store).await, (1, 1));
    sweep(&store.bucket, Duration::ZERO).await.unwrap();
    assert_eq!(unfinished(&store).await, (0, 0));
    assert_eq!(whole(&store, "a").await.unwrap(), b"kept");
}

#[tokio::test]
async fn a_name_too_long_for_a_key_is_refused() {
    let (store, ()) = open().await;
    let room = 1024 - store.bucket.root(PROJECT).len();
    let longest = "d/".repeat(room / 2 - 1) + if room % 2 == 0 { "ab" } else { "abc" };
    assert_eq!(longest.len(), room);
    put(&store, &longest, "x").await;
    assert_eq!(whole(&store, &longest).await.unwrap(), b"x");
    let staged = stage(&store, "x").await;
    let refused = store.commit(PROJECT, staged, &format!("{longest}d")).await;
    assert!(matches!(&refused, Err(StorageError::InvalidName(why)) if why.contains(&room.to_string())));
}

#[tokio::test]
async fn pages_of_a_listing_are_in_the_order_of_names() {
    let (store, ()) = open().await;
    let mut names = vec![
        "a", "a!", "a-", "a-b", "a-b-c", "a-b.c", "a.b", "a.b-c", "a0", "aa", "b", "b c", "b.c", "c-1",
    ];
    names.sort_unstable();
    for (index, name) in names.iter().enumerate() {
        // Every other entry is a directory.
        let name = if index % 2 == 0 {
            format!("d/{name}/x/y")
        } else {
            format!("d/{name}")
        };
        put(&store, &name, "").await;
    }
    for limit in 1..=15 {
        let mut listed: Vec<String> = Vec::new();
        loop {
            let request = ListRequest {
                directory: "d",
                after: listed.last().map(String::as_str),
                limit,
            };
            let page = store.list(PROJECT, request).await.unwrap();
            listed.extend(page.iter().map(|item| item.name.clone()));
            if page.len() < usize::try_from(limit).unwrap() {
                break;
            }
        }
        assert_eq!(listed, names, "{limit}");
    }
}

#[tokio::test]
async fn of_a_file_and_a_directory_committed_at_once_one_succeeds() {
    let (store, ()) = open().await;
    for round in 0..10 {
        let (above, below) = (format!("{round}/a"), format!("{round}/a/b"));
        let (one, other) = (stage(&store, "1").await, stage(&store, "2").await);
        let (one, other) = tokio::join!(store.commit(PROJECT, one, &above), store.commit(PROJECT, other, &below));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn open_reports_an_unusable_store_without_a_secret() {
    let known = S3Keys {
        id: env::var("AWS_ACCESS_KEY_ID").unwrap(),
        secret: env::var("AWS_SECRET_ACCESS_KEY").unwrap(),
    };
    let base = S3Location {
        endpoint: Some(env::var("AWS_ENDPOINT_URL").unwrap()),
        region: Some(env::var("AWS_REGION").unwrap()),
        keys: Some(known.clone()),
        ..place()
    };
    S3Blobs::open(&base).await.unwrap();
    let keys = |id: &str, secret: &str| {
        Some(S3Keys {
            id: id.into(),
            secret: secret.into(),
        })
    };
    let unused = free_address().await;
    for (wrong, says) in [
        (
            S3Location {
                bucket: "nothing-here".into(),
                ..base.clone()
            },
            "no such bucket",
        ),
        (
            S3Location {
                keys: keys(&known.id, "wrong-secret"),
                ..base.clone()
            },
            "credentials",
        ),
        (
            S3Location {
                keys: keys("GKunknown", &known.secret),
                ..base.clone()
            },
            "credentials",
        ),
        (
            S3Location {
                region: Some("elsewhere".into()),
                ..base.clone()
            },
            "region",
        ),
        (
            S3Location {
                endpoint: Some("ftp://x".into()),
                ..base.clone()
            },
            "https://",
        ),
        (
            S3Location {
                endpoint: Some(format!("http://{unused}")),
                ..base.clone()
            },
            "cannot use",
        ),
    ] {
        let error = format!("{:#}", S3Blobs::open(&wrong).await.err().unwrap());
        assert!(error.contains(says), "{error}");
        assert!(
            !error.contains("wrong-secret") && !error.contains(&known.secret),
            "{error}"
        );
    }
}

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The store, reached through an address whose connections each pass on at most `bytes_max` bytes.
async fn through_brittle_connections(bytes_max: u64) -> S3Blobs {
    let server = env::var("AWS_ENDPOINT_URL").unwrap();
    let server = server.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, server.clone(), bytes_max));
        }
    });
    let place = S3Location {
        endpoint: Some(endpoint),
        ..place()
    };
    S3Blobs::open(&place).await.unwrap()
}

async fn pass_on(client: TcpStream, server: String, bytes_max: u64) -> io::Result<()> {
    let (mut requests, mut answers) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    tokio::select! {
        sent = tokio::io::copy(&mut requests, &mut to_server) => sent?,
        answered = async { tokio::io::copy(&mut (&mut from_server).take(bytes_max), &mut answers).await } => answered?,
    };
    answers.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_resumes_after_a_broken_connection() {
    let store = through_brittle_connections(3_000_000).await;
    put(&store, "a", large(1)).await;
    assert!(whole(&store, "a").await.unwrap() == large(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_never_mixes_two_versions() {
    let store = through_brittle_connections(3_000_000).await;
    put(&store, "a", large(1)).await;
    let old = store.read(PROJECT, "a", ByteRange::ALL).await.unwrap();
    let mut old = old.unwrap().contents;
    let mut bytes = old.recv().await.unwrap().unwrap().to_vec();
    put(&store, "a", large(2)).await;
    let mut broke_off = false;
    while let Some(piece) = old.recv().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => broke_off = matches!(error, StorageError::Unavailable(_)),
        }
    }
    assert!(broke_off && bytes.len() < LARGE);
    assert!(bytes == large(1)[..bytes.len()]);
}

/// A store behind an address that accepts connections and never answers.
async fn silent() -> (S3Blobs, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = S3Location {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..place()
    };
    let place = place.completed().unwrap();
    let bucket = Bucket::connect(&place).unwrap();
    (S3Blobs::new(bucket, place), listener)
}

// The paused clock advances whenever all tasks wait for time only.
#[tokio::test(start_paused = true)]
async fn requests_to_a_silent_store_time_out() {
    let (store, _listener) = silent().await;
    let began = tokio::time::Instant::now();
    let gave_up = |error| assert!(matches!(&error, StorageError::Unavailable(_)), "{error:?}");
    gave_up(store.stat(PROJECT, "a").await.unwrap_err());
    gave_up(store.read(PROJECT, "a", ByteRange::ALL).await.unwrap_err());
    gave_up(store.list(PROJECT, ListRequest::first("")).await.unwrap_err());
    gave_up(store.delete(PROJECT, "a").await.unwrap_err());
    let staged = stage(&store, "small").await;
    gave_up(store.commit(PROJECT, staged, "a").await.unwrap_err());
    assert!(began.elapsed() < Duration::from_secs(5 * 60));
    gave_up(
        store
            .stage(PROJECT, stream(vec![Ok(large(1).into())]), u64::MAX)
            .await
            .err()
            .unwrap(),
    );
}
