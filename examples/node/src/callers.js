// The callers: who sends a request, and the headers by which the component learns of it.

import { createHash, timingSafeEqual } from 'node:crypto';

/** Headers of a client that the component may see. All others are dropped, first of all those that only the host may set. */
const PASSED_IN = [
  'accept',
  'content-encoding',
  'content-type',
  'if-none-match',
  'if-range',
  'range',
  'user-agent',
  'x-mlflow-experiment-id',
  'x-mlflow-run-id',
];

/** Schemes by which the source of a model version may lead out of its project. Clients resolve them with their own rights. */
const SOURCE_SCHEMES = 's3,gs,wasb,wasbs,abfs,abfss,adl,dbfs,hdfs,https,ftp,ftps,sftp';

/** Headers of the component that the client sees. The server itself sets lengths. */
const PASSED_OUT = new Set([
  'accept-ranges',
  'allow',
  'cache-control',
  'content-disposition',
  'content-range',
  'content-security-policy',
  'content-type',
  'etag',
  'last-modified',
  'location',
  'referrer-policy',
  'retry-after',
  'vary',
  'x-content-type-options',
  'x-frame-options',
  'x-mlforge-next-page-token',
]);

/** The caller whose token a request carries, as bearer token or as the password of basic authentication. */
export function callerOf(authorization, tokens) {
  const [scheme, credential = ''] = (authorization ?? '').split(' ', 2);
  const basic = () => Buffer.from(credential, 'base64').toString().split(':').slice(1).join(':');
  const token = { bearer: () => credential, basic }[scheme.toLowerCase()]?.() ?? '';
  return tokens.find((known) => isSame(known.token, token))?.caller;
}

// Digests have one length, so the time of the comparison tells nothing of the token.
function isSame(left, right) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** The headers of the component's request. */
export function headersIn(headers, caller) {
  const passed = PASSED_IN.filter((name) => headers[name] !== undefined).map((name) => [name, String(headers[name])]);
  return [
    ...passed,
    ['x-mlforge-rights', caller.mayWrite ? 'write' : 'read'],
    ['x-mlforge-role', caller.role],
    ['x-mlforge-actor', encoded(caller.login)],
    ['x-mlforge-actor-id', caller.id],
    ['x-mlforge-source-schemes', SOURCE_SCHEMES],
  ];
}

// A header's value is ASCII without control characters, and `%` begins an encoded byte.
function encoded(text) {
  return text.replace(/[^ -$&-~]+/gu, (some) => encodeURIComponent(some));
}

/** The headers of the client's answer. */
export function headersOut(headers) {
  return headers.filter(([name]) => PASSED_OUT.has(name.toLowerCase()));
}
