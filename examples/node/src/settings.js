// The settings of the server, from environment variables.

import { resolve } from 'node:path';

const ROLES = ['reporter', 'developer', 'maintainer', 'owner'];

/** Reads the settings. Throws for those that are missing or wrong. */
export function settingsOf(environment) {
  const { MLFORGE_TOKENS, MLFORGE_DATA = 'data', MLFORGE_TRANSPILED = 'component', MLFORGE_LISTEN = '127.0.0.1:5000' } = environment;
  const [, host, port] = /^(.+):(\d+)$/.exec(MLFORGE_LISTEN) ?? fail(`MLFORGE_LISTEN is no address: ${MLFORGE_LISTEN}`);
  return {
    tokens: tokensOf(MLFORGE_TOKENS ?? fail('MLFORGE_TOKENS is missing, for example alice:developer:SECRET')),
    component: resolve(MLFORGE_TRANSPILED),
    directory: MLFORGE_DATA,
    host,
    port: Number(port),
    projectsMax: numberOf(environment, 'MLFORGE_PROJECTS', 100),
    instancesMax: numberOf(environment, 'MLFORGE_INSTANCES', 8),
    fileBytesMax: numberOf(environment, 'MLFORGE_FILE_BYTES', 16 * 2 ** 30),
    nowMs: clockOf(environment.MLFORGE_CLOCK_MS),
  };
}

/** Callers by their tokens. Each is written `login:role:token`; commas stand between them. */
function tokensOf(text) {
  const callers = text.split(',').map((entry, index) => {
    const [login, role, ...rest] = entry.split(':');
    const token = rest.join(':');
    if (!login || !ROLES.includes(role) || !token) fail('MLFORGE_TOKENS: an entry is login:role:token');
    const mayWrite = role !== 'reporter';
    return { token, caller: { id: String(index + 1), login, role, mayWrite } };
  });
  return callers;
}

/** The clock in milliseconds since the Unix epoch. Tests stop it. */
function clockOf(stopped) {
  if (!stopped) return Date.now;
  const nowMs = Number(stopped);
  return () => nowMs;
}

function numberOf(environment, name, usual) {
  const number = Number(environment[name] ?? usual);
  return Number.isSafeInteger(number) && number > 0 ? number : fail(`${name} is no number above 0`);
}

function fail(message) {
  throw new Error(message);
}
