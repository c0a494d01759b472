// A server that lets nobody in without a key.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, eachLook, missing, openPage, picture } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {{ server: Server, key: string }} */
let locked;

before(async () => {
  if (!skip) locked = await Server.locked('ann');
});
after(() => locked?.server.stop());

test('who has no key is asked for one, by keyboard alone; a wrong one is told to be wrong', { skip, timeout: 120_000 }, async (t) => {
  const { server, key } = locked;
  const { page } = await openPage(t, server.url, { until: '#sign-in[open]', still: true });
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'key');
  assert.equal(await page.textContent('#key-state'), '', 'nothing is wrong yet');
  await accessible(page, 'asked for a key');

  await page.keyboard.type('sori_wrong');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /does not accept/.test(document.querySelector('#key-state')?.textContent ?? ''), null, PATIENCE);
  assert.equal(await page.getAttribute('#key', 'aria-invalid'), 'true');
  await accessible(page, 'after a wrong key');
  await eachLook(page, (look) => picture(page, `${look}-key`));

  await page.route('**/whoami', async (route) => {
    await new Promise((r) => setTimeout(r, 1200));
    await route.continue();
  });
  await page.keyboard.type(key); // in place of the wrong one, which is selected
  await page.keyboard.press('Enter');
  await page.waitForSelector('#key-bar:not([hidden])', { timeout: 1100 });
  await page.waitForSelector('[data-state=ready]', PATIENCE);
  assert.equal(await page.isVisible('#sign-in'), false);
  await page.unroute('**/whoami');

  await page.fill('#text', 'hello');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done] .replay', PATIENCE);
  await page.reload();
  await page.waitForSelector('[data-state=ready]', PATIENCE);
  await page.click('#open-history');
  await page.click('#history .replay', PATIENCE);
  await page.waitForSelector('#history .replay.on', PATIENCE); // a recording that only the key gets
  await page.keyboard.press('Escape');

  await page.click('#open-settings');
  assert.equal(await page.inputValue('#s-user'), 'ann');
  assert.equal(await page.getAttribute('#s-user', 'readonly'), '');
  await page.click('#sign-out');
  await page.waitForSelector('#sign-in[open]', PATIENCE);
});
