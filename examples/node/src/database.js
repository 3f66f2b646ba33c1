// A project's SQLite database, which holds its records and the names of its files.

import { DatabaseSync } from 'node:sqlite';

/** Opens a database, and creates its tables. An acknowledged commit is on disk. */
export function open(path, schema) {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
  database.exec(schema);
  return database;
}

/** Runs a function that only reads, and shows it one moment of the database. */
export function reading(database, read) {
  return transaction(database, 'BEGIN', read);
}

/** Runs a function whose changes are all made, or, if it throws, none. */
export function writing(database, write) {
  return transaction(database, 'BEGIN IMMEDIATE', write);
}

function transaction(database, begin, work) {
  database.exec(begin);
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
