// JupyterLab opens the series, runs it, and its sliders move the pictures.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { open, skip, startLab } from './browser.mjs';

const IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]';
// Errors and warnings: JupyterLab shows a traceback as what was written to stderr.
const ERRORS = '[data-mime-type="application/vnd.jupyter.stderr"]';

describe('JupyterLab', { skip }, () => {
  let lab, browser, page, foreign;

  before(async () => {
    lab = await startLab();
    ({ browser, page, foreign } = await open());
  });

  after(async () => {
    await browser?.close();
    await lab?.close();
  });

  async function show(name) {
    await page.goto(`${lab.address}/lab/tree/notebooks/${name}.ipynb?token=t&reset`);
    await page.waitForSelector('.jp-Notebook .jp-CodeCell', { timeout: 60_000 });
    await page.waitForSelector(IDLE);
  }

  /** Run all cells; wait until the kernel has had nothing to do for four seconds. */
  async function runAll() {
    await page.locator('.lm-MenuBar-itemLabel', { hasText: /^Run$/ }).click();
    await page.locator('.lm-Menu-itemLabel', { hasText: /^Run All( Cells)?$/ }).first().click();
    for (let calm = 0; calm < 8; ) {
      await page.waitForTimeout(500);
      calm = (await page.locator(IDLE).count()) ? calm + 1 : 0;
    }
  }

  /** Go through the notebook from top to bottom: cells out of sight are not drawn. */
  async function everyCell(look) {
    const scroller = page.locator('.jp-WindowedPanel-outer').first();
    await scroller.evaluate((element) => { element.scrollTop = 0; });
    for (let last = -1; ;) {
      await page.waitForTimeout(200);
      await look();
      const now = await scroller.evaluate((element) => {
        element.scrollTop += 1000;
        return element.scrollTop;
      });
      if (now === last) return;
      last = now;
    }
  }

  /** Return what the errors say, and the prompts of cells that were not run. */
  async function problems() {
    const seen = new Set();
    await everyCell(async () => {
      for (const text of await page.locator(ERRORS).allTextContents()) seen.add(text);
      const prompts = await page.locator('.jp-CodeCell .jp-InputPrompt').allTextContents();
      for (const prompt of prompts) if (/\[[ *]\]/.test(prompt)) seen.add(prompt);
    });
    return [...seen];
  }

  test('opens the start notebook, and draws its formulas', async () => {
    await show('00_start_here');
    let formulas = 0;
    await everyCell(async () => {
      formulas = Math.max(formulas, await page.locator('mjx-container').count());
    });
    assert.ok(formulas > 10, `${formulas} formulas`);
    assert.deepEqual(await page.locator('mjx-merror').allTextContents(), []);
  });

  for (const name of ['00_start_here', '09_cartpole_agent']) {
    test(`runs ${name} to its end without an error`, async () => {
      await show(name);
      await runAll();
      assert.deepEqual(await problems(), []);
    });
  }

  for (const name of ['02_objective', '09_cartpole_agent']) {
    test(`a slider of ${name} changes its picture`, async () => {
      await show(name);
      await runAll();
      const handle = page.locator('.widget-slider .noUi-handle').first();
      let there = false;
      await everyCell(async () => {
        if (there || !(await handle.count())) return;
        there = true;
        const output = page.locator('.jp-Cell-outputArea', { has: handle }).first();
        const picture = () => output.locator('img').first().getAttribute('src');
        await output.locator('img').first().waitFor({ timeout: 30_000 });
        const still = await picture();
        await handle.focus();
        for (let i = 0; i < 5; i += 1) await page.keyboard.press('ArrowRight');
        for (let i = 0; i < 60 && (await picture()) === still; i += 1) {
          await page.waitForTimeout(250);
        }
        assert.notEqual(await picture(), still);
      });
      assert.ok(there, 'no slider');
    });
  }

  test('asks no other host', () => assert.deepEqual(foreign, []));
});
