//! Tests against the store that `MLFORGE_TEST_S3` and the variables of AWS name. `cargo xtask test s3` starts
//! one.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use http::Method;

use super::*;
use crate::storage::Completion;
use crate::storage::suite::blobs::collect;

/// A part of the bucket that nothing else uses.
fn place() -> S3Location {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let bucket = env::var("MLFORGE_TEST_S3").expect("MLFORGE_TEST_S3: cargo xtask test s3 sets it");
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{bucket}/unit/{}-{count}", std::process::id()).parse().unwrap()
}

async fn open_at(place: &S3Location) -> anyhow::Result<S3Blobs> {
    S3Blobs::open(place, Arc::new(MemoryRecords::new())).await
}

async fn open() -> (S3Blobs, ()) {
    (open_at(&place()).await.unwrap(), ())
}

blobs_suite!(open().await);

/// The number of objects, and of incomplete uploads.
async fn stored(store: &S3Blobs) -> (usize, usize) {
    let first = object_id::ObjectId::first_of(0);
    let objects = store.bucket.list(PROJECT, first).await.unwrap();
    (objects.0.len(), store.bucket.unfinished(PROJECT).await.unwrap().len())
}

async fn until_stored(store: &S3Blobs, expected: (usize, usize)) {
    let waited = async {
        while stored(store).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
}

#[tokio::test]
async fn a_large_file_is_sent_in_parts_and_joined_without_a_copy() {
    let (store, ()) = open().await;
    put(&store, "p/1", large(1)).await;
    put(&store, "p/2", "small").await;
    let parts = ["p/2".to_owned(), "p/1".to_owned()];
    assert!(store.join(PROJECT, &parts, "all", u64::MAX).await.unwrap());
    assert!(store.delete_below(PROJECT, "p").await.unwrap());
    collect_all(&store).await;
    assert_eq!(stored(&store).await, (2, 0));
    assert!(whole(&store, "all").await.unwrap() == [&b"small"[..], &large(1)].concat());
    assert!(store.delete(PROJECT, "all").await.unwrap());
    collect_all(&store).await;
    assert_eq!(stored(&store).await, (0, 0));
}

#[tokio::test]
async fn unnamed_uploads_and_remains_of_a_killed_host_are_removed() {
    let (store, ()) = open().await;
    put(&store, "kept", "1").await;
    drop(stage(&store, large(1)).await);
    let cut = vec![Ok(large(1).into()), Err(StorageError::Unavailable("cut".into()))];
    let contents = crate::storage::suite::blobs::stream(cut);
    assert!(store.stage(PROJECT, contents, u64::MAX).await.is_err());
    until_stored(&store, (1, 0)).await;
    std::mem::forget(stage(&store, "small").await);
    let mut upload = multipart::Upload::begin(&store.bucket, PROJECT).await.unwrap();
    upload
        .send(Bytes::from(vec![1; upload::PART_BYTES]), None)
        .await
        .unwrap();
    std::mem::forget(upload);
    assert_eq!(stored(&store).await, (2, 1));
    collect_all(&store).await;
    assert_eq!(stored(&store).await, (1, 0));
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
    open_at(&base).await.unwrap();
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
        let error = format!("{:#}", open_at(&wrong).await.err().unwrap());
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
    open_at(&place).await.unwrap()
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
async fn a_download_of_a_replaced_file_ends_as_it_began() {
    let store = through_brittle_connections(3_000_000).await;
    put(&store, "a", large(1)).await;
    let old = store.read(PROJECT, "a", ByteRange::ALL).await.unwrap().unwrap();
    put(&store, "a", large(2)).await;
    assert!(collect(old.contents).await == large(1));
}

/// A store that allows direct transfers.
async fn direct() -> S3Blobs {
    open().await.0.with_direct_transfers(None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_upload_arrives_whole_and_is_fetched_from_the_store() {
    let store = direct().await;
    let (upload, etags) = direct::sent(&store, &[direct::PART, direct::PART, 10]).await;
    assert_eq!(
        direct::complete(&store, &upload.id, &etags[..2], "a").await,
        Completion::MissingPart(3)
    );
    for _ in 0..2 {
        assert_eq!(
            direct::complete(&store, &upload.id, &etags, "a").await,
            Completion::Done
        );
    }
    let expected = [vec![1; direct::PART], vec![2; direct::PART], vec![3; 10]].concat();
    assert!(whole(&store, "a").await.unwrap() == expected);
    assert_eq!(stored(&store).await, (1, 0));
    let signed = store.sign_download(PROJECT, "a", direct::HOUR).await.unwrap().unwrap();
    let got = direct::send(&store, Method::GET, &signed.url, Vec::new()).await;
    assert!(got.status == 200 && got.body == expected);
    assert_eq!(got.headers["content-disposition"], "attachment");
    store.verify(PROJECT).await.unwrap();
}

#[tokio::test]
async fn a_changed_or_expired_address_is_refused_by_the_store() {
    let store = direct().await;
    put(&store, "a", "1").await;
    let second = Duration::from_secs(1);
    let upload = store.begin(PROJECT, 2, direct::HOUR).await.unwrap();
    let other = store
        .begin(crate::storage::suite::OTHER, 1, direct::HOUR)
        .await
        .unwrap();
    let signed = store
        .sign_download(PROJECT, "a", direct::HOUR)
        .await
        .unwrap()
        .unwrap()
        .url;
    let brief = store.sign_download(PROJECT, "a", second).await.unwrap().unwrap().url;
    let brief_part = store.begin(PROJECT, 1, second).await.unwrap().parts.remove(0);
    let part = &upload.parts[0];
    let key = |url: &str| url.split_once('?').unwrap().0.to_owned();
    let query = |url: &str| url.split_once('?').unwrap().1.to_owned();
    let refused = async |method: Method, url: String| {
        let answer = direct::send(&store, method, &url, vec![1]).await;
        assert!(answer.status == 403 || answer.status == 400, "{url}: {}", answer.status);
    };
    refused(Method::PUT, part.replace("partNumber=1", "partNumber=2")).await;
    refused(Method::PUT, part.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")).await;
    refused(Method::PUT, part.replace("/7/objects/", "/8/objects/")).await;
    // Another project's key with this signature, and this key as a plain PUT.
    refused(Method::PUT, format!("{}?{}", key(&other.parts[0]), query(part))).await;
    refused(Method::PUT, key(part)).await;
    refused(Method::GET, key(&signed)).await;
    refused(Method::PUT, signed.clone()).await;
    refused(Method::DELETE, signed.clone()).await;
    refused(Method::GET, part.clone()).await;
    refused(Method::POST, part.clone()).await;
    for (method, url) in [(Method::GET, brief), (Method::PUT, brief_part)] {
        let expires = async { while direct::send(&store, method.clone(), &url, vec![1]).await.status == 200 {} };
        tokio::time::timeout(Duration::from_secs(20), expires).await.unwrap();
        refused(method, url).await;
    }
    assert_eq!(direct::send(&store, Method::GET, &signed, Vec::new()).await.body, "1");
    direct::send_part(&store, part, vec![1]).await;
}
