// A project: its storage, and the instance of the component that serves it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as blobs from './blobs.js';
import { importsOf } from './component.js';
import * as database from './database.js';
import * as records from './records.js';

/** Requests after which an instance is replaced, so that its memory stays small. */
const INSTANCE_REQUESTS_MAX = 1_000;
/** The time that a request may take. The instance of a request that takes longer is dropped. */
const REQUEST_MS_MAX = 120_000;

/** The project's storage and its instance, which serves one request at a time. */
export class Project {
  #component;
  #database;
  #imports;
  #instance;
  #requests = 0;
  #last = Promise.resolve();
  /** The requests that run or wait. */
  pending = 0;
  /** The rights of the request that runs, which the imports obey whatever the component asks. */
  caller = { mayWrite: false };

  constructor(component, directory, { fileBytesMax, nowMs }) {
    mkdirSync(directory, { recursive: true });
    this.#component = component;
    this.#database = database.open(join(directory, 'project.db'), records.SCHEMA + blobs.SCHEMA);
    const { caller } = this;
    this.blobs = new blobs.Blobs({
      database: this.#database,
      directory: join(directory, 'files'),
      caller,
      bytesMax: fileBytesMax,
      nowMs,
    });
    this.#imports = importsOf({
      records: records.recordsOf(this.#database, caller),
      blobs: this.blobs.imports(),
      nowMs,
    });
  }

  /** Runs `work` with the instance once all earlier requests are answered. */
  run(caller, work) {
    this.pending += 1;
    const running = this.#last.then(() => this.#enter(caller, work));
    this.#last = running.catch(() => {}).then(() => (this.pending -= 1));
    return running;
  }

  /** Closes the storage. No request may run. */
  close() {
    this.#database.close();
  }

  async #enter(caller, work) {
    this.caller.mayWrite = caller.mayWrite;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('the component takes too long')), REQUEST_MS_MAX);
    });
    try {
      this.#instance ??= await this.#component.instantiate(this.#imports);
      const answer = await Promise.race([work({ instance: this.#instance, blobs: this.blobs }), late]);
      this.#requests += 1;
      if (this.#requests >= INSTANCE_REQUESTS_MAX) this.#drop();
      return answer;
    } catch (error) {
      // After a trap the memory of the instance is in no known state.
      this.#drop();
      throw error;
    } finally {
      clearTimeout(timer);
      this.caller.mayWrite = false;
    }
  }

  #drop() {
    this.#instance = undefined;
    this.#requests = 0;
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
