/**
 * One bucket and the way to it: the SDK's client as silt sets it up, and a call that reports and translates.
 *
 * The SDK's own repetition is off, so that every request is reported once and waits are silt's (with-retry). Two
 * refusals are mended here, once a request: a session that has expired, by asking the SDK's chain of credentials again,
 * and a clock that is wrong, which the SDK sets right by the server's answer. How many requests are under way at once
 * is up to the store's limit (adaptive-limit).
 *
 * @module
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { AdaptiveLimit, type Outcome } from './adaptive-limit.ts';
import { type OnRequest, type RequestTally, startTally } from './request-report.ts';
import { isCrowded, isExpired, isSkewed, s3Error, s3Status } from './s3-error.ts';
import type { Key } from './store.ts';

export interface S3SessionOptions {
  readonly bucket: string;
  /** Before every key, without slashes at its ends. Default: none. */
  readonly prefix?: string;
  /** Default: AWS_ENDPOINT_URL_S3 and the rest of the SDK's own chain, else AWS. */
  readonly endpoint?: string;
  /** Default: AWS_REGION and the rest of the SDK's own chain. */
  readonly region?: string;
  /** `https://host/bucket/key` rather than `https://bucket.host/key`, as many servers want. Default false. */
  readonly forcePathStyle?: boolean;
  /**
   * Whether the SDK adds checksums of its own wherever it can, or only where S3 demands them. Default
   * `required`: many S3 servers refuse the others, and silt verifies by digest anyway.
   */
  readonly checksums?: 'required' | 'supported';
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY stand. Default: no proxy. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Hears of every finished request. */
  readonly onRequest?: OnRequest;
  /** How many requests may be under way at once, downloads until their answers begin. Default: one of its own. */
  readonly limit?: AdaptiveLimit;
}

/** As with HTTP (`http-options.ts`): several lost packets, and longer than a server thinks. */
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

/** Of the SDK's configuration files: whoever is asked again for credentials reads them again. */
const REREAD = { ignoreCache: true } as const;

/** Where an object is, as the commands want it. */
export interface S3Address {
  readonly Bucket: string;
  readonly Key: string;
}

interface Call<T> {
  readonly key: Key;
  /** The name of the operation, for reports. */
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  /** Bytes of body that go with the request. */
  readonly sends?: number;
  /** Sends the command. */
  readonly run: (options: { abortSignal?: AbortSignal }) => Promise<T>;
}

export class S3Session {
  readonly bucket: string;
  /** Empty, or ending in a slash. */
  readonly prefix: string;
  readonly location: string;
  readonly client: S3Client;
  /** What an upload in parts must declare, and each of its parts repeat, when checksums are on. */
  readonly checksum: { readonly ChecksumAlgorithm?: 'CRC32' };
  readonly #onRequest: OnRequest | undefined;
  readonly #limit: AdaptiveLimit;
  /** Counts credentials: a request that was sent with earlier ones is sent again at once. */
  #generation = 0;
  #renewing: Promise<boolean> | undefined;

  constructor(options: S3SessionOptions) {
    const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
    this.bucket = options.bucket;
    this.prefix = prefix === '' ? '' : `${prefix}/`;
    this.location = `s3://${options.bucket}/${this.prefix}`;
    this.checksum = options.checksums === 'supported' ? { ChecksumAlgorithm: 'CRC32' } : {};
    this.#onRequest = options.onRequest;
    this.#limit = options.limit ?? new AdaptiveLimit();
    this.client = new S3Client(configOf(options));
  }

  /** Where the object `key` is. */
  address(key: Key): S3Address {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }

  /** Makes one request, reports it and translates its failure. */
  async call<T extends { $metadata: { httpStatusCode?: number | undefined } }>(call: Call<T>): Promise<T> {
    const { answer, tally } = await this.open(call);
    tally.finish(answer.$metadata.httpStatusCode ?? 0);
    return answer;
  }

  /** As `call`, but the report waits for whoever reads the body of the answer. */
  async open<T>(call: Call<T>): Promise<{ answer: T; tally: RequestTally }> {
    const generation = this.#generation;
    try {
      return await this.#once(call);
    } catch (error) {
      if (isSkewed(error)) return await this.#once(call);
      if (!isExpired(error)) throw error;
      if (generation === this.#generation && !(await this.#renew())) throw error;
      return await this.#once(call);
    }
  }

  async #once<T>({ key, method, signal, sends = 0, run }: Call<T>) {
    const admission = await this.#limit.admit(signal);
    const tally = startTally(this.#onRequest, key, method);
    tally.add(sends);
    let outcome: Outcome = 'fine';
    try {
      return { answer: await run(signal === undefined ? {} : { abortSignal: signal }), tally };
    } catch (error) {
      tally.finish(s3Status(error));
      const failure = this.failure(error, key, signal);
      if (isCrowded(failure)) outcome = 'crowded';
      throw failure;
    } finally {
      admission.end(outcome, sends);
    }
  }

  /** Asks the chain again, once for all that wait. True when it gave other credentials than before. */
  async #renew(): Promise<boolean> {
    this.#renewing ??= this.#askAgain().finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  async #askAgain(): Promise<boolean> {
    const { credentials } = this.client.config;
    try {
      const before = await credentials();
      const { accessKeyId: id, sessionToken: token } = before;
      const now = await credentials({ forceRefresh: true });
      const isNew = now.accessKeyId !== id || now.sessionToken !== token;
      if (isNew) this.#generation += 1;
      return isNew;
    } catch {
      // That the session has expired is the better news.
      return false;
    }
  }

  /** `error` of the SDK as what a store throws. */
  failure(error: unknown, key: Key, signal: AbortSignal | undefined): unknown {
    const about = { key, bucket: this.bucket, location: this.location, signal };
    return s3Error(error, about, Date.now());
  }
}

function configOf(options: S3SessionOptions): S3ClientConfig {
  const { env = {}, endpoint, region, forcePathStyle = false } = options;
  const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY, http_proxy, https_proxy, no_proxy } = env;
  const proxyEnv = { HTTP_PROXY, HTTPS_PROXY, NO_PROXY, http_proxy, https_proxy, no_proxy };
  const checksums = options.checksums === 'supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    forcePathStyle,
    maxAttempts: 1,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    customUserAgent: 'silt',
    ...REREAD,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: new HttpAgent({ keepAlive: true, proxyEnv }),
      httpsAgent: new HttpsAgent({ keepAlive: true, proxyEnv }),
    },
  };
}
