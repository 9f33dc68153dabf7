/** This program's version; a test holds it to package.json, which a bundle does not have beside it. */
export const VERSION = '0.1.0';
