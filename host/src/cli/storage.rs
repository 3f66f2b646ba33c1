//! The storage of a server: a data directory, and optionally another location for files.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use mlforge::HostBuilder;
use mlforge::forge::Forge;
use mlforge::storage::files::FileBlobs;
#[cfg(feature = "s3")]
use mlforge::storage::s3::{S3Blobs, S3Location};
use mlforge::storage::sqlite::SqliteRecords;

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

/// Opens the records of a data directory. Fails when another process has them open.
pub(super) fn records(data: &Path) -> anyhow::Result<Arc<SqliteRecords>> {
    Ok(Arc::new(SqliteRecords::open(&data.join("records.db"))?))
}

/// Creates a builder of a host on the storage of a data directory.
pub(super) async fn builder(
    data: &Path,
    files: &FileStoreArgs,
    records: Arc<SqliteRecords>,
    forge: Arc<dyn Forge>,
) -> anyhow::Result<HostBuilder> {
    let builder = files.lend(mlforge::Host::builder(), data, &records).await?;
    Ok(builder
        .compiled_cache(super::compile::cache(data))
        .upload_token_key(key(&data.join("ticket.key"))?)
        .sessions(data.join("sessions.db"))
        .records(records)
        .forge(forge))
}

impl FileStoreArgs {
    /// True if the files are in the data directory.
    pub(super) fn is_local(&self) -> bool {
        #[cfg(feature = "s3")]
        return self.files.is_none();
        #[cfg(not(feature = "s3"))]
        true
    }

    /// Adds the files' storage to the builder: the location that the user names, else one in the data
    /// directory.
    async fn lend(&self, builder: HostBuilder, data: &Path, records: &SqliteRecords) -> anyhow::Result<HostBuilder> {
        #[cfg(not(feature = "s3"))]
        let _ = records;
        #[cfg(feature = "s3")]
        if let Some(place) = &self.files {
            let place = S3Location {
                endpoint: self.s3_endpoint.clone(),
                region: self.s3_region.clone(),
                ..place.clone()
            };
            let blobs = S3Blobs::open(&place).await?;
            blobs.belong_to(&records.identity()).await?;
            return Ok(builder.blobs(Arc::new(blobs)));
        }
        Ok(builder.blobs(Arc::new(FileBlobs::open(&data.join("blobs"))?)))
    }
}

/// Reads the key from a file that only its owner can read. The file is created when absent.
fn key(file: &Path) -> anyhow::Result<[u8; 32]> {
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
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no random bytes for a key: {error}"))?;
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
