// Streams of bytes between the component and Node.

const CHUNK_BYTES = 64 << 10;

/** The chunks of a stream of the component, or of the host's own. */
export async function* chunksOf(stream) {
  if (typeof stream.read !== 'function') {
    yield* stream;
    return;
  }
  for (;;) {
    const read = await stream.read({ count: CHUNK_BYTES });
    const isResult = read !== null && typeof read === 'object' && typeof read.done === 'boolean';
    const { value, done } = isResult ? read : { value: read, done: read === null };
    if (value !== undefined && value !== null) yield bytesOf(value);
    if (done) return;
  }
}

// Jco gives typed arrays, arrays of numbers, or one number, depending on where the stream began.
function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'number' ? Uint8Array.of(value) : Uint8Array.from(value);
}
