// mlforge in Node: the transpiled component behind an HTTP server.

import { load } from './src/component.js';
import { Projects } from './src/project.js';
import { serverOf } from './src/server.js';
import { settingsOf } from './src/settings.js';

const settings = settingsOf(process.env);
const projects = new Projects(await load(settings.component), settings);
const server = serverOf(projects, settings);
server.listen(settings.port, settings.host, () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close(() => process.exit(0)));
