//! A stand-in for a store: whole objects and multipart uploads in memory, behind HTTP. It can refuse requests, keep their
//! answers back, and break connections.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::storage::s3::{S3Keys, S3Location};

/// A store in memory.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) objects: Mutex<BTreeMap<String, Bytes>>,
    /// Uploads by their id.
    pub(super) uploads: Mutex<BTreeMap<String, Unfinished>>,
    count: AtomicU64,
    fault: Mutex<Fault>,
    /// Number of requests that a fault has met.
    pub(super) met: AtomicU64,
}

/// The key of an upload, and its parts by number.
pub(super) type Unfinished = (String, BTreeMap<u32, Bytes>);

/// A kind of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    List,
    ListUploads,
    ListParts,
    Put,
    Delete,
    Begin,
    Part,
    Complete,
    Abort,
}

/// A fault of the next requests of a kind.
#[derive(Clone, Copy, Default)]
pub(super) enum Fault {
    #[default]
    None,
    /// So many requests get a 503.
    Refuse(Call, u64),
    /// They are carried out, and then get a 500: the caller learns nothing of the outcome.
    Lose(Call, u64),
}

/// A location that receives no requests.
pub(super) fn nowhere() -> S3Location {
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

impl Fake {
    pub(super) async fn start() -> (Arc<Self>, S3Location) {
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

    /// Makes the next requests fail.
    pub(super) fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        self.met.store(0, Ordering::SeqCst);
    }

    /// The keys of all objects.
    pub(super) fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    /// Number of uploads that are not completed.
    pub(super) fn unfinished(&self) -> usize {
        self.uploads.lock().unwrap().len()
    }

    /// True if a part of an upload has come.
    pub(super) fn has_a_part(&self) -> bool {
        self.uploads
            .lock()
            .unwrap()
            .values()
            .any(|(_, parts)| !parts.is_empty())
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return status(StatusCode::BAD_REQUEST);
        };
        let query: BTreeMap<String, String> = head.uri.query().map(fields).unwrap_or_default();
        let call = call(&head.method, &query);
        let fault = self.next_fault(call);
        if let Fault::Refuse(..) = fault {
            return status(StatusCode::SERVICE_UNAVAILABLE);
        }
        let answer = self.carry_out(call, &head, &query, body.to_bytes());
        match fault {
            Fault::Lose(..) => status(StatusCode::INTERNAL_SERVER_ERROR),
            _ => answer,
        }
    }

    /// The fault of this request.
    fn next_fault(&self, call: Call) -> Fault {
        let mut fault = self.fault.lock().unwrap();
        match &mut *fault {
            Fault::Refuse(of, left) | Fault::Lose(of, left) if *of == call && *left > 0 => *left -= 1,
            _ => return Fault::None,
        }
        self.met.fetch_add(1, Ordering::SeqCst);
        *fault
    }

    fn carry_out(
        &self,
        call: Call,
        head: &http::request::Parts,
        query: &BTreeMap<String, String>,
        body: Bytes,
    ) -> Response<Full<Bytes>> {
        let key = head.uri.path().trim_start_matches("/bucket").trim_start_matches('/');
        let upload = query.get("uploadId").map_or("", String::as_str);
        match call {
            Call::List => self.list(query),
            Call::ListUploads => self.list_uploads(&query["prefix"]),
            Call::ListParts => self.list_parts(key, upload, &query["part-number-marker"]),
            Call::Begin => self.begin(key),
            Call::Part => self.put_part(upload, query["partNumber"].parse().unwrap(), body),
            Call::Complete => self.complete(upload, &body),
            Call::Abort => {
                self.uploads.lock().unwrap().remove(upload);
                status(StatusCode::NO_CONTENT)
            }
            Call::Put => self.put(key, body, &head.headers),
            Call::Get => match self.objects.lock().unwrap().get(key) {
                Some(object) => object_answer(object, &head.headers),
                None => status(StatusCode::NOT_FOUND),
            },
            Call::Delete => {
                let body = String::from_utf8(body.to_vec()).unwrap();
                let mut deleted = String::new();
                for rest in body.split("<Key>").skip(1) {
                    let key = rest.split_once('<').unwrap().0;
                    self.objects.lock().unwrap().remove(key);
                    deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
                }
                text(format!("<DeleteResult>{deleted}</DeleteResult>"))
            }
        }
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
        let objects = self.objects.lock().unwrap();
        let (prefix, after) = (&query["prefix"], query.get("start-after"));
        let most = query.get("max-keys").map_or(1_000, |most| most.parse().unwrap());
        let found = objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| *key > after));
        let found: Vec<_> = found.collect();
        let mut answer = String::new();
        for (key, object) in found.iter().take(most) {
            answer += &format!(
                "<Contents><Key>{key}</Key><LastModified>2030-01-01T00:00:00.000Z</LastModified>\
                 <ETag>\"1\"</ETag><Size>{}</Size></Contents>",
                object.len()
            );
        }
        if found.len() > most {
            answer += "<NextContinuationToken>more</NextContinuationToken>";
        }
        text(format!("<ListBucketResult>{answer}</ListBucketResult>"))
    }

    fn list_uploads(&self, prefix: &str) -> Response<Full<Bytes>> {
        let uploads = self.uploads.lock().unwrap();
        let found = uploads.iter().filter(|(_, (key, _))| key.starts_with(prefix));
        let listed: String = found
            .map(|(id, (key, _))| format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>"))
            .collect();
        text(format!(
            "<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>"
        ))
    }

    fn begin(&self, key: &str) -> Response<Full<Bytes>> {
        let id = self.count.fetch_add(1, Ordering::SeqCst).to_string();
        let upload = (key.to_owned(), BTreeMap::new());
        self.uploads.lock().unwrap().insert(id.clone(), upload);
        text(format!(
            "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>"
        ))
    }

    fn put_part(&self, upload: &str, number: u32, body: Bytes) -> Response<Full<Bytes>> {
        match self.uploads.lock().unwrap().get_mut(upload) {
            Some((_, parts)) => {
                let etag = etag(&body);
                parts.insert(number, body);
                let mut answer = text(String::new());
                answer.headers_mut().insert("etag", etag.parse().unwrap());
                answer
            }
            None => status(StatusCode::NOT_FOUND),
        }
    }

    /// Two parts of a page, so that lists have several.
    fn list_parts(&self, key: &str, upload: &str, after: &str) -> Response<Full<Bytes>> {
        let uploads = self.uploads.lock().unwrap();
        let Some((_, parts)) = uploads.get(upload).filter(|(of, _)| of == key) else {
            return status(StatusCode::NOT_FOUND);
        };
        let after: u32 = after.parse().unwrap();
        let found: Vec<_> = parts.range(after + 1..).collect();
        let mut listed = String::new();
        for (number, part) in found.iter().take(2) {
            let (etag, size) = (etag(part).replace('"', "&quot;"), part.len());
            listed += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>{size}</Size></Part>");
        }
        let is_truncated = found.len() > 2;
        text(format!(
            "<ListPartsResult>{listed}<IsTruncated>{is_truncated}</IsTruncated></ListPartsResult>"
        ))
    }

    fn complete(&self, upload: &str, body: &Bytes) -> Response<Full<Bytes>> {
        let mut uploads = self.uploads.lock().unwrap();
        let Some((_, parts)) = uploads.get(upload) else {
            return status(StatusCode::NOT_FOUND);
        };
        let asked = String::from_utf8(body.to_vec()).unwrap();
        let is_asked = |part: &Bytes| asked.contains(etag(part).trim_matches('"'));
        if !parts.values().all(is_asked) {
            return status(StatusCode::BAD_REQUEST);
        }
        let (key, parts) = uploads.remove(upload).unwrap();
        let (last, others) = parts
            .values()
            .map(Bytes::len)
            .collect::<Vec<_>>()
            .split_last()
            .map_or_else(Default::default, |(last, others)| (*last, others.to_vec()));
        // As S3 wants it, and the stores that want all parts alike.
        assert!(others.iter().all(|part| *part == 5 << 20) && last <= 5 << 20);
        let contents = parts.values().flat_map(|part| part.to_vec()).collect::<Vec<u8>>();
        self.objects.lock().unwrap().insert(key, contents.into());
        text("<CompleteMultipartUploadResult><ETag>\"1\"</ETag></CompleteMultipartUploadResult>".into())
    }

    fn put(&self, key: &str, body: Bytes, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let mut objects = self.objects.lock().unwrap();
        if headers.contains_key("if-none-match") && objects.contains_key(key) {
            return status(StatusCode::PRECONDITION_FAILED);
        }
        let former = objects.insert(key.to_owned(), body.clone());
        // A repeated request has the same bytes.
        assert!(former.is_none_or(|former| former == body), "{key} was replaced");
        object_answer(&Bytes::new(), &HeaderMap::new())
    }
}

/// The `ETag` of a part: no other part of a test has it.
fn etag(part: &Bytes) -> String {
    let sum = part
        .iter()
        .fold(part.len() as u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    format!("\"{sum:016x}\"")
}

fn call(method: &Method, query: &BTreeMap<String, String>) -> Call {
    let (has_uploads, has_upload) = (query.contains_key("uploads"), query.contains_key("uploadId"));
    match method.as_str() {
        "GET" if query.contains_key("list-type") => Call::List,
        "GET" if has_uploads => Call::ListUploads,
        "GET" if has_upload => Call::ListParts,
        "GET" | "HEAD" => Call::Get,
        "POST" if has_uploads => Call::Begin,
        "POST" if has_upload => Call::Complete,
        "PUT" if has_upload => Call::Part,
        "PUT" => Call::Put,
        "DELETE" if has_upload => Call::Abort,
        "POST" if query.contains_key("delete") => Call::Delete,
        other => panic!("{other} {query:?}"),
    }
}

fn fields(query: &str) -> BTreeMap<String, String> {
    let fields = query
        .split('&')
        .map(|field| field.split_once('=').unwrap_or((field, "")));
    let plain = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    fields.map(|(name, value)| (name.to_owned(), plain(value))).collect()
}

fn text(xml: String) -> Response<Full<Bytes>> {
    Response::new(Full::new(xml.into()))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = text(String::new());
    *response.status_mut() = status;
    response
}

/// An object, or the range of it that is asked for.
fn object_answer(object: &Bytes, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let answer = Response::builder()
        .header("etag", "\"1\"")
        .header("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT");
    let Some(range) = headers.get("range") else {
        let answer = answer.header("content-length", object.len());
        return answer.body(Full::new(object.clone())).unwrap();
    };
    let (from, to) = range
        .to_str()
        .unwrap()
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    let told = format!("bytes {from}-{to}/{}", object.len());
    let answer = answer.status(StatusCode::PARTIAL_CONTENT).header("content-range", told);
    answer.body(Full::new(object.slice(from..=to))).unwrap()
}
