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
let table = {};

function readCache(file) {
  try {
    return readFileSync(file + '.cache');
  } catch {
    return undefined;
  }
}

function loadFile(name) {
  const file = path.join(__dirname, name);
  const script = new Script(readFileSync(file).toString('latin1'), { filename: file, cachedData: readCache(file) });
  scripts[file] = script;
  table = Object.assign(
    script.runInThisContext()((view) => import(view)),
    table,
  );
}

function load(name) {
  const known = modules[name];
  if (known !== undefined) return known.exports;
  if (name.charCodeAt(0) !== 46) return require(name);
  if (table[name] === undefined) loadFile(FILES[name] || name);
  const module = (modules[name] = { exports: {} });
  table[name](module.exports, load, module);
  return module.exports;
}

exports.main = load('./start.js').main;
/** For the build, which makes the caches once the functions that count have run. */
exports.scripts = scripts;
