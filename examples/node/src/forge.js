// The imports that a host without a forge answers with nothing: no CI jobs, no links, no upload tokens, no direct transfers.

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

/** The import `direct-transfers`. There are none: all bytes of files pass this host. */
export const directTransfers = {
  offered: () => false,
  begin: async () => undefined,
  complete: async () => ({ tag: 'absent' }),
  abort: async () => {},
  signDownload: async () => undefined,
};

/** The import `report`, which writes to the log. */
export const report = {
  fault: (message) => console.error(`fault of the component: ${message.slice(0, 4096)}`),
};
