//! The storage of a server: a data directory, and optionally another location for records and for files.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use mlforge::HostBuilder;
use mlforge::forge::Forge;
use mlforge::storage::ProjectId;
use mlforge::storage::Records;
use mlforge::storage::files::FileBlobs;
use mlforge::storage::postgres::PostgresRecords;
#[cfg(feature = "s3")]
use mlforge::storage::s3::{S3Blobs, S3Location};
use mlforge::storage::sqlite::SqliteRecords;

use super::place::{Place, RECORDS_FILE};

/// The file in a data directory with the key of upload tokens.
pub(super) const KEY_FILE: &str = "ticket.key";
/// The setting of a database with that key.
pub(super) const KEY_SETTING: &str = "ticket key";

/// Options for the location of files.
#[derive(Debug, Args)]
pub(super) struct FileStoreArgs {
    /// Keep files in an S3-compatible store instead of the data directory; the bucket must exist
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "s3://BUCKET[/PREFIX]")]
    files: Option<S3Location>,

    /// Address of that store [default: AWS_ENDPOINT_URL, else AWS]
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "URL", requires = "files", value_parser = super::parse_base_url)]
    s3_endpoint: Option<String>,

    /// Region of that store [default: AWS_REGION, else us-east-1]
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "REGION", requires = "files")]
    s3_region: Option<String>,
}

/// Options of a server for transfers between clients and the store itself.
#[derive(Debug, Default, Args)]
pub(super) struct DirectArgs {
    /// Let clients send and fetch large files at signed addresses of the store, without this server
    #[cfg(feature = "s3")]
    #[arg(long, requires = "files")]
    s3_direct: bool,

    /// Address of the store for clients [default: that of --s3-endpoint]
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "URL", requires = "s3_direct", value_parser = super::parse_base_url)]
    s3_direct_endpoint: Option<String>,
}

#[cfg(feature = "s3")]
impl DirectArgs {
    fn offered(&self, blobs: S3Blobs) -> anyhow::Result<S3Blobs> {
        match self.s3_direct {
            true => blobs.with_direct_transfers(self.s3_direct_endpoint.clone()),
            false => Ok(blobs),
        }
    }
}

/// The records of a server.
#[derive(Clone)]
pub(super) enum OpenRecords {
    /// In a data directory, for one process.
    Directory(Arc<SqliteRecords>),
    /// In a database, for any number of servers.
    Database(Arc<PostgresRecords>),
}

impl OpenRecords {
    /// Opens the records. Those of a directory fail when another process has them open.
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match &place.database {
            Some(address) => {
                let records = PostgresRecords::open(address).await?;
                super::migrate::refuse_unfinished(&records).await?;
                Self::Database(Arc::new(records))
            }
            None => Self::Directory(Arc::new(SqliteRecords::open(&place.data().join(RECORDS_FILE))?)),
        })
    }

    /// Lists projects that have records, in the order of their numbers, after this one. It is empty only at the end.
    pub(super) async fn projects(&self, after: Option<ProjectId>) -> anyhow::Result<Vec<ProjectId>> {
        let listed = match self {
            Self::Directory(records) => records.projects(after).await,
            Self::Database(records) => records.projects(after).await,
        };
        listed.map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// The identity of the records, with which other data can be marked.
    #[cfg(feature = "s3")]
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Directory(records) => records.identity(),
            Self::Database(records) => records.identity(),
        }
    }

    /// The records, wherever they are.
    pub(super) fn shared(&self) -> Arc<dyn Records> {
        match self {
            Self::Directory(records) => Arc::<SqliteRecords>::clone(records),
            Self::Database(records) => Arc::<PostgresRecords>::clone(records),
        }
    }

    fn lend(&self, builder: HostBuilder) -> HostBuilder {
        match self {
            Self::Directory(records) => builder.records(Arc::clone(records)),
            Self::Database(records) => builder.records(Arc::clone(records)),
        }
    }

    /// The key of upload tokens, which all servers of a database share.
    async fn upload_token_key(&self, data: &Path) -> anyhow::Result<[u8; 32]> {
        let Self::Database(records) = self else {
            return key(&data.join(KEY_FILE));
        };
        let stored = records.setting(KEY_SETTING, &random_key()?).await;
        let stored = stored.map_err(|error| anyhow::anyhow!("cannot read the key of upload tokens: {error}"))?;
        let length = stored.len();
        stored
            .try_into()
            .map_err(|_| anyhow::anyhow!("the key of upload tokens has {length} bytes instead of 32"))
    }
}

/// Creates a builder of a host on the storage of a place.
pub(super) async fn builder(
    place: &Place,
    (files, direct): (&FileStoreArgs, &DirectArgs),
    records: &OpenRecords,
    forge: Arc<dyn Forge>,
) -> anyhow::Result<HostBuilder> {
    let data = place.data();
    let builder = files.lend(mlforge::Host::builder(), data, records, direct).await?;
    let builder = match &place.database {
        Some(address) => builder.database(address.clone()),
        None => builder.sessions(data.join("sessions.db")),
    };
    let builder = builder
        .compiled_cache(super::compile::cache(data))
        .upload_token_key(records.upload_token_key(data).await?)
        .forge(forge);
    Ok(records.lend(builder))
}

impl FileStoreArgs {
    /// True if the user names a store.
    pub(super) fn is_named(&self) -> bool {
        #[cfg(feature = "s3")]
        return self.files.is_some();
        #[cfg(not(feature = "s3"))]
        return false;
    }

    /// Adds the files' storage to the builder: the location that the user names, else one in the data
    /// directory.
    async fn lend(
        &self,
        builder: HostBuilder,
        data: &Path,
        records: &OpenRecords,
        direct: &DirectArgs,
    ) -> anyhow::Result<HostBuilder> {
        #[cfg(not(feature = "s3"))]
        let _ = (records, direct);
        #[cfg(feature = "s3")]
        if let Some(blobs) = self.store(records.shared(), &records.identity()).await? {
            return Ok(builder.blobs(Arc::new(direct.offered(blobs)?)));
        }
        if matches!(records, OpenRecords::Database(_)) {
            tracing::warn!("the files are in the data directory of this server, so no other one can serve them");
        }
        Ok(builder.blobs(Arc::new(FileBlobs::open(&data.join("blobs"))?)))
    }
}

#[cfg(feature = "s3")]
impl FileStoreArgs {
    /// The store that the user names, with the names of its files in records that have this identity. `None`: files are in the
    /// data directory.
    pub(super) async fn store(&self, records: Arc<dyn Records>, identity: &str) -> anyhow::Result<Option<S3Blobs>> {
        let store = self.store_of_others(records).await?;
        if let Some(blobs) = &store {
            blobs.belong_to(identity).await?;
        }
        Ok(store)
    }

    /// The store that the user names, whose objects may belong to other records.
    pub(super) async fn store_of_others(&self, records: Arc<dyn Records>) -> anyhow::Result<Option<S3Blobs>> {
        let Some(place) = &self.files else { return Ok(None) };
        let place = S3Location {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            ..place.clone()
        };
        S3Blobs::open(&place, records).await.map(Some)
    }
}

/// Reads the key from a file that only its owner can read. The file is created when absent.
pub(super) fn key(file: &Path) -> anyhow::Result<[u8; 32]> {
    let found = match std::fs::read(file) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return new_key(file),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let length = found.len();
    found
        .try_into()
        .map_err(|_| anyhow::anyhow!("{} has {length} bytes instead of 32: remove it", file.display()))
}

/// Creates the file of a new key. After a crash it holds the whole key or does not exist.
fn new_key(file: &Path) -> anyhow::Result<[u8; 32]> {
    let key = random_key()?;
    let make = || -> std::io::Result<()> {
        // The file is made with mode 0600.
        let mut made = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
        made.write_all(&key)?;
        made.as_file().sync_all()?;
        made.persist(file)?;
        Ok(())
    };
    make().with_context(|| format!("cannot make {}", file.display()))?;
    Ok(key)
}

fn random_key() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no random bytes for a key: {error}"))?;
    Ok(key)
}
