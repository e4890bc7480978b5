/**
 * Feedback of a device as its configuration has it: the outbox that an update tells its events, and their delivery.
 * Without `feedback` in the configuration nothing is kept and nothing is sent.
 *
 * @module
 */
import type { HttpTls } from '../../store/http-options.ts';
import { openHttpPost } from '../../store/http-post.ts';
import type { FeedbackConfig } from '../config/feedback-members.ts';
import type { Log } from '../log.ts';
import { type DeliverOptions, type DeliveryReport, deliverEvents } from './deliver-events.ts';
import type { Outbox } from './event.ts';
import type { DeviceFacts } from './event-document.ts';
import { openOutbox, type Waiting } from './outbox.ts';

export interface ReportingOptions {
  /** Of the outbox; made when there is something to keep. */
  readonly directory: string;
  readonly feedback: FeedbackConfig | undefined;
  readonly device: DeviceFacts;
  /** What `trust.tls` says, as for repositories: the texts of its files. */
  readonly tls?: HttpTls | undefined;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY stand. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Hears of events that the outbox loses. */
  readonly log?: Log;
  readonly now?: () => Date;
  readonly random?: () => number;
}

export interface Reporting {
  readonly outbox: Outbox;
  /** What waits, for people; `undefined` without `feedback`. @throws SiltError IO_FAILED */
  waiting(): Promise<Waiting | undefined>;
  /** As {@link deliverEvents}. */
  deliver(options?: DeliverOptions): Promise<DeliveryReport>;
  close(): Promise<void>;
}

const nothing: DeliveryReport = {
  delivered: 0,
  refused: 0,
  waiting: 0,
  notBefore: undefined,
  problem: undefined,
};

/**
 * Opens the outbox and what delivers it; connects later.
 *
 * @throws SiltError USAGE, KEY_UNUSABLE for a URL, pins, certificates and keys that cannot be used
 */
export function openReporting(options: ReportingOptions): Reporting {
  const { directory, feedback, device, tls, env, log, now, random } = options;
  if (feedback === undefined) {
    const outbox: Outbox = { add: async () => {} };
    return {
      outbox,
      waiting: async () => undefined,
      deliver: async () => nothing,
      close: async () => {},
    };
  }
  const isTls = /^https:/i.test(feedback.url);
  const post = openHttpPost(feedback.url, {
    timeoutMs: feedback.timeout * 1000,
    ...(tls && isTls && { tls }),
    ...(env && { env }),
    ...(now && { now: () => now().getTime() }),
  });
  const outbox = openOutbox(directory, {
    progressMs: feedback.progress * 1000,
    ...(log && { log }),
    ...(now && { now }),
  });
  const target = {
    post,
    device,
    tokenFile: feedback.tokenFile,
    ...(now && { now }),
    ...(random && { random }),
  };
  return {
    outbox,
    waiting: () => outbox.waiting(),
    deliver: (delivery) => deliverEvents(outbox, target, delivery),
    close: () => post.close(),
  };
}
