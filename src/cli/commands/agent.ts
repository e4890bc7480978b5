/**
 * `silt agent`: keeps this device up to date by itself, or once for a timer.
 *
 * @module
 */
import type { Command } from 'commander';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { runAgent } from '../../device/agent.ts';
import type { DeviceConfig } from '../../device/config/device-config.ts';
import type { Log } from '../../device/log.ts';
import { openReporting, type Reporting } from '../../device/report/reporting.ts';
import { type RoundOptions, runRound } from '../../device/run-round.ts';
import { WakeUp } from '../../device/schedule/pause.ts';
import type { Device } from '../../device/update/device.ts';
import { runUpdate } from '../../device/update/run-update.ts';
import { type ConfigFlags, configOf, withConfigOption } from '../config-option.ts';
import { describeUpdate, errorOfUpdate, exitOfUpdate } from '../describe-update.ts';
import { EXIT_DONE, exitOf } from '../exit.ts';
import { logLines } from '../log-lines.ts';
import { openDevice, outboxDirectory, withDeviceLock } from '../open-device.ts';
import { tlsFor } from '../open-source.ts';
import { runCommand } from '../run-command.ts';

interface AgentCommandOptions extends ConfigFlags {
  readonly once?: boolean;
  readonly resume?: boolean;
}

const examples = `
Examples:
  silt agent
  silt agent --config ./device.yaml
  silt agent --once
  silt agent --once --resume
  kill -HUP PID                    makes a running agent check at once; so does systemctl reload silt-agent

The log is one JSON document a line on stderr; on a terminal, lines to read.`;

const INTERRUPTED = 'interrupted; the update is kept where it is, and the next start goes on';

/** Adds the command to `program`. */
export function addAgent(program: Command): void {
  const command = program
    .command('agent')
    .summary('keep this device up to date')
    .description(
      'Looks for updates at the intervals of the configuration, installs them within its maintenance windows, goes on with them after restarts, and delivers reports. Runs until it is ended.',
    )
    .option('--once', 'one round for a timer, with the exit status that silt install would have')
    .option('--resume', 'with --once: go on with an update under way, but look for no other');
  withConfigOption(command)
    .addHelpText('after', examples)
    .action((options: AgentCommandOptions) =>
      runCommand({}, INTERRUPTED, ({ signal }) => agentCommand(options, signal)),
    );
}

async function agentCommand(options: AgentCommandOptions, stop: AbortSignal): Promise<number> {
  const { env, stderr } = process;
  const log = logLines(stderr);
  if (options.resume === true && options.once !== true) {
    throw new SiltError('USAGE', 'expected --once with --resume; without it the agent goes on by itself');
  }
  await using stack = new AsyncDisposableStack();
  // From the first moment: unheard, it would end the agent.
  const wake = options.once === true ? undefined : listenForCalls(stderr.isTTY, stack);
  try {
    const config = await configOf(options, env);
    const opened = await openDevice(config, { env, log });
    const { id } = opened;
    const { hardware, variant } = config.device;
    const reporting = openReporting({
      directory: outboxDirectory(config.stateDirectory),
      feedback: config.feedback,
      device: { id, hardware, variant },
      tls: config.feedback && (await tlsFor(config.trust.tls, config.feedback.url)),
      env,
      log,
    });
    stack.defer(() => reporting.close());
    const device = { ...opened, outbox: reporting.outbox };
    const round = roundOptions(config, reporting, log, stop);
    if (wake === undefined) return await once(device, { ...round, offline: options.resume }, log);
    await poll(device, round, wake);
    return EXIT_DONE;
  } catch (thrown) {
    const error = stop.aborted ? stop.reason : thrown;
    if (stderr.isTTY) throw error;
    // Whoever reads the log finds the end in it too.
    const message = error instanceof Error ? error.message : String(error);
    const data = { code: isSiltError(error) ? error.code : 'INTERNAL', exit: exitOf(error) };
    log({ level: stop.aborted ? 'info' : 'error', topic: 'agent', message, data });
    return exitOf(error);
  }
}

/** @param isTerminal then SIGHUP ends the agent, as it ends any program whose terminal is closed */
function listenForCalls(isTerminal: boolean, stack: AsyncDisposableStack): WakeUp {
  const wake = new WakeUp();
  const call = (): void => wake.call();
  if (!isTerminal) {
    process.on('SIGHUP', call);
    stack.defer(() => void process.off('SIGHUP', call));
  }
  return wake;
}

function roundOptions(config: DeviceConfig, reporting: Reporting, log: Log, stop: AbortSignal): RoundOptions {
  return {
    update: runUpdate,
    deliver: (signal) => reporting.deliver({ signal, log }),
    exclusively: (action) => withDeviceLock(config, stop, action),
    stop,
  };
}

async function once(device: Device, round: RoundOptions, log: Log): Promise<number> {
  const result = await runRound(device, round);
  const level = errorOfUpdate(result) === undefined ? 'info' : 'error';
  const data = { outcome: result.outcome, code: result.failure?.code };
  for (const message of describeUpdate(result, device.config.product)) {
    log({ level, topic: 'agent', message, data });
  }
  return exitOfUpdate(result);
}

async function poll(device: Device, round: RoundOptions, wake: WakeUp): Promise<void> {
  const { product, channel } = device.config;
  device.log({
    level: 'info',
    topic: 'agent',
    message: `silt ${device.siltVersion} looks after ${device.id}`,
    data: { device: device.id, product, channel },
  });
  await runAgent(device, { ...round, wake, random: Math.random, uptime: () => performance.now() });
  device.log({ level: 'info', topic: 'agent', message: 'ended, as it was asked to' });
}
