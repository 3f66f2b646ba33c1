// The server's own refusals, in the form in which MLflow's client reads errors.

const KINDS = {
  unauthenticated: [401, 'UNAUTHENTICATED', '401 Unauthorized: set MLFLOW_TRACKING_TOKEN to a valid access token.'],
  projectNotFound: [404, 'RESOURCE_DOES_NOT_EXIST', '404 Project Not Found'],
  endpointNotFound: [404, 'ENDPOINT_NOT_FOUND', '404 Not Found: nothing is served at this address.'],
  bodyTooLarge: [413, 'INVALID_PARAMETER_VALUE', 'The body of this request may have at most 20971520 bytes.'],
  unsteady: [503, 'TEMPORARILY_UNAVAILABLE', 'The file is being replaced. Try again in a moment.'],
  internal: [500, 'INTERNAL_ERROR', 'The request failed inside. The log of the server says more.'],
};

const HEADERS = {
  unauthenticated: { 'www-authenticate': 'Basic realm="mlforge"' },
  unsteady: { 'retry-after': '1' },
};

/** A refusal, with the status, the error code and the headers of its answer. */
export class HttpError extends Error {
  constructor(kind) {
    const [status, code, message] = KINDS[kind];
    super(message);
    Object.assign(this, { status, code, headers: HEADERS[kind] ?? {} });
  }

  /** The refusal of a kind. */
  static of(kind) {
    return new HttpError(kind);
  }

  /** Throws the refusal of a kind. */
  static throw(kind) {
    throw new HttpError(kind);
  }
}
