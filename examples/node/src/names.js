// The names of files: their rules, and the order in which SQLite stores them. `wit/blobs.wit` states the rules.

const NAME_BYTES_MAX = 1_024;
const SEGMENT_BYTES_MAX = 255;

/** Checks a name. Throws the import's error for one that breaks a rule. */
export function checkName(name) {
  const bytes = (text) => Buffer.byteLength(text);
  const rule = (holds, text) => {
    if (!holds) throw { tag: 'invalid-name', val: text };
  };
  rule(name.length > 0 && bytes(name) <= NAME_BYTES_MAX, 'a name has 1 to 1,024 bytes');
  rule(!/\p{Cc}/u.test(name), 'a name has no control characters');
  const segments = name.split('/');
  rule(segments.every((segment) => bytes(segment) <= SEGMENT_BYTES_MAX), 'a segment of a name has 1 to 255 bytes');
  rule(
    name.split(/[/\\]/).every((part) => !['', '.', '..'].includes(part)),
    'a name has no empty segments, and none that are `.` or `..`, also between backslashes',
  );
}

/** Checks the name of a directory, where the empty name is the root. */
export function checkDirectory(name) {
  if (name !== '') checkName(name);
}

/** The stored form of a name. A zero byte, which no name has, joins its segments, so the names of a directory are adjacent
 * and in the order of a listing. */
export function stored(name) {
  return Buffer.from(name.replaceAll('/', '\0'));
}

/** The beginning of the stored names of all files below a directory. */
export function prefixOf(directory) {
  return directory === '' ? Buffer.alloc(0) : Buffer.concat([stored(directory), Buffer.of(0)]);
}

/** A bound after all stored names that begin with a prefix, which ends with a zero byte or is empty. */
export function endOf(prefix) {
  return prefix.length === 0 ? Buffer.of(0xff) : Buffer.concat([prefix.subarray(0, -1), Buffer.of(1)]);
}

/** The stored names of the directories above a file. */
export function ancestors(name) {
  const segments = name.split('/');
  return segments.slice(1).map((_, index) => stored(segments.slice(0, index + 1).join('/')));
}
