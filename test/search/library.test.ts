import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkModelName } from '../../src/core/model-name.js';
import { parseSearchPage, parseTagsPage } from '../../src/search/library.js';

const BASE = 'https://ollama.example';
const item = (inner: string): string => `<li x-test-model class="flex">${inner}</li>`;

// Written from the page's known structure; no sample of the real page can be had here.
const SEARCH = `<!doctype html><html><body><ul>
${item(`<a href="/library/llama3.2" class="group"><h2><span x-test-search-response-title>llama3.2</span></h2>
  <p class="max-w-lg">Meta&#39;s small models &amp; more <b> </b></p>
  <span x-test-capability class="x">Tools</span><span x-test-size>1b</span><span x-test-size>3b</span>
  <span x-test-pull-count>9M</span><span title="Sep 25, 2024 12:00 AM UTC"><span x-test-updated>1 year ago</span></span></a>`)}
${item('<a href="/ann/own-model"><span x-test-search-response-title>ann/own-model</span></a>')}
${item('<a href="/library/llama3.2"><span x-test-size>1b</span></a>')}
${item('<a href="/library/../../x"><span x-test-size>1b</span></a>')}
<li><a href="/blog/post">A post</a></li>
</ul></body></html>`;

describe('the search page', () => {
  it('gives name, description, sizes, capabilities and date of each model once', () => {
    expect(parseSearchPage(SEARCH, BASE)).toEqual([
      {
        name: 'llama3.2',
        source: 'library',
        description: "Meta's small models & more",
        parameterSizes: ['1b', '3b'],
        capabilities: ['tools'],
        updatedAt: Date.UTC(2024, 8, 25),
      },
      { name: 'ann/own-model', source: 'library' },
    ]);
  });

  it('without models says nothing was found, if it says so itself, else that it is not known', () => {
    expect(parseSearchPage('<p>No models found.</p>', BASE)).toEqual([]);
    expect(() => parseSearchPage('<html>hello</html>', BASE)).toThrow(/another layout/);
  });

  it.each(['<', '<p>', '<li x-test-model', '<a ', 'title="2024 ', '&#', '<li><a href="/library/a:1">'])(
    'made of megabytes of %j is read in no time that grows with its square',
    (piece) => {
      const page = piece.repeat(Math.ceil(2_000_000 / piece.length));
      expect(() => parseSearchPage(`<li x-test-model${page}`, BASE)).toThrow(/another layout/);
    },
  );

  it('with a model is, too: paragraphs without an end do not multiply', () => {
    const page = item(`<a href="/library/a">${'<p>'.repeat(8_000_000)}`);
    expect(parseSearchPage(page, BASE)).toEqual([{ name: 'a', source: 'library' }]);
  });

  it('never breaks on what it does not expect, and gives only names that a pull takes', () => {
    const pieces = fc.constantFrom(
      '<li ',
      'x-test-model',
      '<a href="/library/',
      'a:b',
      '">',
      '&#x110000;',
      '<p>',
      '</p>',
      'é',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
        let names: string[] = [];
        try {
          names = parseSearchPage(parts.join(''), BASE).map(({ name }) => name);
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
        for (const name of names) expect(() => checkModelName(name)).not.toThrow();
      }),
    );
  });
});

describe('the page of tags', () => {
  const row = (tag: string, rest: string): string =>
    `<div><a href="/library/qwen3:${tag}" class="md:hidden"><span>qwen3:${tag}</span></a><a href="/library/qwen3:${tag}">qwen3:${tag}</a>${rest}</div>`;

  it('gives each tag with its size and digest, however often it is linked', () => {
    const page = `${row('8b', '<p>5.2GB</p> 40K <span>500a1f067a9f</span> • Text • 2 months ago')}
      ${row('0.6b', '523MB · no digest')} <a href="/library/other:1b">x</a> 1GB`;
    expect(parseTagsPage(page, checkModelName('qwen3'), BASE)).toEqual([
      { name: 'qwen3:8b', source: 'library', sizes: [5.2e9], digest: 'sha256:500a1f067a9f' },
      { name: 'qwen3:0.6b', source: 'library', sizes: [523e6] },
    ]);
  });

  it('without a tag of the model is not known', () => {
    expect(() => parseTagsPage('<a href="/library/other:1b">', checkModelName('qwen3'), BASE)).toThrow(
      /another layout/,
    );
  });
});
