// A project: its storage, and the instances of the component that serve it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as blobs from './blobs.js';
import { importsOf } from './component.js';
import * as database from './database.js';
import * as records from './records.js';

/** Requests after which an instance is replaced, so that its memory stays small. */
const INSTANCE_REQUESTS_MAX = 1_000;
/** The time that a buffered request may take. The instance of a request that takes longer is dropped. */
const REQUEST_MS_MAX = 120_000;

/** The project's storage, and an instance that serves one buffered request at a time. */
export class Project {
  #component;
  #database;
  #directory;
  #settings;
  #instance;
  #last = Promise.resolve();
  /** Number of requests that run or wait. */
  pending = 0;

  constructor(component, directory, settings) {
    mkdirSync(directory, { recursive: true });
    this.#component = component;
    this.#directory = join(directory, 'files');
    this.#settings = settings;
    this.#database = database.open(join(directory, 'project.db'), records.SCHEMA + blobs.SCHEMA);
    blobs.prepare(this.#database, this.#directory);
  }

  /** Runs `work` with the instance, once all earlier requests are answered. */
  run(caller, work) {
    const running = this.#last.then(() => this.#runNext(caller, work));
    this.#last = running.catch(() => {});
    return this.#counted(running);
  }

  /** Runs `work` with an instance of its own, beside all other requests: a slow client keeps nobody waiting. */
  runAlone(caller, work) {
    return this.#counted(this.#instantiate().then((instance) => instance.run(caller, work)));
  }

  /** Closes the storage. No request may run. */
  close() {
    this.#database.close();
  }

  async #runNext(caller, work) {
    const instance = (this.#instance ??= await this.#instantiate());
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the component takes too long')), REQUEST_MS_MAX);
    });
    let isUsable = false;
    try {
      const answer = await Promise.race([instance.run(caller, work), late]);
      isUsable = instance.requests < INSTANCE_REQUESTS_MAX;
      return answer;
    } finally {
      clearTimeout(timer);
      // After a trap the memory of the instance is in no known state.
      if (!isUsable) this.#instance = undefined;
    }
  }

  async #counted(running) {
    this.pending += 1;
    try {
      return await running;
    } finally {
      this.pending -= 1;
    }
  }

  async #instantiate() {
    const caller = { mayWrite: false };
    const { fileBytesMax, nowMs } = this.#settings;
    const files = new blobs.Blobs({
      database: this.#database,
      directory: this.#directory,
      caller,
      bytesMax: fileBytesMax,
      nowMs,
    });
    const imports = importsOf({
      records: records.recordsOf(this.#database, caller),
      blobs: files.imports(),
      nowMs,
    });
    return new Instance(await this.#component.instantiate(imports), caller, files);
  }
}

/** An instance, and the rights of its request, which the imports obey whatever the component asks. */
class Instance {
  #exports;
  #caller;
  #blobs;
  requests = 0;

  constructor(exports, caller, blobs) {
    this.#exports = exports;
    this.#caller = caller;
    this.#blobs = blobs;
  }

  async run({ mayWrite }, work) {
    this.requests += 1;
    this.#caller.mayWrite = mayWrite;
    try {
      return await work({ exports: this.#exports, blobs: this.#blobs });
    } finally {
      this.#caller.mayWrite = false;
    }
  }
}

/** All projects, of which at most `instancesMax` are open while nothing asks for more at once. */
export class Projects {
  #open = new Map();
  #component;
  #settings;

  constructor(component, settings) {
    this.#component = component;
    this.#settings = settings;
  }

  /** True if there is a project of this number. A forge would ask its own database here. */
  has(number) {
    return number >= 1 && number <= this.#settings.projectsMax;
  }

  /** Opens a project. The caller runs a request before it waits for anything else: an idle project may be closed. */
  get(number) {
    const { directory, instancesMax } = this.#settings;
    const project =
      this.#open.get(number) ?? new Project(this.#component, join(directory, String(number)), this.#settings);
    // A map keeps the order of insertion, so the first one was not used for the longest time.
    this.#open.delete(number);
    this.#open.set(number, project);
    for (const [other, idle] of this.#open) {
      if (this.#open.size <= instancesMax) break;
      if (other === number || idle.pending > 0) continue;
      this.#open.delete(other);
      idle.close();
    }
    return project;
  }
}
