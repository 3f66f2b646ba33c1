// Bodies as streams, by the component's export `wasi:http/handler`: bytes go to the storage, or to the client, as they come.

import { pipeline } from 'node:stream/promises';
import { Fields, Request, Response } from '@bytecodealliance/preview3-shim/http';
import { FutureReader } from '@bytecodealliance/preview3-shim/future';
import { StreamReader } from '@bytecodealliance/preview3-shim/stream';
import { headersOut } from './callers.js';
import { chunksOf } from './stream.js';

/** Hands a request to the component while its body comes, and sends the answer. */
export async function streamed({ handler }, asked, request, response) {
  const { contents, end } = bodyOf(request);
  const fields = Fields.fromList(asked.headers.map(([name, value]) => [name, Buffer.from(value)]));
  const [incoming] = Request.new(fields, contents, new FutureReader(end), undefined);
  incoming.setMethod({ tag: asked.method.toLowerCase() });
  incoming.setPathWithQuery(asked.target);
  const answer = await handler.handle(incoming);
  await send(answer.tag === 'ok' ? answer.val : answer, request, response);
}

/** The body as a stream, and the result at its end: the stream of a body that was cut off ends like that of a whole one. */
function bodyOf(request) {
  const { promise: end, resolve } = Promise.withResolvers();
  const chunks = async function* () {
    try {
      for await (const chunk of request) yield new Uint8Array(chunk);
      resolve({ tag: 'ok', val: undefined });
    } catch (error) {
      resolve({ tag: 'err', val: { tag: 'internal-error', val: error.message } });
    }
  };
  return { contents: new StreamReader(chunks()), end };
}

async function send(answer, request, response) {
  const headers = answer.getHeaders().copyAll().map(([name, value]) => [name, Buffer.from(value).toString()]);
  const [contents, end] = Response.consumeBody(answer, new FutureReader(Promise.resolve({ tag: 'ok', val: undefined })));
  const close = request.complete ? [] : [['connection', 'close']];
  response.writeHead(answer.getStatusCode(), [...headersOut(headers), ...close].flat());
  if (contents) {
    await pipeline(chunksOf(contents), response, { end: false });
    const { tag } = await end;
    // A body that broke off must not look whole.
    if (tag !== 'ok') {
      response.destroy();
      return;
    }
  }
  response.end();
}
