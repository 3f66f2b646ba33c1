//! One part of a bucket and what is asked of it: each request bounded in time, its failure told in words for the log.
//! Nothing here says what a key is for.

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

/// How long a question may take with all its repetitions: less than the request of a client that waits for it.
const QUESTION_TIME: Duration = Duration::from_secs(15);
/// How long it may take to send or copy one part, and to put parts together.
const WORK_TIME: Duration = Duration::from_secs(60);
/// How long a copy's signature holds; it is used at once.
const SIGNATURE_TIME: Duration = Duration::from_secs(300);
/// The longest key that S3 takes.
const KEY_BYTES_MAX: usize = 1024;
/// The most that is read of an answer to what `Bucket::ask` asks.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Where an object tells when it was committed: what S3 tells itself has whole seconds only.
const COMMITTED: &str = "mlforge-committed-ms";

const KEY_IN_HEADER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// An object as it was at a moment: what replaces it is another one.
#[derive(Clone)]
pub(super) struct ObjectVersion {
    pub(super) key: Path,
    /// None only where the store gives none; then nothing tells versions apart.
    pub(super) tag: Option<String>,
    pub(super) size: u64,
}

/// The client of a part of a bucket.
pub(super) struct Bucket {
    store: AmazonS3,
    /// For the one request that `store` does not know.
    http: HttpClient,
    name: String,
    /// Of all keys: empty, or with a `/` at its end.
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

    /// What all keys of a project begin with.
    pub(super) fn root(&self, project: ProjectId) -> String {
        format!("{}{}/", self.prefix, project.0)
    }

    /// What the keys of unfinished business begin with. No project has such a number.
    pub(super) fn staging(&self) -> String {
        format!("{}staging/", self.prefix)
    }

    /// The key of a file whose name keeps the rules; refused when it is longer than S3 can keep.
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

    /// The key of what is no file of a project.
    pub(super) fn key_of(&self, name: &str) -> Result<Path, StorageError> {
        parsed(&format!("{}{name}", self.prefix))
    }

    /// A key that nobody else has.
    pub(super) fn fresh_key(&self) -> Result<Path, StorageError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
        parsed(&format!("{}{:032x}", self.staging(), u128::from_le_bytes(random)))
    }

    /// Asks what every later request needs, and says what is wrong in words for whoever started the server.
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

    /// Size and time of an object; none when there is none.
    pub(super) async fn look_at(&self, key: &Path) -> Result<Option<BlobInfo>, StorageError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let found = self.store.get_opts(key, options);
        let found = within(QUESTION_TIME, "cannot look at a file", found).await?;
        Ok(found.as_ref().map(info))
    }

    /// What lies at a key now; none when nothing does.
    pub(super) async fn version(&self, key: Path) -> Result<Option<ObjectVersion>, StorageError> {
        let found = within(QUESTION_TIME, "cannot look at a file", self.store.head(&key)).await?;
        Ok(found.map(|found| ObjectVersion {
            key,
            tag: found.e_tag,
            size: found.size,
        }))
    }

    /// True if any key begins with this.
    pub(super) async fn holds_any(&self, prefix: &str) -> Result<bool, StorageError> {
        let options = PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        Ok(!self.page(prefix, options).await?.result.objects.is_empty())
    }

    /// A page of the keys that begin with this.
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

    /// The head of an object, and its bytes as they come; none when there is none.
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

    /// Stores a whole object unless there is one; a store that knows no such condition stores it anyway.
    pub(super) async fn put_if_absent(&self, key: &Path, contents: Bytes) -> Result<(), StorageError> {
        let stored = self
            .store
            .put_opts(key, contents.clone().into(), PutMode::Create.into());
        match timeout(QUESTION_TIME, stored).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            _ => self.put(key, vec![contents]).await,
        }
    }

    /// Removes an object, if it is there.
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

    /// Begins an object of several parts, which will be dated now.
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

    /// Makes an object of its parts, at once.
    pub(super) async fn complete(&self, key: &Path, id: &String, parts: Vec<PartId>) -> Result<(), StorageError> {
        let complete = self.store.complete_multipart(key, id, parts);
        found(
            within(WORK_TIME, "cannot complete a file", complete).await?,
            "it was given up",
        )?;
        Ok(())
    }

    /// Removes the parts of an object that will not be.
    pub(super) async fn abort(&self, key: &Path, id: &String) -> Result<(), StorageError> {
        let abort = self.store.abort_multipart(key, id);
        within(QUESTION_TIME, "cannot give a file up", abort).await?;
        Ok(())
    }

    /// Makes a part of a range of another object, without its bytes coming here.
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

    /// The objects below a prefix that are begun and not complete, with the time at which they were begun; the first thousand.
    /// Their keys must have no characters that XML would write otherwise.
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

    /// Sends a request without a body that `store` does not know, and takes the text of a success.
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

/// As the object says, else as S3 does: somebody else may have put it there.
fn committed_ms(object: &GetResult) -> u64 {
    let said = object.attributes.get(&Attribute::Metadata(COMMITTED.into()));
    said.and_then(|ms| ms.as_ref().parse().ok())
        .or_else(|| object.meta.last_modified.timestamp_millis().try_into().ok())
        .unwrap_or(0)
}
