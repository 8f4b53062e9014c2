// The built site: formulas, pictures, search, folds and the live page, with no other host.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT, open, serve, skip } from './browser.mjs';

const SITE = join(ROOT, 'build', 'site');
const built = existsSync(join(SITE, 'index.html'));
const why = skip || (built ? false : 'build/site is not there: run `make site` first');
const pages = built
  ? readdirSync(SITE, { recursive: true })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.html') && !/^_|\/_|genindex|search\.html/.test(path))
    .sort()
  : [];

describe('the site', { skip: why }, () => {
  let server, browser, page, foreign, problems;

  before(async () => {
    server = await serve(SITE);
    ({ browser, page, foreign, problems } = await open());
  });

  after(async () => {
    await browser?.close();
    server?.close();
  });

  const go = (path) => page.goto(`${server.address}/${path}`, { waitUntil: 'load' });

  test('draws every formula and every picture', async (t) => {
    let formulas = 0, pictures = 0;
    for (const path of pages) {
      await go(path);
      const written = await page.locator('.math').count();
      await page.waitForFunction(
        (n) => document.querySelectorAll('.math mjx-container').length >= n,
        written,
        { timeout: 60_000 },
      );
      assert.equal(await page.locator('mjx-container').count(), written, path);
      const red = await page.locator('mjx-merror').allTextContents();
      assert.deepEqual(red, [], path);
      const raw = await page.evaluate(() => {
        const text = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (text.nextNode()) {
          const { parentElement, data } = text.currentNode;
          if (parentElement.closest('pre, code, script, style, mjx-container')) continue;
          if (/\\\(|\\\[|\$\$|\\(frac|sum|theta|mathbb)\b/.test(data)) found.push(data.trim());
        }
        return found;
      });
      assert.deepEqual(raw, [], path);
      for (const image of await page.locator('img').all()) {
        await image.evaluate((element) => element.loading === 'lazy' && element.scrollIntoView());
      }
      await page.waitForFunction(() => [...document.images].every((image) => image.complete));
      const broken = await page.evaluate(() =>
        [...document.images].filter((i) => !i.naturalWidth).map((i) => i.src));
      assert.deepEqual(broken, [], path);
      formulas += written;
      pictures += await page.locator('main img').count();
    }
    t.diagnostic(`${pages.length} pages, ${formulas} formulas, ${pictures} pictures`);
    assert.ok(formulas > 2000 && pictures > 40, `${formulas} formulas, ${pictures} pictures`);
  });

  test('the moving pictures move', async (t) => {
    const seen = new Set();
    for (const path of ['index.html', 'notebooks/02_objective.html', 'notebooks/09_cartpole_agent.html']) {
      await go(path);
      const gifs = await page.locator('img[src$=".gif"]').evaluateAll((images) =>
        Promise.all(images.map(async ({ src }) => {
          const bytes = new Uint8Array(await (await fetch(src)).arrayBuffer());
          let frames = 0; // each begins with a graphic control extension
          for (let i = 0; i < bytes.length - 2; i += 1) {
            frames += bytes[i] === 0x21 && bytes[i + 1] === 0xf9 && bytes[i + 2] === 0x04;
          }
          return [src, frames, bytes.length];
        })));
      for (const [src, frames, size] of gifs) {
        assert.ok(frames > 5, `${src}: ${frames} frames`);
        assert.ok(size < 1_000_000, `${src}: ${size} bytes`);
        seen.add(src.split('/').at(-1));
      }
    }
    t.diagnostic([...seen].join(', '));
    assert.ok(seen.size >= 3, [...seen].join(', '));
  });

  test('search finds "baseline"', async () => {
    await go('search.html?q=baseline');
    const results = page.locator('#search-results li a');
    await results.first().waitFor({ timeout: 30_000 });
    const found = await results.evaluateAll((links) => links.map((link) => link.href));
    assert.ok(found.some((href) => href.includes('08_variance')), found.join('\n'));
  });

  for (const [name, words] of [['08_variance', 'Hint'], ['11_questions', 'Answer']]) {
    test(`a folded ${words.toLowerCase()} opens`, async () => {
      await go(`notebooks/${name}.html`);
      const fold = page.locator('details', { hasText: words }).first();
      const inside = fold.locator(':scope > *:not(summary)').first();
      assert.equal(await inside.isVisible(), false);
      await fold.locator('summary').click();
      assert.equal(await inside.isVisible(), true);
    });
  }

  test('the live pole stands with the trained weights, and falls with none', async () => {
    await go('live.html');
    const steps = async () => Number.parseInt(await page.locator('#live-steps').textContent());
    const message = page.locator('#live-message');
    await page.click('#live-greedy');
    await page.click('#live-trained');
    await page.click('#live-restart');
    await page.waitForFunction(
      () => document.querySelector('#live-message').textContent.trim(),
      null,
      { timeout: 60_000 },
    );
    assert.equal(await steps(), 500, await message.textContent());
    await page.click('#live-sampled');
    await page.click('#live-zero');
    await page.click('#live-restart');
    await page.waitForFunction(
      () => document.querySelector('#live-message').textContent.includes('after'),
      null,
      { timeout: 30_000 },
    );
    assert.ok((await steps()) < 200, await message.textContent());
  });

  test('asks no other host, and no script fails', () => {
    assert.deepEqual(foreign, []);
    assert.deepEqual(problems, []);
  });
});
