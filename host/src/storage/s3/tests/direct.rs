//! Direct transfers: addresses of parts and of files, and completion.

use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use object_store::client::{HttpRequest, HttpRequestBody};

use super::*;
use crate::storage::suite::OTHER;
use crate::storage::{Completion, DirectUpload};

/// The size of a part that is not the last.
pub(super) const PART: usize = upload::PART_BYTES;
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// An answer of the store to a client.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Sends a request as a client does, which has an address and no key.
pub(super) async fn send(store: &S3Blobs, method: Method, url: &str, body: Vec<u8>) -> Answer {
    let (_, http) = store.place.connect().unwrap();
    let mut request = HttpRequest::new(HttpRequestBody::from(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = url.parse().unwrap();
    let (head, body) = http.execute(request).await.unwrap().into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Sends a part, and returns its `ETag`.
pub(super) async fn send_part(store: &S3Blobs, url: &str, part: Vec<u8>) -> String {
    let sent = send(store, Method::PUT, url, part).await;
    assert_eq!(sent.status, 200, "{:?}", sent.body);
    sent.headers["etag"].to_str().unwrap().to_owned()
}

/// Begins an upload of these parts, and sends them. Returns it and the ETags.
pub(super) async fn sent(store: &S3Blobs, parts: &[usize]) -> (DirectUpload, Vec<String>) {
    let count = u32::try_from(parts.len()).unwrap();
    let upload = store.begin(PROJECT, count, HOUR).await.unwrap();
    let mut etags = Vec::new();
    for (seed, (url, bytes)) in (1..).zip(upload.parts.iter().zip(parts)) {
        etags.push(send_part(store, url, vec![seed; *bytes]).await);
    }
    (upload, etags)
}

pub(super) async fn complete(store: &S3Blobs, id: &str, etags: &[String], name: &str) -> Completion {
    store.complete(PROJECT, id, etags, name, u64::MAX).await.unwrap()
}

async fn direct() -> (S3Blobs, Arc<Fake>) {
    let (store, fake) = fresh().await;
    (store.with_direct_transfers(None).unwrap(), fake)
}

#[tokio::test]
async fn a_store_offers_direct_transfers_once_they_are_allowed() {
    let (store, _fake) = fresh().await;
    assert!(store.direct_transfers().is_none());
    let store = store.with_direct_transfers(None).unwrap();
    assert!(store.direct_transfers().is_some());
    let elsewhere = Some("https://s3.example.org".to_owned());
    let store = store.with_direct_transfers(elsewhere).unwrap();
    let upload = store.begin(PROJECT, 1, HOUR).await.unwrap();
    assert!(
        upload.parts[0].starts_with("https://s3.example.org/bucket/here/7/objects/"),
        "{upload:?}"
    );
}

#[tokio::test]
async fn a_direct_upload_is_one_object_with_the_name_of_its_completion() {
    let (store, fake) = direct().await;
    put(&store, "d/a", "old").await;
    let (upload, etags) = sent(&store, &[PART, PART, PART, 10]).await;
    assert_eq!(whole(&store, "d/a").await.unwrap(), b"old");
    assert_eq!(complete(&store, &upload.id, &etags, "d/a").await, Completion::Done);
    let expected = [vec![1; PART], vec![2; PART], vec![3; PART], vec![4; 10]].concat();
    assert!(whole(&store, "d/a").await.unwrap() == expected);
    assert_eq!(usage(&store).await, (1, expected.len() as u64));
    collect_all(&store).await;
    assert_eq!((fake.keys().len(), fake.unfinished()), (1, 0));
    // The address of a part is dead now.
    let late = send(&store, Method::PUT, &upload.parts[0], vec![9; PART]).await;
    assert_eq!(late.status, 404);
    assert!(whole(&store, "d/a").await.unwrap() == expected);
}

#[tokio::test]
async fn a_completion_that_is_repeated_changes_nothing() {
    let (store, fake) = direct().await;
    let (upload, etags) = sent(&store, &[PART, 1]).await;
    for _ in 0..2 {
        assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
        assert_eq!(usage(&store).await, (1, PART as u64 + 1));
    }
    put(&store, "a", "newer").await;
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
    assert_eq!(whole(&store, "a").await.unwrap(), b"newer");
    store.delete(PROJECT, "a").await.unwrap();
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
    assert_eq!(usage(&store).await, (0, 0));
    collect_all(&store).await;
    assert!(fake.keys().is_empty());
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_finished_by_the_next() {
    let (store, fake) = direct().await;
    let (upload, etags) = sent(&store, &[PART, 1]).await;
    // The store has the object, and the host that completed it died before it named the file.
    let id = upload.id.split_once(' ').unwrap();
    let object = object_id::ObjectId::parse(id.0).unwrap();
    let stored = store.bucket.parts((PROJECT, object, id.1)).await.unwrap().unwrap();
    let parts = stored.iter().map(|part| object_store::multipart::PartId {
        content_id: part.etag.clone(),
    });
    let of = (PROJECT, object, &id.1.to_owned());
    assert!(
        store
            .bucket
            .complete(of, parts.collect(), PART as u64 + 1)
            .await
            .unwrap()
    );
    assert_eq!(usage(&store).await, (0, 0));
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
    assert_eq!(usage(&store).await, (1, PART as u64 + 1));
    let (upload, etags) = sent(&store, &[PART, 2]).await;
    fake.fail(Fault::Lose(Call::Complete, 1));
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
    assert_eq!(usage(&store).await, (1, PART as u64 + 2));
}

#[tokio::test]
async fn parts_are_checked_against_the_store() {
    let (store, fake) = direct().await;
    let (upload, etags) = sent(&store, &[PART, PART - 1, 1]).await;
    let mut wrong = etags.clone();
    wrong.swap(0, 2);
    for (etags, refused) in [
        (&wrong[..], Completion::MissingPart(1)),
        (&etags[..2], Completion::MissingPart(3)),
        (
            &etags[..],
            Completion::SmallPart {
                number: 2,
                bytes_min: PART as u64,
            },
        ),
    ] {
        assert_eq!(complete(&store, &upload.id, etags, "a").await, refused);
    }
    // A part that is sent again replaces the former one, whose ETag then is none any more.
    let again = send_part(&store, &upload.parts[1], vec![8; PART]).await;
    assert_eq!(
        complete(&store, &upload.id, &etags, "a").await,
        Completion::MissingPart(2)
    );
    let etags = [&etags[0], &again, &etags[2]].map(|etag| etag.trim_matches('"').to_owned());
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
    let (upload, _) = sent(&store, &[]).await;
    assert_eq!(complete(&store, &upload.id, &[], "b").await, Completion::MissingPart(1));
    assert_eq!(usage(&store).await.0, 1);
    assert_eq!(fake.unfinished(), 1);
}

#[tokio::test]
async fn a_direct_upload_beyond_a_bound_gets_no_name() {
    let (store, fake) = direct().await;
    let max = FileUsage {
        files: 2,
        bytes: 2 * PART as u64,
    };
    assert!(store.keep_below(PerProject::all(max)));
    put(&store, "kept", "1").await;
    let (upload, etags) = sent(&store, &[PART, PART]).await;
    let refused = store.complete(PROJECT, &upload.id, &etags, "a", PART as u64).await;
    assert!(matches!(refused, Err(StorageError::TooLarge(_))), "{refused:?}");
    let refused = store.complete(PROJECT, &upload.id, &etags, "a", u64::MAX).await;
    assert!(matches!(refused, Err(StorageError::Full(_))), "{refused:?}");
    let refused = store.complete(PROJECT, &upload.id, &etags, "kept/a", u64::MAX).await;
    assert!(matches!(refused, Err(StorageError::InvalidName(_))), "{refused:?}");
    // Refused before the object is made, so that aborting removes all.
    assert_eq!((fake.keys().len(), fake.unfinished()), (1, 1));
    store.abort(PROJECT, &upload.id).await.unwrap();
    assert_eq!(fake.unfinished(), 0);
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Absent);
    put(&store, "second", "2").await;
    let (upload, etags) = sent(&store, &[1]).await;
    let refused = store.complete(PROJECT, &upload.id, &etags, "a", u64::MAX).await;
    assert!(matches!(refused, Err(StorageError::Full(_))), "{refused:?}");
    assert_eq!(complete(&store, &upload.id, &etags, "second").await, Completion::Done);
    assert_eq!(usage(&store).await, (2, 2));
}

#[tokio::test]
async fn an_upload_of_another_project_is_none_of_this_one() {
    let (store, _fake) = direct().await;
    let (upload, etags) = sent(&store, &[1]).await;
    let refused = store.complete(OTHER, &upload.id, &etags, "a", u64::MAX).await;
    assert_eq!(refused.unwrap(), Completion::Absent);
    for id in ["", "x", "x y", &upload.id[1..], &upload.id.to_uppercase()] {
        assert_eq!(complete(&store, id, &etags, "a").await, Completion::Absent, "{id}");
    }
    assert_eq!(complete(&store, &upload.id, &etags, "a").await, Completion::Done);
}

#[tokio::test]
async fn an_abandoned_direct_upload_is_collected() {
    let (store, fake) = direct().await;
    put(&store, "a", "1").await;
    let (_upload, _) = sent(&store, &[PART, 1]).await;
    assert_eq!(fake.unfinished(), 1);
    collect_all(&store).await;
    assert_eq!((fake.keys().len(), fake.unfinished()), (1, 0));
}

#[tokio::test]
async fn the_address_of_a_file_reads_the_object_that_it_had() {
    let (store, _fake) = direct().await;
    let sign = async |name: &str| store.sign_download(PROJECT, name, HOUR).await.unwrap();
    put(&store, "a", "old").await;
    let signed = sign("a").await.unwrap();
    put(&store, "a", "newer").await;
    assert_eq!(signed.size, 3);
    let got = send(&store, Method::GET, &signed.url, Vec::new()).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &b"old"[..]));
    let joined = ["a".to_owned(), "a".to_owned()];
    assert!(store.join(PROJECT, &joined, "twice", u64::MAX).await.unwrap());
    assert!(store.join(PROJECT, &joined[..1], "once", u64::MAX).await.unwrap());
    put(&store, "empty", "").await;
    // These are no single object.
    for name in ["twice", "empty", "nothing", "directory"] {
        assert_eq!(sign(name).await, None, "{name}");
    }
    assert_eq!(sign("once").await.unwrap().size, 5);
}
