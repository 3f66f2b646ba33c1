//! Direct transfers: clients get signed addresses of the bucket, so their bytes pass no host.
//!
//! A direct upload is a multipart upload of one object. The host begins it, and completes it once the parts in the store are those
//! that the client names. An address only stores one part of it. So no address can make an object, or change one that has a
//! name. An address of a download reads one object, which never changes.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use object_store::multipart::PartId;
use object_store::signer::{SignedUrlOptions, Signer as _};

use super::S3Blobs;
use super::answer::within;
use super::collection::KEPT_MS;
use super::index::{Content, Entry};
use super::object_id::{ObjectId, now_ms};
use super::parts::{StoredPart, bare};
use super::upload::PART_BYTES;
use crate::convert::to_u64;
use crate::storage::{
    Completion, DirectDownload, DirectTransfers, DirectUpload, ProjectId, StorageError, validate_blob_name,
};

/// Maximum time for signing an address. Credentials of a role may have to be fetched for it.
const SIGNING_TIME: Duration = Duration::from_secs(15);

/// The id of a direct upload: its object, and the store's name of the multipart upload.
struct UploadName<'a> {
    object: ObjectId,
    upload: &'a str,
}

impl<'a> UploadName<'a> {
    /// Reads what `text` writes. `None`: it is no such id.
    fn parse(id: &'a str) -> Option<Self> {
        let (object, upload) = id.split_once(' ')?;
        Some(Self {
            object: ObjectId::parse(object)?,
            upload,
        })
    }

    fn text(&self) -> String {
        format!("{} {}", self.object.text(), self.upload)
    }
}

impl S3Blobs {
    /// Signs an address of an object.
    async fn address(
        &self,
        (project, object): (ProjectId, ObjectId),
        method: Method,
        query: &[(&str, &str)],
        valid_for: Duration,
    ) -> Result<String, StorageError> {
        let Some(signer) = &self.signer else {
            return Err(StorageError::Unavailable("direct transfers are not allowed".to_owned()));
        };
        let key = self.bucket.key(project, object)?;
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let signed = signer.signed_url_opts(method, &key, valid_for, &options);
        let signed = within(SIGNING_TIME, "cannot sign an address", signed).await?;
        let signed = signed.ok_or_else(|| StorageError::Unavailable("cannot sign an address".to_owned()))?;
        Ok(signed.to_string())
    }

    /// Completes an upload, also one that an earlier request has completed in the store.
    async fn complete_and_name(
        &self,
        project: ProjectId,
        name: &UploadName<'_>,
        etags: &[String],
        (file, bytes_max): (&str, u64),
    ) -> Result<Completion, StorageError> {
        let object = name.object;
        // An older object may be collected now.
        if object.made_ms.saturating_add(KEPT_MS) <= now_ms() {
            return Ok(Completion::Absent);
        }
        if let Some(stored) = self.bucket.parts((project, object, name.upload)).await? {
            let bytes = match checked(&stored, etags) {
                Ok(bytes) => bytes,
                Err(refused) => return Ok(refused),
            };
            refuse_larger(bytes, bytes_max)?;
            self.index.refuse_unfit(project, file, bytes).await?;
            if let Some(refused) = self.complete_in_store(project, name, &stored, etags).await? {
                return Ok(refused);
            }
        }
        // Nothing but a completion makes the object, and each has checked the parts.
        let Some(bytes) = self.bucket.size(project, object).await? else {
            return Ok(Completion::Absent);
        };
        refuse_larger(bytes, bytes_max)?;
        self.index.name_once(project, file, object, bytes).await?;
        Ok(Completion::Done)
    }

    /// Makes the object of the parts that were listed. Returns a refusal if the client has changed them since.
    async fn complete_in_store(
        &self,
        project: ProjectId,
        name: &UploadName<'_>,
        stored: &[StoredPart],
        etags: &[String],
    ) -> Result<Option<Completion>, StorageError> {
        let upload = (project, name.object, &name.upload.to_owned());
        let part = |part: &StoredPart| PartId {
            content_id: part.etag.clone(),
        };
        let bytes = sum(stored);
        match self
            .bucket
            .complete(upload, stored.iter().map(part).collect(), bytes)
            .await
        {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(Completion::Absent)),
            Err(error) => {
                let now = self.bucket.parts((project, name.object, name.upload)).await?;
                match now.map(|now| checked(&now, etags)) {
                    Some(Err(refused)) => Ok(Some(refused)),
                    _ => Err(error),
                }
            }
        }
    }
}

/// Checks that the stored parts are those with these ETags, and large enough. Returns the number of their bytes.
fn checked(stored: &[StoredPart], etags: &[String]) -> Result<u64, Completion> {
    for (number, etag) in (1..).zip(etags) {
        let part = usize::try_from(number - 1).ok().and_then(|index| stored.get(index));
        if !part.is_some_and(|part| part.number == number && bare(&part.etag) == bare(etag)) {
            return Err(Completion::MissingPart(number));
        }
    }
    if let Some(surplus) = stored.get(etags.len()) {
        return Err(Completion::MissingPart(surplus.number));
    }
    let bytes_min = to_u64(PART_BYTES);
    let (_, others) = stored.split_last().ok_or(Completion::MissingPart(1))?;
    match others.iter().find(|part| part.size < bytes_min) {
        Some(small) => Err(Completion::SmallPart {
            number: small.number,
            bytes_min,
        }),
        None => Ok(sum(stored)),
    }
}

fn sum(parts: &[StoredPart]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.size))
}

fn refuse_larger(bytes: u64, bytes_max: u64) -> Result<(), StorageError> {
    if bytes > bytes_max {
        return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
    }
    Ok(())
}

#[async_trait]
impl DirectTransfers for S3Blobs {
    async fn begin(&self, project: ProjectId, parts: u32, valid_for: Duration) -> Result<DirectUpload, StorageError> {
        let object = ObjectId::fresh()?;
        let upload = self.bucket.begin(project, object).await?;
        let mut addresses = Vec::new();
        for number in 1..=parts {
            let query = [("partNumber", &*number.to_string()), ("uploadId", &upload)];
            let address = self.address((project, object), Method::PUT, &query, valid_for);
            addresses.push(address.await?);
        }
        let name = UploadName {
            object,
            upload: &upload,
        };
        Ok(DirectUpload {
            id: name.text(),
            parts: addresses,
        })
    }

    async fn complete(
        &self,
        project: ProjectId,
        id: &str,
        etags: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<Completion, StorageError> {
        validate_blob_name(name)?;
        let (store, id, etags, file) = (self.clone(), id.to_owned(), etags.to_vec(), name.to_owned());
        self.change(async move {
            match UploadName::parse(&id) {
                Some(name) => {
                    store
                        .complete_and_name(project, &name, &etags, (&file, bytes_max))
                        .await
                }
                None => Ok(Completion::Absent),
            }
        })
        .await
    }

    async fn abort(&self, project: ProjectId, id: &str) -> Result<(), StorageError> {
        match UploadName::parse(id) {
            Some(name) => self.bucket.abort(project, name.object, &name.upload.to_owned()).await,
            None => Ok(()),
        }
    }

    async fn sign_download(
        &self,
        project: ProjectId,
        name: &str,
        valid_for: Duration,
    ) -> Result<Option<DirectDownload>, StorageError> {
        validate_blob_name(name)?;
        let Some(Entry::File(file)) = self.index.find(project, name).await? else {
            return Ok(None);
        };
        let object = match file.content {
            Content::Object(object) => object,
            Content::Empty => return Ok(None),
            Content::Joined(_) => match &*self.index.extents(project, file.content, file.size).await? {
                [extent] => extent.object,
                _ => return Ok(None),
            },
        };
        // A browser that is sent there saves the bytes, and shows no page of the bucket's origin.
        let query = [("response-content-disposition", "attachment")];
        let address = self.address((project, object), Method::GET, &query, valid_for);
        Ok(Some(DirectDownload {
            url: address.await?,
            size: file.size,
        }))
    }
}
