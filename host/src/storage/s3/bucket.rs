//! One part of a bucket, and the requests to it. Each request is bounded in time, and its failure is a text
//! for the log. An object is written once and never replaced.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use object_store::aws::AmazonS3;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _, ObjectStoreExt as _, PutMode};
use tokio::time::{sleep, timeout};

use super::answer::{complaint, element, found, within};
use super::multipart::PARTS_MAX;
use super::object_id::ObjectId;
use super::parts::{self, StoredPart};
use super::place::S3Location;
use crate::storage::{ProjectId, StorageError};

/// Maximum time for a small request with all its retries. It is less than the timeout of the client's request
/// that waits for it.
const QUESTION_TIME: Duration = Duration::from_secs(15);
/// Maximum time for sending one part, and for completing an object of parts.
const WORK_TIME: Duration = Duration::from_secs(60);
/// Validity of a signature that is used at once.
const SIGNATURE_TIME: Duration = Duration::from_secs(300);
/// Maximum number of bytes read of an answer to `Bucket::ask`.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Number of times that parts are asked for, and the time between.
const TRIES_MAX: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// Maximum number of objects in one answer of S3.
const PAGE_OBJECTS_MAX: usize = 1_000;

/// The client of a part of a bucket.
pub(super) struct Bucket {
    store: AmazonS3,
    /// Client for the one request that `store` does not offer.
    http: HttpClient,
    /// Prefix of all keys: empty, or with a `/` at its end.
    prefix: String,
}

impl Bucket {
    pub(super) fn connect(place: &S3Location) -> anyhow::Result<Self> {
        let (store, http) = place.connect()?;
        Ok(Self {
            store,
            http,
            prefix: match &*place.prefix {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
        })
    }

    /// Prefix of the keys of a project's objects.
    fn objects(&self, project: ProjectId) -> String {
        format!("{}{}/objects/", self.prefix, project.0)
    }

    /// The key of an object of a project.
    pub(super) fn key(&self, project: ProjectId, object: ObjectId) -> Result<Path, StorageError> {
        parsed(&(self.objects(project) + &object.text()))
    }

    /// The key of an object that belongs to no project.
    pub(super) fn key_of(&self, name: &str) -> Result<Path, StorageError> {
        parsed(&format!("{}{name}", self.prefix))
    }

    /// Tries the requests that later ones need. The error is for the user who starts the server.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let check = async {
            let options = PaginatedListOptions {
                max_keys: Some(1),
                ..PaginatedListOptions::default()
            };
            let prefix = Some(&*self.prefix).filter(|prefix| !prefix.is_empty());
            self.store.list_paginated(prefix, options).await?;
            let key = Path::parse(format!("{}check", self.prefix))?;
            let id = self.store.create_multipart(&key).await?;
            self.store.abort_multipart(&key, &id).await
        };
        match timeout(QUESTION_TIME, check).await {
            Ok(result) => result.map_err(complaint),
            Err(_) => bail!("no answer within {} seconds", QUESTION_TIME.as_secs()),
        }
    }

    /// Lists the ids of a project's objects after one, in their order, at most a thousand, and whether these are all.
    pub(super) async fn list(
        &self,
        project: ProjectId,
        after: ObjectId,
    ) -> Result<(Vec<ObjectId>, bool), StorageError> {
        let prefix = self.objects(project);
        let options = PaginatedListOptions {
            offset: Some(format!("{prefix}{}", after.text())),
            max_keys: Some(PAGE_OBJECTS_MAX),
            ..PaginatedListOptions::default()
        };
        let page = self.store.list_paginated(Some(&prefix), options);
        let page = found(
            within(QUESTION_TIME, "cannot list objects", page).await?,
            "no such bucket",
        )?;
        let objects = page.result.objects.iter();
        let ids = objects.filter_map(|object| ObjectId::parse(object.location.filename()?));
        // Not every store takes a place to start from.
        Ok((ids.filter(|id| *id > after).collect(), page.page_token.is_none()))
    }

    /// Reads a small object that belongs to no project. `None`: there is none.
    pub(super) async fn read(&self, key: &Path) -> Result<Option<Bytes>, StorageError> {
        let read = async { self.store.get(key).await?.bytes().await };
        within(QUESTION_TIME, "cannot read an object", read).await
    }

    /// Opens a range of an object. `None`: there is no such object.
    pub(super) async fn get(
        &self,
        project: ProjectId,
        object: ObjectId,
        range: Range<u64>,
    ) -> Result<Option<GetResult>, StorageError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let key = self.key(project, object)?;
        within(
            QUESTION_TIME,
            "cannot read an object",
            self.store.get_opts(&key, options),
        )
        .await
    }

    /// Stores a whole object.
    pub(super) async fn put(&self, project: ProjectId, object: ObjectId, contents: Bytes) -> Result<(), StorageError> {
        let key = self.key(project, object)?;
        let stored = self.store.put(&key, contents.into());
        found(
            within(WORK_TIME, "cannot store an object", stored).await?,
            "no such bucket",
        )?;
        Ok(())
    }

    /// Stores a whole object that belongs to no project, unless there is one. A store that does not support the condition stores
    /// it anyway.
    pub(super) async fn put_if_absent(&self, key: &Path, contents: Bytes) -> Result<(), StorageError> {
        let stored = self
            .store
            .put_opts(key, contents.clone().into(), PutMode::Create.into());
        match timeout(QUESTION_TIME, stored).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            _ => self.replace(key, contents).await,
        }
    }

    /// Stores a whole object that belongs to no project, in place of a former one.
    pub(super) async fn replace(&self, key: &Path, contents: Bytes) -> Result<(), StorageError> {
        let stored = self.store.put(key, contents.into());
        found(
            within(WORK_TIME, "cannot store an object", stored).await?,
            "no such bucket",
        )?;
        Ok(())
    }

    /// Removes objects, as far as they are there: a request for each thousand.
    pub(super) async fn delete(&self, project: ProjectId, objects: &[ObjectId]) -> Result<(), StorageError> {
        let keys = objects.iter().map(|object| self.key(project, *object));
        let keys: Vec<Path> = keys.collect::<Result<_, _>>()?;
        let keys = stream::iter(keys.into_iter().map(Ok)).boxed();
        let deleted = self.store.delete_stream(keys).try_for_each(async |_| Ok(()));
        within(WORK_TIME, "cannot delete objects", deleted).await?;
        Ok(())
    }

    /// Begins a multipart upload of an object, and returns its id.
    pub(super) async fn begin(&self, project: ProjectId, object: ObjectId) -> Result<String, StorageError> {
        let key = self.key(project, object)?;
        let begun = self.store.create_multipart(&key);
        found(
            within(QUESTION_TIME, "cannot begin an object", begun).await?,
            "no such bucket",
        )
    }

    /// Sends one part.
    pub(super) async fn put_part(
        &self,
        (project, object, upload): (ProjectId, ObjectId, &String),
        index: usize,
        contents: Bytes,
    ) -> Result<PartId, StorageError> {
        let key = self.key(project, object)?;
        let stored = self.store.put_part(&key, upload, index, contents.into());
        found(
            within(WORK_TIME, "cannot store a part", stored).await?,
            "its object was given up",
        )
    }

    /// Completes a multipart upload, which creates the object of `bytes` bytes atomically. Returns `false` when there is neither the
    /// upload nor the object.
    pub(super) async fn complete(
        &self,
        (project, object, upload): (ProjectId, ObjectId, &String),
        parts: Vec<PartId>,
        bytes: u64,
    ) -> Result<bool, StorageError> {
        let key = self.key(project, object)?;
        let complete = self.store.complete_multipart(&key, upload, parts);
        if within(WORK_TIME, "cannot complete an object", complete)
            .await?
            .is_some()
        {
            return Ok(true);
        }
        // The answer to a former attempt may have been lost, and then the upload is complete.
        Ok(self.size(project, object).await? == Some(bytes))
    }

    /// The size of an object. `None`: there is no such object.
    pub(super) async fn size(&self, project: ProjectId, object: ObjectId) -> Result<Option<u64>, StorageError> {
        let key = self.key(project, object)?;
        let found = within(QUESTION_TIME, "cannot look at an object", self.store.head(&key)).await?;
        Ok(found.map(|found| found.size))
    }

    /// Aborts a multipart upload and removes its parts.
    pub(super) async fn abort(
        &self,
        project: ProjectId,
        object: ObjectId,
        upload: &String,
    ) -> Result<(), StorageError> {
        let key = self.key(project, object)?;
        let abort = self.store.abort_multipart(&key, upload);
        within(QUESTION_TIME, "cannot give an object up", abort).await?;
        Ok(())
    }

    /// Lists the first thousand incomplete multipart uploads of a project: object and upload.
    pub(super) async fn unfinished(&self, project: ProjectId) -> Result<Vec<(ObjectId, String)>, StorageError> {
        let listed = timeout(QUESTION_TIME, self.list_unfinished(&self.objects(project))).await;
        let failed = |why: String| StorageError::Unavailable(format!("cannot list uploads: {why}"));
        match listed {
            Ok(listed) => listed.map_err(|error| failed(format!("{error:#}"))),
            Err(_) => Err(failed("no answer".to_owned())),
        }
    }

    async fn list_unfinished(&self, prefix: &str) -> anyhow::Result<Vec<(ObjectId, String)>> {
        let options = SignedUrlOptions::new().with_query([("uploads", ""), ("prefix", prefix)]);
        let answer = self.ask(Method::GET, &Path::default(), options).await?;
        let answer = answer.context("no such bucket")?;
        let mut uploads = Vec::new();
        for upload in answer.split("<Upload>").skip(1) {
            let text = |name| element(upload, name).with_context(|| format!("there is no {name} in {upload}"));
            let name = text("Key")?.strip_prefix(prefix);
            if let Some(object) = name.and_then(ObjectId::parse) {
                uploads.push((object, text("UploadId")?.to_owned()));
            }
        }
        Ok(uploads)
    }

    /// Lists the parts of an incomplete multipart upload, at most `PARTS_MAX`, in the order of their numbers. `None`: there is no
    /// such upload.
    pub(super) async fn parts(
        &self,
        (project, object, upload): (ProjectId, ObjectId, &str),
    ) -> Result<Option<Vec<StoredPart>>, StorageError> {
        let key = self.key(project, object)?;
        let (mut parts, mut after) = (Vec::new(), 0);
        while parts.len() < PARTS_MAX {
            let page = self.page_of_parts(&key, upload, after).await?;
            let Some((page, is_last)) = page else { return Ok(None) };
            after = page.last().map_or(after, |part: &StoredPart| part.number);
            let is_end = is_last || page.is_empty();
            parts.extend(page);
            if is_end {
                break;
            }
        }
        Ok(Some(parts))
    }

    /// Lists parts after a number, and says if these are all. The request is repeated when it fails.
    async fn page_of_parts(
        &self,
        key: &Path,
        upload: &str,
        after: u32,
    ) -> Result<Option<(Vec<StoredPart>, bool)>, StorageError> {
        let mut tries = 0;
        loop {
            let query = [("uploadId", upload), ("part-number-marker", &after.to_string())];
            let options = SignedUrlOptions::new().with_query(query);
            let read = async {
                let answer = self.ask(Method::GET, key, options).await?;
                answer.map(|answer| parts::read(&answer)).transpose()
            };
            let why = match timeout(QUESTION_TIME, read).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer".to_owned(),
            };
            tries += 1;
            if tries == TRIES_MAX {
                return Err(StorageError::Unavailable(format!("cannot list parts: {why}")));
            }
            sleep(PAUSE).await;
        }
    }

    /// Sends a request without a body that `store` does not offer, and returns the text of a successful
    /// answer. `None`: what the request names does not exist.
    async fn ask(&self, method: Method, key: &Path, options: SignedUrlOptions) -> anyhow::Result<Option<String>> {
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
        if head.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(head.status.is_success(), "status {}: {body}", head.status);
        Ok(Some(body))
    }
}

fn parsed(key: &str) -> Result<Path, StorageError> {
    Path::parse(key).map_err(|error| StorageError::Unavailable(format!("no key of an object: {error}")))
}
