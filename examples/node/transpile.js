// Transpiles the component to JavaScript: `node transpile.js COMPONENT.wasm [DIRECTORY]`.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpile } from '@bytecodealliance/jco-transpile';

const [component, directory = fileURLToPath(new URL('component', import.meta.url))] = process.argv.slice(2);
if (component === undefined) {
  console.error('usage: node transpile.js COMPONENT.wasm [DIRECTORY]');
  process.exit(2);
}
const { files } = await transpile(component, {
  name: 'mlforge',
  instantiation: 'async',
  asyncMode: 'jspi',
  emitTypescriptDeclarations: false,
});
rmSync(directory, { recursive: true, force: true });
files['package.json'] ??= '{ "type": "module" }\n';
for (const [name, contents] of Object.entries(files)) {
  const path = join(resolve(directory), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}
console.log(`${component} is transpiled into ${directory}`);
