//! Tests without a real store. Some need no store. Others use one that knows whole objects and the first
//! request of a multipart upload.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;
use crate::storage::suite::{OTHER, PROJECT};

/// A store in memory.
#[derive(Default)]
struct Fake {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

/// A location that receives no requests.
fn nowhere() -> S3Location {
    S3Location {
        bucket: "bucket".into(),
        prefix: "here".into(),
        endpoint: Some("http://127.0.0.1:9".into()),
        region: Some("fake".into()),
        keys: Some(S3Keys {
            id: "id".into(),
            secret: "secret".into(),
        }),
    }
}

/// Blobs at a location that receives no requests.
fn unasked() -> S3Blobs {
    S3Blobs::new(Bucket::connect(&nowhere()).unwrap(), nowhere())
}

impl Fake {
    async fn start() -> (Arc<Self>, S3Location) {
        let fake = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::clone(&fake);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = Arc::clone(&served);
                let service = service_fn(move |request| {
                    let fake = Arc::clone(&fake);
                    async move { Ok::<_, Infallible>(fake.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let place = S3Location {
            endpoint: Some(endpoint),
            ..nowhere()
        };
        (fake, place)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let key = head
            .uri
            .path()
            .trim_start_matches("/bucket")
            .trim_start_matches('/')
            .to_owned();
        let query = head.uri.query().unwrap_or_default();
        match (head.method, query) {
            (Method::GET, query) if query.contains("list-type=2") => {
                let prefix = query
                    .split('&')
                    .find_map(|field| field.strip_prefix("prefix="))
                    .unwrap();
                self.list(&prefix.replace("%2F", "/"))
            }
            (Method::GET, query) if query.contains("uploads") => text("<ListMultipartUploadsResult/>".into()),
            (Method::POST, query) if query.contains("uploads") => text(format!(
                "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key><UploadId>1</UploadId>\
                 </InitiateMultipartUploadResult>"
            )),
            (Method::PUT, "") => self.put(key, body, &head.headers),
            (Method::GET | Method::HEAD, "") => match self.objects.lock().unwrap().get(&key) {
                Some(object) => object_answer(object.clone()),
                None => status(StatusCode::NOT_FOUND),
            },
            (Method::DELETE, _) => status(StatusCode::NO_CONTENT),
            (method, query) => panic!("{method} {key}?{query}"),
        }
    }

    fn list(&self, prefix: &str) -> Response<Full<Bytes>> {
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let contents: String = found
            .map(|(key, object)| {
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2030-01-01T00:00:00.000Z</LastModified>\
                     <ETag>\"1\"</ETag><Size>{}</Size></Contents>",
                    object.len()
                )
            })
            .collect();
        text(format!("<ListBucketResult>{contents}</ListBucketResult>"))
    }

    fn put(&self, key: String, body: Bytes, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let mut objects = self.objects.lock().unwrap();
        if headers.contains_key("if-none-match") && objects.contains_key(&key) {
            return status(StatusCode::PRECONDITION_FAILED);
        }
        objects.insert(key, body);
        object_answer(Bytes::new())
    }
}

fn text(xml: String) -> Response<Full<Bytes>> {
    Response::new(Full::new(xml.into()))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = text(String::new());
    *response.status_mut() = status;
    response
}

fn object_answer(object: Bytes) -> Response<Full<Bytes>> {
    Response::builder()
        .header("etag", "\"1\"")
        .header("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        .header("content-length", object.len())
        .body(Full::new(object))
        .unwrap()
}

#[tokio::test]
async fn two_servers_do_not_share_a_prefix() {
    let (fake, place) = Fake::start().await;
    let first = S3Blobs::open(&place).await.unwrap();
    first.belong_to("one").await.unwrap();
    // A second open, as after a restart.
    S3Blobs::open(&place).await.unwrap().belong_to("one").await.unwrap();
    let second = S3Blobs::open(&place).await.unwrap();
    let error = format!("{:#}", second.belong_to("other").await.unwrap_err());
    assert!(
        error.contains("s3://bucket/here") && error.contains("object here/owner"),
        "{error}"
    );
    let elsewhere = S3Location {
        prefix: "there".into(),
        ..place
    };
    S3Blobs::open(&elsewhere)
        .await
        .unwrap()
        .belong_to("other")
        .await
        .unwrap();
    fake.objects.lock().unwrap().remove("here/owner").unwrap();
    second.belong_to("other").await.unwrap();
    first.belong_to("one").await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_change_without_an_answer_delays_the_next_one() {
    let store = unasked();
    let began = Instant::now();
    let go_on = async || Ok(true);
    let change = async |name, result| {
        let changed = store.change(PROJECT, name, go_on(), async move { result });
        (changed.await, began.elapsed())
    };
    let no_answer = || StorageError::Unavailable("no answer".into());
    assert!(change("d/a", Err(no_answer())).await.0.is_err());
    assert_eq!(change("d/b", Ok(())).await.1, Duration::ZERO);
    assert_eq!(change("d/a", Ok(())).await.1, LATE_TIME);
    // A change that was not sent, or was refused, does not lock its name.
    let unsent = store.change(PROJECT, "d/a", async move { Err(no_answer()) }, async { Ok(()) });
    assert!(unsent.await.is_err());
    let refused = Err(StorageError::InvalidName("a directory has this name".into()));
    assert!(change("d/a", refused).await.0.is_err());
    assert_eq!(change("d/a", Ok(())).await.1, LATE_TIME);
    store.name_locks.hold(PROJECT, "d", LATE_TIME);
    assert_eq!(change("d/a", Ok(())).await.1, 2 * LATE_TIME);
}

/// Starts an upload that has sent `bytes` bytes and continues when its sender does.
fn half_sent(
    store: &S3Blobs,
    project: ProjectId,
    bytes: usize,
) -> (mpsc::Sender<Result<Bytes, StorageError>>, Staging) {
    let (sender, contents) = mpsc::channel(1);
    sender.try_send(Ok(vec![1; bytes].into())).unwrap();
    let store = store.clone();
    let staging = tokio::spawn(async move { store.stage(project, contents, u64::MAX).await });
    (sender, staging)
}

type Staging = tokio::task::JoinHandle<Result<Box<dyn Staged>, StorageError>>;

#[tokio::test(start_paused = true)]
async fn uploads_wait_for_memory_of_which_a_project_has_a_share() {
    let store = S3Blobs {
        memory: Arc::new(ProjectPermits::new(2, 1)),
        ..unasked()
    };
    let (large, small) = (2 << 20, 1 << 19);
    let (first, first_staged) = half_sent(&store, PROJECT, large);
    let settle = async || _ = timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
    settle().await;
    let (second, second_staged) = half_sent(&store, PROJECT, large);
    drop(second);
    settle().await;
    assert!(!second_staged.is_finished());
    // Small uploads need no permit, and other projects have their own.
    for (project, bytes) in [(PROJECT, small), (OTHER, large)] {
        let (sender, staged) = half_sent(&store, project, bytes);
        drop(sender);
        assert!(staged.await.unwrap().is_ok());
    }
    let began = Instant::now();
    drop(first);
    drop(first_staged.await.unwrap().unwrap());
    second_staged.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
}
