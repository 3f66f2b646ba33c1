// The import `blobs`: the files of one project. Their bytes lie in a directory, under random names; the names that the
// component gives them are in SQLite, so that a file gets, changes and loses its name in one commit. `wit/blobs.wit` states
// the contract.

import { createHash, randomUUID } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { writing } from './database.js';
import { ancestors, checkDirectory, checkName, endOf, prefixOf, stored } from './names.js';
import { chunksOf } from './stream.js';

const LIST_ITEMS_MAX = 200_000;
const LIST_NAME_BYTES = 8 << 20;
const JOIN_PARTS_MAX = 10_000;

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS files
    (name BLOB PRIMARY KEY, file TEXT NOT NULL, size INTEGER NOT NULL, modified_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

const STATEMENTS = {
  get: 'SELECT file, size, modified_ms FROM files WHERE name = ?',
  put: `INSERT INTO files VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET file = excluded.file, size = excluded.size, modified_ms = excluded.modified_ms`,
  first: 'SELECT name, size FROM files WHERE name >= ? AND name < ? ORDER BY name LIMIT 1',
  below: 'DELETE FROM files WHERE name >= ? AND name < ? RETURNING file',
  delete: 'DELETE FROM files WHERE name = ? RETURNING file',
};

/** Received bytes that have no name yet. They are removed with the value. */
class Staged {
  constructor(path, file, size, digest) {
    Object.assign(this, { path, file, bytes: size, sha256: digest, isNamed: false });
  }

  size() {
    return BigInt(this.bytes);
  }

  digest() {
    return this.sha256;
  }

  [Symbol.dispose]() {
    if (!this.isNamed) rmSync(this.path, { force: true });
  }
}

/** The files of a project. `caller.mayWrite` tells the rights of the request that runs. */
export class Blobs {
  #database;
  #directory;
  #caller;
  #bytesMax;
  #nowMs;
  #statements;

  constructor({ database, directory, caller, bytesMax, nowMs }) {
    this.#database = database;
    this.#directory = directory;
    this.#caller = caller;
    this.#bytesMax = bytesMax;
    this.#nowMs = nowMs;
    const prepared = Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]);
    this.#statements = Object.fromEntries(prepared);
  }

  /** The functions of the import. */
  imports() {
    return {
      Staged,
      stage: (contents, bytesMax) => this.#stage(chunksOf(contents), bytesMax),
      commit: async (staged, name) => this.#commit(staged, name),
      stat: async (name) => this.stat(name),
      read: async (name, offset, length) => this.read(name, Number(offset), Number(length)),
      list: async (directory, after, limit) => this.#list(directory, after, limit),
      delete: (name) => this.#delete(name),
      fileBytesMax: () => BigInt(this.#bytesMax),
      join: (parts, name, bytesMax) => this.#join(parts, name, bytesMax),
      deleteBelow: (directory) => this.#deleteBelow(directory),
    };
  }

  /** The size and time of a file. Undefined: there is none. */
  stat(name) {
    checkName(name);
    const row = this.#statements.get.get(stored(name));
    return row && { size: BigInt(row.size), modifiedMs: BigInt(row.modified_ms) };
  }

  /** Opens a part of a file, whose chunks stay if the file is replaced or deleted. Undefined: there is none. */
  read(name, offset, length) {
    checkName(name);
    const row = this.#statements.get.get(stored(name));
    if (!row) return undefined;
    const end = Math.min(offset + length, row.size);
    if (offset >= end) return Readable.from([]);
    // Opened before anything else runs: afterwards the bytes may go.
    const fd = openSync(join(this.#directory, row.file));
    return createReadStream('', { fd, start: offset, end: end - 1 });
  }

  async #stage(chunks, bytesMax) {
    this.#mustWrite();
    const most = Math.min(Number(bytesMax), this.#bytesMax);
    const file = randomUUID();
    const path = join(this.#directory, file);
    const hash = createHash('sha256');
    const handle = await open(path, 'wx');
    let size = 0;
    try {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > most) throw { tag: 'too-large' };
        hash.update(chunk);
        await handle.writeFile(chunk);
      }
      await handle.sync();
      this.#syncDirectory();
      return new Staged(path, file, size, new Uint8Array(hash.digest()));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  }

  #syncDirectory() {
    const fd = openSync(this.#directory);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  #commit(staged, name) {
    this.#mustWrite();
    checkName(name);
    const key = stored(name);
    const replaced = writing(this.#database, () => {
      const below = prefixOf(name);
      if (this.#statements.first.get(below, endOf(below))) {
        throw { tag: 'invalid-name', val: 'this is the name of a directory' };
      }
      if (ancestors(name).some((above) => this.#statements.get.get(above))) {
        throw { tag: 'invalid-name', val: 'a part of the name is a file' };
      }
      const before = this.#statements.get.get(key);
      this.#statements.put.run(key, staged.file, staged.bytes, this.#nowMs());
      return before;
    });
    staged.isNamed = true;
    if (replaced) rmSync(join(this.#directory, replaced.file), { force: true });
  }

  #list(directory, after, limit) {
    checkDirectory(directory);
    if (limit < 1 || limit > LIST_ITEMS_MAX) throw { tag: 'other', val: `a list has 1 to ${LIST_ITEMS_MAX} items` };
    const prefix = prefixOf(directory);
    const end = endOf(prefix);
    const afterName = (segment) => Buffer.concat([prefix, Buffer.from(segment), Buffer.of(1)]);
    const items = [];
    let bytes = 0;
    let start = after === undefined ? prefix : afterName(after);
    while (items.length < limit && bytes < LIST_NAME_BYTES) {
      const row = this.#statements.first.get(start, end);
      if (!row) break;
      const [name, ...below] = Buffer.from(row.name).subarray(prefix.length).toString().split('\0');
      items.push({ name, size: below.length > 0 ? undefined : BigInt(row.size) });
      bytes += Buffer.byteLength(name);
      start = afterName(name);
    }
    return items;
  }

  async #join(parts, name, bytesMax) {
    this.#mustWrite();
    if (parts.length > JOIN_PARTS_MAX) throw { tag: 'other', val: `a file has at most ${JOIN_PARTS_MAX} parts` };
    checkName(name);
    if (parts.some((part) => this.stat(part) === undefined)) return false;
    const read = (part) => this.read(part, 0, Number.MAX_SAFE_INTEGER);
    const staged = await this.#stage(
      (async function* () {
        for (const part of parts) yield* read(part);
      })(),
      bytesMax,
    );
    try {
      this.#commit(staged, name);
    } finally {
      staged[Symbol.dispose]();
    }
    return true;
  }

  async #delete(name) {
    this.#mustWrite();
    checkName(name);
    return this.#forget(this.#statements.delete.all(stored(name)));
  }

  async #deleteBelow(directory) {
    this.#mustWrite();
    checkDirectory(directory);
    const prefix = prefixOf(directory);
    return this.#forget(this.#statements.below.all(prefix, endOf(prefix)));
  }

  /** Removes the bytes of files that lost their names. */
  async #forget(rows) {
    await Promise.all(rows.map(({ file }) => rm(join(this.#directory, file), { force: true })));
    return rows.length > 0;
  }

  #mustWrite() {
    if (!this.#caller.mayWrite) throw { tag: 'denied' };
  }
}

/** Prepares the directory of a project's files. No instance may run yet. */
export function prepare(database, directory) {
  mkdirSync(directory, { recursive: true });
  // A crash may leave bytes that never got a name, or lost it.
  const named = new Set(database.prepare('SELECT file FROM files').all().map(({ file }) => file));
  const nameless = readdirSync(directory).filter((file) => !named.has(file));
  nameless.forEach((file) => rmSync(join(directory, file)));
}
