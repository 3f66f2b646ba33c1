//! The place of a server's data: a directory, and optionally a database for all but files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use mlforge::storage::postgres::PostgresAddress;

use super::forge::secret;

/// The environment variable of the database's password, as in all clients of PostgreSQL.
pub(super) const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// The file in a data directory with all records.
pub(super) const RECORDS_FILE: &str = "records.db";

/// Options for the place of data.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// Directory that holds everything; made when absent
    #[arg(long, global = true, value_name = "DIR", default_value = "./mlforge-data")]
    pub(super) data: PathBuf,

    /// Keep everything but files in a PostgreSQL database, which several servers may share
    #[arg(long, global = true, value_name = "postgres://USER@HOST/NAME")]
    database: Option<String>,

    /// File with the password of that database [default: PGPASSWORD]
    #[arg(long, global = true, value_name = "FILE")]
    database_password_file: Option<PathBuf>,
}

/// The place of data.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) data: PathBuf,
    /// `None`: everything is in the directory.
    pub(super) database: Option<PostgresAddress>,
}

impl PlaceArgs {
    pub(super) fn place(&self) -> anyhow::Result<Place> {
        let database = match &self.database {
            Some(address) => Some(self.with_password(address.parse().context("--database")?)?),
            None => None,
        };
        Ok(Place {
            data: self.data.clone(),
            database,
        })
    }

    /// The data directory, for a command that reads its files itself.
    pub(super) fn directory(&self, command: &str) -> anyhow::Result<&Path> {
        ensure!(
            self.database.is_none(),
            "mlforge {command} works on a data directory, and not with --database: use the tools of PostgreSQL"
        );
        Ok(&self.data)
    }

    /// The database that a command names itself, with the password of these options.
    pub(super) fn other_database(&self, address: &str, option: &'static str) -> anyhow::Result<PostgresAddress> {
        ensure!(
            self.database.is_none(),
            "{option} names the database: leave out --database"
        );
        self.with_password(address.parse().context(option)?)
    }

    fn with_password(&self, address: PostgresAddress) -> anyhow::Result<PostgresAddress> {
        let password = secret(self.database_password_file.as_deref(), PASSWORD_VARIABLE)?;
        Ok(match password {
            Some(password) => address.with_password(password),
            None => address,
        })
    }
}

impl Place {
    pub(super) fn data(&self) -> &Path {
        &self.data
    }
}
