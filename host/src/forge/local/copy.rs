//! The copy of all users, projects, members, tokens and their changes into another place, with their numbers.

use anyhow::{bail, ensure};

use super::{LocalForge, TABLES};
use crate::convert::to_u64;
use crate::storage::sql::{Database, Row, SqlError, values};

/// Number of rows that are read at once.
const PAGE: usize = 1_000;
/// Maximum number of pages of a table.
const PAGES_MAX: usize = 100_000;

/// A table of the forge.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    /// The columns that order it.
    order: &'static str,
    /// True if the first column is a number that is never given twice.
    is_numbered: bool,
}

/// The tables, each after those that it refers to.
const ALL: [Table; 5] = [
    Table {
        name: "users",
        columns: &["id", "login", "created", "admin"],
        order: "id",
        is_numbered: true,
    },
    Table {
        name: "projects",
        columns: &["id", "path", "visibility", "created"],
        order: "id",
        is_numbered: true,
    },
    Table {
        name: "members",
        columns: &["project", "\"user\"", "role"],
        order: "project, \"user\"",
        is_numbered: false,
    },
    Table {
        name: "tokens",
        columns: &[
            "id", "\"user\"", "project", "scope", "hash", "prefix", "created", "expires", "revoked", "used",
        ],
        order: "id",
        is_numbered: true,
    },
    Table {
        name: "changes",
        columns: &[
            "id", "time", "author", "address", "request", "action", "object", "detail",
        ],
        order: "id",
        is_numbered: true,
    },
];

impl LocalForge {
    /// Replaces everything in the forge of a database by what is in this one, as one transaction, and compares both afterwards.
    /// Numbers are kept, and those of removed users and projects are not given again. Returns the number of rows.
    ///
    /// # Errors
    /// Fails when one of the two cannot be read or written, or when they differ.
    pub fn copy_to(&self, target: &LocalForge) -> anyhow::Result<u64> {
        let source = self.shared.writer();
        let writer = target.shared.writer();
        writer.transaction(TABLES, |target| {
            for table in ALL.iter().rev() {
                target.rows(&format!("DELETE FROM {}", table.name), &[])?;
            }
            ALL.iter().try_for_each(|table| table.copy(&source, target))
        })?;
        let mut rows = 0;
        for table in &ALL {
            rows += table.compare(&source, &writer)?;
        }
        Ok(rows)
    }
}

impl Table {
    fn copy(&self, source: &Database, target: &Database) -> anyhow::Result<()> {
        let places: Vec<String> = (1..=self.columns.len()).map(|place| format!("?{place}")).collect();
        let insert = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.name,
            self.columns.join(", "),
            places.join(", ")
        );
        for page in 0..PAGES_MAX {
            let rows = self.page(source, page)?;
            for row in &rows {
                target.rows(&insert, row.values())?;
            }
            if rows.len() < PAGE {
                return self.copy_numbering(source, target);
            }
        }
        bail!("the table {} has too many rows", self.name)
    }

    /// Makes the target go on with the numbers of the source.
    fn copy_numbering(&self, source: &Database, target: &Database) -> anyhow::Result<()> {
        if !self.is_numbered {
            return Ok(());
        }
        let given = source.row("SELECT seq FROM sqlite_sequence WHERE name = ?1", values![self.name])?;
        let Some(given) = given.map(|row| row.get::<i64>(0)).transpose().map_err(SqlError::from)? else {
            return Ok(());
        };
        if given > 0 {
            let set = format!(
                "SELECT setval(pg_get_serial_sequence('mlforge.{}', 'id'), ?1)",
                self.name
            );
            target.rows(&set, values![given])?;
        }
        Ok(())
    }

    /// Compares all rows, and returns their number.
    fn compare(&self, source: &Database, target: &Database) -> anyhow::Result<u64> {
        let mut count = 0;
        for page in 0..PAGES_MAX {
            let (rows, copies) = (self.page(source, page)?, self.page(target, page)?);
            ensure!(rows == copies, "the copy of the table {} differs", self.name);
            count += to_u64(rows.len());
            if rows.len() < PAGE {
                break;
            }
        }
        Ok(count)
    }

    fn page(&self, from: &Database, page: usize) -> Result<Vec<Row>, SqlError> {
        let (columns, order) = (self.columns.join(", "), self.order);
        let sql = format!(
            "SELECT {columns} FROM {} ORDER BY {order} LIMIT ?1 OFFSET ?2",
            self.name
        );
        from.rows(&sql, values![to_u64(PAGE), to_u64(page * PAGE)])
    }
}
