// The transpiled component: its compiled modules, and an instance over one project's imports.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { random } from '@bytecodealliance/preview3-shim/random';
import { types } from '@bytecodealliance/preview3-shim/http';
import { directTransfers, forge, report, uploadTokens } from './forge.js';

/** Reads the modules that `transpile.js` wrote into a directory. */
export async function load(directory) {
  const { instantiate } = await import(pathToFileURL(join(directory, 'mlforge.js')));
  const compiled = new Map();
  const compile = (name) => {
    if (!compiled.has(name)) {
      compiled.set(name, readFile(join(directory, name)).then((bytes) => WebAssembly.compile(bytes)));
    }
    return compiled.get(name);
  };
  return { instantiate: (imports) => instantiate(compile, imports) };
}

/** The imports of an instance. Each instance has those of one project, and can reach no other. */
export function importsOf({ records, blobs, nowMs }) {
  const systemClock = {
    now: () => {
      const now = nowMs();
      return { seconds: BigInt(Math.floor(now / 1000)), nanoseconds: (now % 1000) * 1_000_000 };
    },
    getResolution: () => 1_000_000n,
  };
  return {
    'mlforge:plugin/records': { ...guarded(records), commit: guardedCommit(records) },
    'mlforge:plugin/blobs': guarded(blobs),
    'mlforge:plugin/forge': forge,
    'mlforge:plugin/upload-tokens': uploadTokens,
    'mlforge:plugin/direct-transfers': directTransfers,
    'mlforge:plugin/report': report,
    'wasi:clocks/system-clock': systemClock,
    'wasi:random/random': random,
    'wasi:http/types': types,
  };
}

/** The functions of a storage, whose failures reach the component as `unavailable` and are told in the log. */
function guarded(functions) {
  const isAsync = (name) => typeof functions[name] === 'function' && !['Staged', 'fileBytesMax'].includes(name);
  const guard = (name) => async (...args) => {
    try {
      return await functions[name](...args);
    } catch (error) {
      throw errorOf(error);
    }
  };
  return Object.fromEntries(
    Object.keys(functions).map((name) => [name, isAsync(name) ? guard(name) : functions[name]]),
  );
}

function guardedCommit({ commit }) {
  return async (...args) => {
    try {
      return await commit(...args);
    } catch (error) {
      throw error instanceof Error ? { tag: 'failed', val: errorOf(error) } : error;
    }
  };
}

// An error of the import is a plain object; all others are of Node or of SQLite.
function errorOf(error) {
  if (!(error instanceof Error)) return error;
  console.error(error);
  return { tag: 'unavailable', val: 'the storage does not answer' };
}
