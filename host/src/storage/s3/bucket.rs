//! One part of a bucket, and the requests to it. Each request is bounded in time, and its failure is a text
//! for the log. This module does not know what a key is for.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt as _, Limited};
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore as _};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{
    Attribute, Attributes, GetOptions, GetResult, ObjectStore as _, ObjectStoreExt as _, PutMode, PutMultipartOptions,
    PutOptions, PutPayload,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;

use super::answer::{complaint, element, found, tag_in, within};
use super::place::{RETRIES_MAX, S3Location};
use crate::storage::{BlobInfo, ProjectId, StorageError};

/// Maximum time for a small request with all its retries. It is less than the timeout of the client's request
/// that waits for it.
const QUESTION_TIME: Duration = Duration::from_secs(15);
/// Maximum time for sending or copying one part, and for completing an object of parts.
const WORK_TIME: Duration = Duration::from_secs(60);
/// Validity of a copy's signature, which is used at once.
const SIGNATURE_TIME: Duration = Duration::from_secs(300);
/// Maximum length of a key in S3.
const KEY_BYTES_MAX: usize = 1024;
/// Maximum number of bytes read of an answer to `Bucket::ask`.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Metadata entry with the time of the commit. S3's own time has whole seconds only.
const COMMITTED: &str = "mlforge-committed-ms";

const KEY_IN_HEADER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// One version of an object. A replacement is another version.
#[derive(Clone)]
pub(super) struct ObjectVersion {
    pub(super) key: Path,
    /// The entity tag. `None` only if the store gives none; then versions cannot be told apart.
    pub(super) tag: Option<String>,
    pub(super) size: u64,
}

/// The client of a part of a bucket.
pub(super) struct Bucket {
    store: AmazonS3,
    /// Client for the one request that `store` does not offer.
    http: HttpClient,
    name: String,
    /// Prefix of all keys: empty, or with a `/` at its end.
    prefix: String,
}

impl Bucket {
    pub(super) fn connect(place: &S3Location) -> anyhow::Result<Self> {
        let (store, http) = place.connect()?;
        Ok(Self {
            store,
            http,
            name: place.bucket.clone(),
            prefix: match &*place.prefix {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
        })
    }

    /// Prefix of all keys of a project.
    pub(super) fn root(&self, project: ProjectId) -> String {
        format!("{}{}/", self.prefix, project.0)
    }

    /// Prefix of the keys of uploads that have no name yet. No project has this number.
    pub(super) fn staging(&self) -> String {
        format!("{}staging/", self.prefix)
    }

    /// The key of a file with a valid name. Refused when the key is longer than S3 can keep.
    pub(super) fn key(&self, project: ProjectId, name: &str) -> Result<Path, StorageError> {
        let key = self.root(project) + name;
        if key.len() > KEY_BYTES_MAX {
            let most = KEY_BYTES_MAX.saturating_sub(key.len() - name.len());
            return Err(StorageError::InvalidName(format!(
                "a name has at most {most} bytes in this storage"
            )));
        }
        parsed(&key)
    }

    /// The key of an object that is no file of a project.
    pub(super) fn key_of(&self, name: &str) -> Result<Path, StorageError> {
        parsed(&format!("{}{name}", self.prefix))
    }

    /// A unique key.
    pub(super) fn fresh_key(&self) -> Result<Path, StorageError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
        parsed(&format!("{}{:032x}", self.staging(), u128::from_le_bytes(random)))
    }

    /// Tries the requests that later ones need. The error is for the user who starts the server.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let check = async {
            self.list_once(&self.staging(), PaginatedListOptions::default()).await?;
            let key = Path::parse(format!("{}check", self.staging()))?;
            let id = self.store.create_multipart(&key).await?;
            self.store.abort_multipart(&key, &id).await
        };
        match timeout(QUESTION_TIME, check).await {
            Ok(result) => result.map_err(complaint),
            Err(_) => bail!("no answer within {} seconds", QUESTION_TIME.as_secs()),
        }
    }

    /// Returns size and time of an object. `None`: there is none.
    pub(super) async fn look_at(&self, key: &Path) -> Result<Option<BlobInfo>, StorageError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found = self.store.get_opts(key, options);
        let found = within(QUESTION_TIME, "cannot look at a file", found).await?;
        Ok(found.as_ref().map(info))
    }

    /// Returns the version of an object now. `None`: there is none.
    pub(super) async fn version(&self, key: Path) -> Result<Option<ObjectVersion>, StorageError> {
        let found = within(QUESTION_TIME, "cannot look at a file", self.store.head(&key)).await?;
        Ok(found.map(|found| ObjectVersion {
            key,
            tag: found.e_tag,
            size: found.size,
        }))
    }

    /// True if any key begins with this prefix.
    pub(super) async fn holds_any(&self, prefix: &str) -> Result<bool, StorageError> {
        let options = PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        Ok(!self.page(prefix, options).await?.result.objects.is_empty())
    }

    /// Returns a page of the keys with this prefix.
    pub(super) async fn page(
        &self,
        prefix: &str,
        options: PaginatedListOptions,
    ) -> Result<PaginatedListResult, StorageError> {
        let page = self.list_once(prefix, options);
        found(
            within(QUESTION_TIME, "cannot list files", page).await?,
            "no such bucket",
        )
    }

    async fn list_once(
        &self,
        prefix: &str,
        options: PaginatedListOptions,
    ) -> object_store::Result<PaginatedListResult> {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        self.store.list_paginated(prefix, options).await
    }

    /// Opens an object: its head, and its bytes as they come. `None`: there is none.
    pub(super) async fn get(&self, key: &Path, options: GetOptions) -> Result<Option<GetResult>, StorageError> {
        within(QUESTION_TIME, "cannot read a file", self.store.get_opts(key, options)).await
    }

    /// Stores a whole object, dated now.
    pub(super) async fn put(&self, key: &Path, contents: Vec<Bytes>) -> Result<(), StorageError> {
        let options = PutOptions::from(dated());
        let stored = self.store.put_opts(key, PutPayload::from_iter(contents), options);
        found(
            within(WORK_TIME, "cannot store a file", stored).await?,
            "no such bucket",
        )?;
        Ok(())
    }

    /// Stores a whole object unless there is one. A store that does not support the condition stores it
    /// anyway.
    pub(super) async fn put_if_absent(&self, key: &Path, contents: Bytes) -> Result<(), StorageError> {
        let stored = self
            .store
            .put_opts(key, contents.clone().into(), PutMode::Create.into());
        match timeout(QUESTION_TIME, stored).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            _ => self.put(key, vec![contents]).await,
        }
    }

    /// Removes an object, if there is one.
    pub(super) async fn delete(&self, key: &Path) -> Result<(), StorageError> {
        within(QUESTION_TIME, "cannot delete a file", self.store.delete(key)).await?;
        Ok(())
    }

    /// Removes the objects of a page of keys.
    pub(super) async fn delete_all(&self, keys: Vec<Path>) -> Result<(), StorageError> {
        let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
        let deleted = self.store.delete_stream(keys).try_for_each(async |_| Ok(()));
        within(WORK_TIME, "cannot delete files", deleted).await?;
        Ok(())
    }

    /// Begins a multipart upload of an object, which is dated now.
    pub(super) async fn begin(&self, key: &Path) -> Result<String, StorageError> {
        let begun = self
            .store
            .create_multipart_opts(key, PutMultipartOptions::from(dated()));
        found(
            within(QUESTION_TIME, "cannot begin a file", begun).await?,
            "no such bucket",
        )
    }

    /// Sends one part.
    pub(super) async fn put_part(
        &self,
        key: &Path,
        id: &String,
        index: usize,
        contents: Vec<Bytes>,
    ) -> Result<PartId, StorageError> {
        let stored = self.store.put_part(key, id, index, PutPayload::from_iter(contents));
        found(
            within(WORK_TIME, "cannot store a part", stored).await?,
            "its file was given up",
        )
    }

    /// Completes a multipart upload, which creates the object atomically.
    pub(super) async fn complete(&self, key: &Path, id: &String, parts: Vec<PartId>) -> Result<(), StorageError> {
        let complete = self.store.complete_multipart(key, id, parts);
        found(
            within(WORK_TIME, "cannot complete a file", complete).await?,
            "it was given up",
        )?;
        Ok(())
    }

    /// Aborts a multipart upload and removes its parts.
    pub(super) async fn abort(&self, key: &Path, id: &String) -> Result<(), StorageError> {
        let abort = self.store.abort_multipart(key, id);
        within(QUESTION_TIME, "cannot give a file up", abort).await?;
        Ok(())
    }

    /// Copies a range of another object into a part. The bytes stay within the store.
    pub(super) async fn copy_part(
        &self,
        from: &ObjectVersion,
        range: Range<u64>,
        (to, id, index): (&Path, &str, usize),
    ) -> Result<PartId, StorageError> {
        let mut attempt = 0;
        loop {
            let copied = timeout(WORK_TIME, self.copy_once(from, &range, (to, id, index))).await;
            attempt += 1;
            match copied {
                Ok(Ok(part)) => return Ok(part),
                Ok(Err(_)) if attempt <= RETRIES_MAX => tokio::time::sleep(Duration::from_millis(200)).await,
                Ok(Err(problem)) => return Err(StorageError::Unavailable(format!("cannot copy a part: {problem:#}"))),
                Err(_) => return Err(StorageError::Unavailable("cannot copy a part: no answer".into())),
            }
        }
    }

    /// Lists the first thousand incomplete multipart uploads below a prefix, each with the time at which it
    /// began. Their keys must have no characters that XML escapes.
    pub(super) async fn unfinished(&self, prefix: &str) -> anyhow::Result<Vec<(Path, String, OffsetDateTime)>> {
        let options = SignedUrlOptions::new().with_query([("uploads", ""), ("prefix", prefix)]);
        let root = Path::default();
        let listed = timeout(QUESTION_TIME, self.ask(Method::GET, &root, options));
        let listed = listed.await.context("no answer")??;
        let uploads = listed.split("<Upload>").skip(1).map(|upload| {
            let text = |name| element(upload, name).with_context(|| format!("there is no {name} in {upload}"));
            let begun = OffsetDateTime::parse(text("Initiated")?, &Rfc3339)?;
            Ok((Path::parse(text("Key")?)?, text("UploadId")?.to_owned(), begun))
        });
        uploads.collect()
    }

    async fn copy_once(
        &self,
        from: &ObjectVersion,
        range: &Range<u64>,
        (to, id, index): (&Path, &str, usize),
    ) -> anyhow::Result<PartId> {
        let source = utf8_percent_encode(from.key.as_ref(), KEY_IN_HEADER);
        let last = range.end.saturating_sub(1);
        let headers = [
            ("x-amz-copy-source", Some(format!("/{}/{source}", self.name))),
            ("x-amz-copy-source-range", Some(format!("bytes={}-{last}", range.start))),
            ("x-amz-copy-source-if-match", from.tag.clone()),
        ];
        let mut options =
            SignedUrlOptions::new().with_query([("partNumber", (index + 1).to_string()), ("uploadId", id.to_owned())]);
        for (name, value) in headers {
            if let Some(value) = value {
                options = options.with_signed_header(HeaderName::from_static(name), HeaderValue::from_str(&value)?);
            }
        }
        let answer = self.ask(Method::PUT, to, options).await?;
        // A copy may fail after its answer began as a success.
        let tag = tag_in(&answer).with_context(|| format!("not copied: {answer}"))?;
        Ok(PartId { content_id: tag })
    }

    /// Sends a request without a body that `store` does not offer, and returns the text of a successful
    /// answer.
    async fn ask(&self, method: Method, key: &Path, options: SignedUrlOptions) -> anyhow::Result<String> {
        let url = self
            .store
            .signed_url_opts(method.clone(), key, SIGNATURE_TIME, &options);
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.await?.as_str().parse()?;
        *request.method_mut() = method;
        *request.headers_mut() = options.signed_headers;
        let (head, body) = self.http.execute(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("{error}"))?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        ensure!(head.status.is_success(), "status {}: {body}", head.status);
        Ok(body)
    }
}

fn parsed(key: &str) -> Result<Path, StorageError> {
    Path::parse(key).map_err(|error| StorageError::InvalidName(error.to_string()))
}

fn dated() -> Attributes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Attributes::from_iter([(Attribute::Metadata(COMMITTED.into()), now.as_millis().to_string())])
}

/// Size and time of an object.
pub(super) fn info(object: &GetResult) -> BlobInfo {
    BlobInfo {
        size: object.meta.size,
        modified_ms: committed_ms(object),
    }
}

/// The time from the object's metadata, else from S3: another program may have stored the object.
fn committed_ms(object: &GetResult) -> u64 {
    let said = object.attributes.get(&Attribute::Metadata(COMMITTED.into()));
    said.and_then(|ms| ms.as_ref().parse().ok())
        .or_else(|| object.meta.last_modified.timestamp_millis().try_into().ok())
        .unwrap_or(0)
}
