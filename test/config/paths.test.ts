import { describe, expect, it } from 'vitest';
import { cacheDir, configDir, homeDir, stateDir } from '../../src/config/paths.js';

const windows = {
  USERPROFILE: 'C:\\Users\\ann',
  APPDATA: 'D:\\Roaming',
  LOCALAPPDATA: 'D:\\Local',
  XDG_CONFIG_HOME: 'C:\\xdg',
};

describe('the folders of the program', () => {
  it.each([
    ['linux', { HOME: '/home/ann' }, '/home/ann/.config', '/home/ann/.local/state', '/home/ann/.cache'],
    ['darwin', { HOME: '/Users/ann' }, '/Users/ann/.config', '/Users/ann/.local/state', '/Users/ann/.cache'],
    [
      'linux',
      { HOME: '/h', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/k' },
      '/c',
      '/s',
      '/k',
    ],
    [
      'darwin',
      { HOME: '/h', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/k' },
      '/c',
      '/s',
      '/k',
    ],
    [
      'linux',
      { HOME: '/h', XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: '', XDG_CACHE_HOME: './k' },
      '/h/.config',
      '/h/.local/state',
      '/h/.cache',
    ],
  ] as const)('on %s with %j', (platform, env, config, state, cache) => {
    expect(configDir(env, platform)).toBe(`${config}/ollama-cli`);
    expect(stateDir(env, platform)).toBe(`${state}/ollama-cli`);
    expect(cacheDir(env, platform)).toBe(`${cache}/ollama-cli`);
  });

  it('are those of Windows there, whatever XDG says', () => {
    expect(configDir(windows, 'win32')).toBe('D:\\Roaming\\ollama-cli');
    expect(stateDir(windows, 'win32')).toBe('D:\\Local\\ollama-cli');
    expect(cacheDir(windows, 'win32')).toBe('D:\\Local\\ollama-cli\\cache');
  });

  it('follow from the profile where Windows names no application folders', () => {
    const env = { USERPROFILE: 'C:\\Users\\ann' };
    expect(configDir(env, 'win32')).toBe('C:\\Users\\ann\\AppData\\Roaming\\ollama-cli');
    expect(stateDir(env, 'win32')).toBe('C:\\Users\\ann\\AppData\\Local\\ollama-cli');
  });

  it('are absolute even where the environment says nothing', () => {
    expect(homeDir({}, 'linux')).toMatch(/^\//);
    expect(homeDir({ HOME: 'relative' }, 'linux')).toMatch(/^\//);
  });
});
