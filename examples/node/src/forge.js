// The imports that a host without a forge answers with nothing: no CI jobs, no links, no upload tokens.

/** The import `forge`. */
export const forge = {
  getJob: async () => undefined,
  callerJob: () => undefined,
  announceEndedRun: () => false,
  setCommitStatus: async () => {
    throw { tag: 'denied' };
  },
  getLink: async () => undefined,
};

/** The import `upload-tokens`. Without tokens, clients send the parts of a file through the usual endpoint. */
export const uploadTokens = { issue: () => undefined };

/** The import `report`, which writes to the log. */
export const report = {
  fault: (message) => console.error(`fault of the component: ${message.slice(0, 4096)}`),
};
