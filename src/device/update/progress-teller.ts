/**
 * How far the fetching is: to whoever watches this run at once, to the fleet now and then.
 *
 * @module
 */
import type { PartToInstall, UpdateRun } from './update-run.ts';

/** Milliseconds between two offers to the outbox, which keeps as many as it is configured to. */
const BETWEEN_EVENTS = 1000;

export interface ProgressTeller {
  /** Hears of the bytes of this part that are done. */
  of(part: PartToInstall): (bytesDone: number) => void;
  /** Waits until all events are kept. */
  end(): Promise<void>;
}

export function progressTeller(run: UpdateRun): ProgressTeller {
  const parts = run.parts();
  const done = new Map<string, number>();
  const total = parts.reduce((sum, { part }) => sum + part.size, 0);
  let toldAt = run.device.now().getTime();
  let telling: Promise<unknown> = Promise.resolve();
  return {
    of:
      ({ part, component }) =>
      (bytesDone) => {
        const before = done.get(component.name) ?? 0;
        // A second repository begins from what the first one has left, and looks at it again.
        if (bytesDone <= before) return;
        done.set(component.name, bytesDone);
        run.options.onProgress?.({
          phase: 'fetch',
          component: component.name,
          done: bytesDone,
          total: part.size,
        });
        const now = run.device.now().getTime();
        if (now - toldAt < BETWEEN_EVENTS) return;
        toldAt = now;
        const sum = [...done.values()].reduce((all, each) => all + each, 0);
        telling = telling.then(() => run.tell('progress', { done: sum, total }));
        // How far it is, is not worth an update.
        telling = telling.catch((error: unknown) =>
          run.say({ level: 'warning', topic: 'report', message: String(error) }),
        );
      },
    end: async () => {
      await telling;
    },
  };
}
