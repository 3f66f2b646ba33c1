// The import `records`: the ordered records of one project, in SQLite. `wit/records.wit` states the contract.

import { reading, writing } from './database.js';

const KEY_BYTES_MAX = 2_560;
const VALUE_BYTES_MAX = 32 << 20;
const READ_ITEMS_MAX = 50_000;
const READ_BYTES_MAX = 64 << 20;
const COMMIT_ITEMS_MAX = 10_000;
const COMMIT_BYTES_MAX = 64 << 20;
const PAGE_BYTES = 4 << 20;
const PAGE_ENTRIES_MAX = 100_000;

// The last version is kept apart, so that a version never comes back, not even that of a deleted record.
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS records (key BLOB PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS versions (last INTEGER NOT NULL);
  INSERT INTO versions SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM versions);
`;

// SQLite takes an array without bytes for NULL, hence `coalesce`.
const STATEMENTS = {
  get: 'SELECT version, value FROM records WHERE key = ?',
  up: 'SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key LIMIT ?',
  down: 'SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?',
  version: 'SELECT version FROM records WHERE key = ?',
  next: 'UPDATE versions SET last = last + 1 RETURNING last',
  put: `INSERT INTO records VALUES (?, ?, coalesce(?, x''))
    ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value`,
  'put-max': `INSERT INTO records VALUES (?, ?, coalesce(?, x''))
    ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value WHERE excluded.value > records.value`,
  delete: 'DELETE FROM records WHERE key = ?',
};

/** The functions of the import. `caller.mayWrite` tells the rights of the request that runs. */
export function recordsOf(database, caller) {
  const statements = Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]),
  );
  return {
    async get(keys) {
      atMost('keys or ranges of a read', keys.length, READ_ITEMS_MAX);
      keys.forEach(checkKey);
      return reading(database, () => valuesOf(statements, keys));
    },
    async scan(ranges) {
      atMost('keys or ranges of a read', ranges.length, READ_ITEMS_MAX);
      return reading(database, () => pageOf(statements, ranges));
    },
    async commit(checks, writes) {
      if (!caller.mayWrite) throw failed({ tag: 'denied' });
      try {
        checkCommit(checks, writes);
      } catch (error) {
        throw failed(error);
      }
      writing(database, () => {
        const broken = checks.find(({ key, version }) => versionOf(statements, key) !== version);
        if (broken) throw { tag: 'conflict', val: broken.key };
        apply(statements, writes);
      });
    },
  };
}

function valuesOf(statements, keys) {
  const versions = new BigUint64Array(keys.length);
  const packed = new Packed();
  keys.forEach((key, index) => {
    const record = statements.get.get(key);
    versions[index] = BigInt(record?.version ?? 0);
    packed.add(record?.value ?? new Uint8Array());
    atMost('bytes of a read', packed.size, READ_BYTES_MAX);
  });
  return { versions, ends: packed.ends(), bytes: packed.bytes() };
}

function pageOf(statements, ranges) {
  const packed = new Packed();
  const counts = new Uint32Array(ranges.length);
  for (const [index, { start, end, limit, reverse }] of ranges.entries()) {
    const statement = reverse ? statements.down : statements.up;
    for (const { key, value } of statement.iterate(start, end, limit)) {
      if (packed.size >= PAGE_BYTES || packed.count >= 2 * PAGE_ENTRIES_MAX) {
        return { counts, ends: packed.ends(), bytes: packed.bytes(), cut: index };
      }
      packed.add(key);
      packed.add(value);
      counts[index] += 1;
    }
  }
  return { counts, ends: packed.ends(), bytes: packed.bytes(), cut: undefined };
}

function versionOf(statements, key) {
  return BigInt(statements.version.get(key)?.version ?? 0);
}

function apply(statements, writes) {
  if (writes.length === 0) return;
  const version = statements.next.get().last;
  for (const { tag, val } of writes) {
    if (tag === 'delete') {
      statements.delete.run(val);
    } else {
      const [key, value] = val;
      statements[tag].run(key, version, value);
    }
  }
}

function checkCommit(checks, writes) {
  atMost('checks of a commit', checks.length, COMMIT_ITEMS_MAX);
  atMost('writes of a commit', writes.length, COMMIT_ITEMS_MAX);
  const written = writes.map(({ tag, val }) => (tag === 'delete' ? [val, new Uint8Array()] : val));
  const keys = [...checks.map(({ key }) => key), ...written.map(([key]) => key)];
  keys.forEach(checkKey);
  written.forEach(([, value]) => atMost('bytes of a value', value.length, VALUE_BYTES_MAX));
  const bytes = [...keys, ...written.map(([, value]) => value)].reduce((sum, part) => sum + part.length, 0);
  atMost('bytes of a commit', bytes, COMMIT_BYTES_MAX);
}

function checkKey(key) {
  if (key.length === 0) throw { tag: 'too-large', val: 'a key has at least 1 byte' };
  atMost('bytes of a key', key.length, KEY_BYTES_MAX);
}

function atMost(what, count, max) {
  if (count > max) throw { tag: 'too-large', val: `${count} ${what}: at most ${max} are allowed` };
}

/** The error of a commit that holds an error of the storage. */
function failed(error) {
  return { tag: 'failed', val: error };
}

/** Byte strings, one after the other, and where each of them ends. */
class Packed {
  #parts = [];
  #ends = [];
  size = 0;

  get count() {
    return this.#ends.length;
  }

  add(part) {
    this.#parts.push(part);
    this.size += part.length;
    this.#ends.push(this.size);
  }

  ends() {
    return Uint32Array.from(this.#ends);
  }

  bytes() {
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}
