#!/usr/bin/env node
// The one file that touches the process. Written in what Node 8 reads, so that an old Node gets a plain line and
// not a syntax error; CommonJS because it starts sooner than an ES module.
'use strict';

const fs = require('fs');
const path = require('path');

const OLDEST = [20, 18, 1];
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const READER_GONE = 141;
/** How a stream says that nobody reads it any more; EIO is a terminal that was closed. */
const GONE = ['EPIPE', 'EOF', 'ECONNRESET', 'EIO', 'ERR_STREAM_DESTROYED'];
/** Lets rows go on in the next one, ends a frame, shows the cursor, stops bracketing pastes. */
const RESTORE = '\x1b[?7h\x1b[?2026l\x1b[?25h\x1b[?2004l';
/** Takes back what was asked of the keys (kitty's protocol), which nothing but a reader of raw keys asks for. */
const RESTORE_KEYS = '\x1b[<u';
/** npm and npx pass on the Ctrl-C that the terminal has sent us too; a person is slower. */
const SAME_KEY_MS = 100;
/** After so long a stop that did not come will not come. */
const NOT_STOPPED_MS = 100;
/** Room for young objects that the quickest answer has enough of. */
const MOST_YOUNG_BYTES = 8 * 1024 * 1024;

function isTooOld() {
  const parts = process.versions.node.split('.').map(Number);
  const at = OLDEST.findIndex((least, index) => parts[index] !== least);
  return at !== -1 && parts[at] < OLDEST[at];
}

/** Writes at once, also where the event loop never comes round again. */
function writeNow(fd, text) {
  try {
    fs.writeSync(fd, text);
    return true;
  } catch (error) {
    return false;
  }
}

function run(argv) {
  const ending = new AbortController();
  const opened = {};
  let failure; // of a stream: the exit code that stands above main's
  let raised; // the signal that ends us
  let raisedAt = 0;
  let lent = 0; // to how many other programs Ctrl-C belongs

  function open(name) {
    if (opened[name] === undefined) {
      opened[name] = process[name];
      opened[name].on('error', (error) => onStreamError(name, error));
    }
    return opened[name];
  }

  function onStreamError(name, error) {
    // Nothing can be said where stderr is gone, and the answer on stdout is still wanted.
    if (name !== 'stdout' || failure !== undefined) return;
    const gone = GONE.indexOf(error.code) !== -1;
    failure = gone ? READER_GONE : 1;
    if (!gone) writeNow(2, 'cannot write the output: ' + error.message + '\n');
    ending.abort('epipe');
  }

  /** Views clean up after themselves; this is for an end in the midst of one. Never a byte to a pipe. */
  function restoreTerminal() {
    const isRaw = opened.stdin !== undefined && opened.stdin.isRaw;
    if (isRaw) opened.stdin.setRawMode(false);
    const name = ['stdout', 'stderr'].find((stream) => opened[stream] !== undefined && opened[stream].isTTY);
    if (name === undefined || process.env.TERM === 'dumb') return;
    writeNow(name === 'stdout' ? 1 : 2, (isRaw ? RESTORE_KEYS : '') + RESTORE);
  }

  /** Dies of the signal itself, so that a shell and a parent see what happened. */
  function die(signal) {
    restoreTerminal();
    // Windows has no signals to die of.
    if (process.platform === 'win32') process.exit(SIGNALS[signal]);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }

  function onSignal(signal) {
    // The terminal sends it to all programs that it has in front.
    if (signal === 'SIGINT' && lent > 0) return;
    const now = Date.now();
    if (raised === undefined) {
      raised = signal;
      raisedAt = now;
      ending.abort(signal);
    } else if (signal !== raised || now - raisedAt > SAME_KEY_MS) die(signal);
  }

  function crash(error) {
    restoreTerminal();
    const debug = argv.indexOf('--debug') !== -1 || Boolean(process.env.OLLAMA_CLI_DEBUG);
    const message =
      'internal error: ' + String((error && error.message) || error).replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
    const hint = debug ? '' : 'the same command with --debug shows where';
    if (argv.indexOf('--json') !== -1)
      writeNow(2, JSON.stringify({ error: { code: 'internal', message: message, hint: hint } }) + '\n');
    else writeNow(2, message + (hint && ' (' + hint + ')') + '\n');
    if (debug) writeNow(2, ((error && error.stack) || '') + '\n');
    process.exit(1);
  }

  /** Resolves when all is written and any error of the writing has been seen, which comes a turn later. */
  function flush(stream) {
    return new Promise((resolve) => {
      if (stream === undefined || stream.writableLength === 0) setImmediate(resolve);
      else stream.write('', () => setImmediate(resolve));
    });
  }

  /**
   * As the terminal does it: the whole group stops, so that a shell sees it through npx and in a pipe. Where nothing can
   * go on with us (no shell with job control) the system passes over the signal, and the timer ends the wait; it does
   * not run while we are stopped.
   */
  function suspend() {
    return new Promise((resolve) => {
      const timer = setTimeout(goOn, NOT_STOPPED_MS);
      function goOn() {
        clearTimeout(timer);
        process.removeListener('SIGCONT', goOn);
        resolve();
      }
      process.on('SIGCONT', goOn);
      process.kill(0, 'SIGTSTP');
    });
  }

  /** V8 doubles the room for young objects as time goes by, whatever of them stays, up to 32 MB (64 from Node 24 on). */
  function stayLean() {
    const v8 = require('v8');
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const isLarge = young !== undefined && young.space_size >= MOST_YOUNG_BYTES;
    if (isLarge) v8.setFlagsFromString('--semi-space-growth-factor=1');
  }

  function lendInterrupt() {
    lent += 1;
    return () => {
      lent -= 1;
    };
  }

  process.on('uncaughtException', crash);
  Object.keys(SIGNALS).forEach((signal) => process.on(signal, onSignal));
  // FORCE_COLOR stands above NO_COLOR, and Node would warn of the two on stderr.
  if (process.env.FORCE_COLOR) delete process.env.NO_COLOR;

  const io = {
    // Opened when first used: each costs a tenth of a bare start.
    get stdin() {
      return open('stdin');
    },
    get stdout() {
      return open('stdout');
    },
    get stderr() {
      return open('stderr');
    },
    get cwd() {
      try {
        return process.cwd();
      } catch (error) {
        return process.env.PWD || path.sep; // the folder was removed
      }
    },
    env: process.env,
    platform: process.platform,
    signal: ending.signal,
    interrupt: () => onSignal('SIGINT'),
    suspend: process.platform === 'win32' ? undefined : suspend,
    lendInterrupt: lendInterrupt,
    stayLean: stayLean,
    now: Date.now,
  };

  loadMain()(argv, io)
    .then((code) => Promise.all([code, flush(opened.stdout), flush(opened.stderr)]))
    .then((ended) => {
      if (raised !== undefined && failure === undefined) die(raised);
      // All is written. An open stdin or a kept connection is no reason to stay.
      else process.exit(failure === undefined ? ended[0] : failure);
    })
    .catch(crash);
}

function loadMain() {
  const main = path.join(__dirname, '..', 'dist', 'cli', 'main.js');
  try {
    return require(main).main;
  } catch (error) {
    if (fs.existsSync(main)) throw error;
    writeNow(2, 'ollama-cli is not built yet: run `npm run build` in ' + path.dirname(__dirname) + '\n');
    return process.exit(1);
  }
}

const argv = process.argv.slice(2);
if (isTooOld()) {
  writeNow(
    2,
    'ollama-cli needs Node ' + OLDEST.join('.') + ' or newer; this is ' + process.versions.node + '\n',
  );
  process.exitCode = 1;
} else if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-v')) {
  // Before everything else is loaded, and past process.stdout, which takes longer to open than all of this.
  if (!writeNow(1, require('../package.json').version + '\n')) process.exitCode = READER_GONE;
} else run(argv);
