// The HTTP server: it finds the project and the caller of a request, hands it to the component, and sends the answer.

import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { callerOf, headersIn, headersOut } from './callers.js';
import { HttpError } from './error.js';
import { streamed } from './streamed.js';

const MOUNT = /^\/api\/v4\/projects\/(\d+)\/ml\/mlflow\/*(\/[^?]*)(\?.*)?$/;
/** The largest head of a request. Names of tags are in addresses. */
const HEAD_BYTES_MAX = 64 << 10;
/** The largest body that is held in memory. */
const BODY_BYTES_MAX = 20 << 20;
/** A file of at most this size costs less in memory than as a stream. */
const SMALL_FILE_BYTES = 256 << 10;
/** The time for which the body of an upload may pause. */
const IDLE_MS_MAX = 120_000;
/** Times that a file may be replaced while it is opened. */
const REPLACEMENTS_MAX = 5;

/** Makes the server. It does not listen yet. */
export function serverOf(projects, settings) {
  const server = createServer({ maxHeaderSize: HEAD_BYTES_MAX }, async (request, response) => {
    try {
      await serve(request, response, projects, settings);
    } catch (error) {
      refuse(request, response, error);
    }
  });
  // Longer than clients keep idle connections, so that none sends a request into one that is being closed.
  server.keepAliveTimeout = 75_000;
  server.requestTimeout = 0;
  return server;
}

async function serve(request, response, projects, settings) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (['GET', 'HEAD'].includes(request.method) && pathname === '/health') {
    response.end('OK');
    return;
  }
  const [, number, path, query = ''] = MOUNT.exec(request.url) ?? HttpError.throw('endpointNotFound');
  const caller = callerOf(request.headers.authorization, settings.tokens) ?? HttpError.throw('unauthenticated');
  if (!projects.has(Number(number))) HttpError.throw('projectNotFound');
  const asked = {
    method: request.method,
    target: path + query,
    headers: headersIn(request.headers, caller),
  };
  if (isUpload(request, path) || isGenerated(request, path)) {
    request.setTimeout(IDLE_MS_MAX);
    await projects.get(Number(number)).runAlone(caller, ({ exports }) => streamed(exports, asked, request, response));
  } else {
    const run = (work) => projects.get(Number(number)).run(caller, work);
    await buffered(run, { ...asked, body: await bodyOf(request) }, response);
  }
}

/** True if the body is a file that need not fit into memory. */
function isUpload({ method, headers }, path) {
  const isFile = method === 'PUT' || (method === 'POST' && path.endsWith('/upload-artifact'));
  const length = Number(headers['content-length'] ?? Number.NaN);
  return isFile && !(length <= SMALL_FILE_BYTES);
}

/** True if the component makes the answer piece by piece. Code of jco cannot read such a body inside of the component, so
 * `direct` cannot answer. */
function isGenerated({ method }, path) {
  return method === 'GET' && path.startsWith('/-/ml/') && /\/(archive|metrics\.csv)$/.test(path);
}

/** Answers a request by the component's export `direct`. */
async function buffered(run, asked, response) {
  for (let attempt = 0; attempt < REPLACEMENTS_MAX; attempt += 1) {
    const { answer, chunks } = await run(async ({ exports, blobs }) => {
      const answer = await exports.direct.ask(asked);
      return { answer, chunks: answer.body.tag === 'file' ? opened(blobs, answer.body.val) : undefined };
    });
    const { status, headers, body } = answer;
    const isWhole = body.tag === 'whole';
    if (!isWhole && chunks === undefined) continue;
    const length = asked.method === 'HEAD' && headers.find(([name]) => name === 'content-length')?.[1];
    const bytes = length || String(body.val.length);
    response.writeHead(status, [...headersOut(headers), ['content-length', bytes]].flat());
    if (isWhole) response.end(body.val);
    else await pipeline(chunks, response);
    return;
  }
  HttpError.throw('unsteady');
}

/** The bytes of a part of a file. Undefined: it is not the file any more that the component saw. */
function opened(blobs, { name, size, modifiedMs, offset, length }) {
  const now = blobs.stat(name);
  const isSame = now?.size === size && now?.modifiedMs === modifiedMs;
  return isSame ? blobs.read(name, Number(offset), Number(length)) : undefined;
}

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) HttpError.throw('bodyTooLarge');
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function refuse(request, response, error) {
  if (request.destroyed && !request.complete) return;
  const refusal = error instanceof HttpError ? error : HttpError.of('internal');
  if (refusal !== error) console.error(error);
  if (response.headersSent) {
    // An answer that broke off must not look whole.
    response.destroy();
    return;
  }
  // What is left of the body is not read, so the connection cannot serve another request.
  const close = request.complete ? {} : { connection: 'close' };
  response.writeHead(refusal.status, { 'content-type': 'application/json', ...refusal.headers, ...close });
  response.end(JSON.stringify({ error_code: refusal.code, message: refusal.message }));
}
