//! The move of the names of files that are in S3 already. Their objects stay where they are, and belong to the database afterwards.

use std::sync::Arc;

use anyhow::{Context, ensure};
use mlforge::storage::ProjectId;
use mlforge::storage::postgres::PostgresRecords;
use mlforge::storage::s3::{S3Blobs, index_space, names_files};
use mlforge::storage::sqlite::SqliteRecords;

use super::Migrate;
use super::records::Copier;

/// The store whose files the records of a data directory name.
pub(super) struct Names {
    store: S3Blobs,
}

impl Names {
    /// Opens the store, if the directory names files in one. `None`: it names none.
    pub(super) async fn find(
        options: &Migrate,
        (source, target): (&Arc<SqliteRecords>, &Arc<PostgresRecords>),
        projects: &[ProjectId],
    ) -> anyhow::Result<Option<Self>> {
        let mut named = None;
        for project in projects {
            if names_files(Arc::<SqliteRecords>::clone(source), *project).await? {
                named = Some(*project);
                break;
            }
        }
        let Some(project) = named else { return Ok(None) };
        let store = options
            .files
            .store_of_others(Arc::<PostgresRecords>::clone(target))
            .await?;
        let store = store.with_context(|| {
            let number = project.0;
            format!("the files of project {number} are in S3: name the location that the server had, with --files")
        })?;
        store.must_belong_to(&[&source.identity(), &target.identity()]).await?;
        Ok(Some(Self { store }))
    }

    /// Copies and compares the names, looks for the objects of all files, and passes them on to the database. Returns a text about them.
    pub(super) async fn carry(
        &self,
        copier: &Copier<'_, SqliteRecords, PostgresRecords>,
        projects: &[ProjectId],
    ) -> anyhow::Result<String> {
        let (mut records, mut files) = (0, 0);
        for project in projects {
            copier.copy(index_space(*project)).await?;
        }
        for project in projects {
            records += copier.verify(index_space(*project)).await?;
            files += self.store.verify(*project).await?.files;
            copier
                .progress
                .show(&format!("project {}: its files are whole", project.0));
        }
        let (from, to) = (copier.source.identity(), copier.target.identity());
        self.store.pass_on(&from, &to).await?;
        ensure!(records > 0, "the names of files are gone");
        Ok(format!("{files} files, which stay in S3, by {records} records"))
    }
}
