// Loads the program's packs. Compiling is most of what a short command costs, so each file is compiled from the code
// cache beside it where that was made by this very Node; another one compiles the text, and nothing else changes.
'use strict';

const { readFileSync } = require('fs');
const path = require('path');
const { Script } = require('vm');

/** Where a module is that has no file of its own; the build fills it in. */
const FILES = {};

const scripts = {};
const modules = {};
const makers = {};

function readCache(file) {
  try {
    return readFileSync(file + '.cache');
  } catch {
    return undefined;
  }
}

/**
 * A view does little, but for long, so that Node 20 would spend more on optimizing its functions one by one than they
 * will ever use: it waits thirty times longer. What works hard still gets there. Later versions of V8 wait by themselves.
 */
function beInNoHurry() {
  if (process.versions.v8.startsWith('11.3.')) require('v8').setFlagsFromString('--interrupt-budget=2000000');
}

async function importView(view) {
  const loaded = await import(view);
  beInNoHurry();
  return loaded;
}

function loadFile(name) {
  const file = path.join(__dirname, name);
  const text = readFileSync(file).toString('latin1'); // the build writes nothing but ASCII
  const script = new Script(text, { filename: file, cachedData: readCache(file) });
  scripts[file] = script;
  const module = { exports: {} };
  script.runInThisContext()(module.exports, load, module, importView);
  Object.assign(makers, module.exports.table);
}

function load(name) {
  if (name.charCodeAt(0) !== 46) return require(name);
  if (modules[name] === undefined) {
    if (makers[name] === undefined) loadFile(FILES[name] || name);
    modules[name] = makers[name]();
  }
  return modules[name];
}

exports.main = load('./start.js').main;
/** For the build, which makes the caches once the functions that count have run. */
exports.scripts = scripts;
