// A conversation by voice, in a real browser, with real engines: speech goes in
// as the microphone, what is asserted is what a person would see and hear.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { accessible, heard, missing, openPage } from '../harness/browser.js';
import { ADDRESS, blocks } from '../harness/docs.js';
import { Server, say } from '../harness/server.js';
import { join, nobody, recording, silence, wordErrors } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;
/** @type {Int16Array} */
let sum;
/** @type {Int16Array} */
let long;
const elsewhere = createServer(); // of somebody's own page
let origin = '';

const SUM = 'What is seventeen plus five?';
const LONG = 'Please remember that the key to the garden house is under the blue flower pot.';

before(async () => {
  if (skip) return;
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (elsewhere.address()).port}`;
  server = await Server.start('--origins', origin);
  [sum, long] = await say(SUM, LONG);
});
after(async () => {
  elsewhere.close();
  await server?.stop();
});

test('hands-free: speech is seen, the answer is seen and heard', { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), long, silence(20)) });
  await page.evaluate(() => {
    /** @type {string[]} */
    const tentative = [];
    Object.assign(globalThis, { tentative });
    new MutationObserver(() => {
      const { textContent: words } = document.querySelector('.you .tentative') ?? {};
      if (words && words !== tentative.at(-1)) tentative.push(words);
    }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await page.click('#talk');
  await page.waitForFunction(drawn, 'above', PATIENCE);
  assert.match(await page.title(), /listens/);
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await page.waitForFunction(drawn, 'below', PATIENCE);
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  const said = await page.textContent('.turn .you .words');
  assert.ok(wordErrors(LONG, said ?? '') <= 0.2, `the page shows ${said}`);
  /** @type {string[]} */
  const tentative = await page.evaluate(() => /** @type {any} */ (globalThis).tentative);
  assert.equal(tentative[0], 'Listening …');
  // Two transcripts have to agree before words are shown: one that is too busy to make
  // them meanwhile shows none here. Who holds to talk waits for them, below.
  const { turns: [{ timings }] } = await (await fetch(`${server.url}users/${await userOf(page)}/turns`)).json();
  const quick = timings.atot_done_ms < 1000;
  assert.ok(!quick || tentative.some((words) => /remember/i.test(words)), `words are seen while more are said: ${tentative}`);
  const answer = (await page.textContent('.turn .sori .heard')) ?? '';
  assert.match(answer, /remember/);

  const { samples } = await heard(page);
  assert.ok(samples.length > 16_000 / 2, 'the reply sounded');
  const again = await server.transcribe(samples);
  assert.ok(wordErrors(answer, again) <= 0.34, `what sounded was "${again}", the page says "${answer}"`);
  assert.deepEqual(complaints, []);
});

test('a person’s own voice, through the second microphone', { skip: skip || nobody(), timeout: 120_000 }, async (t) => {
  const { samples, text } = await recording('goforward');
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), samples, silence(20)) });
  const microphone = () => page.evaluate(async () => (await import(/** @type {any} */ ('/app/page/main.js'))).sori.microphone);
  await page.click('#talk');
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  const first = await microphone();
  await page.click('#talk');
  await page.click('#open-settings');
  await page.waitForFunction(() => document.querySelectorAll('#s-microphone option').length > 2);
  const all = await page.locator('#s-microphone option').evaluateAll((options) => options.map((o) => ({ id: /** @type {HTMLOptionElement} */ (o).value, name: o.textContent })));
  const second = all.findLast(({ id }) => id && id !== first);
  assert.ok(second?.name, `a second one, by name: ${JSON.stringify(all)}`);
  await page.selectOption('#s-microphone', second.id);
  await page.keyboard.press('Escape');
  await page.click('#talk');
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  assert.equal(await microphone(), second.id);
  await page.waitForSelector('.turn[data-status]', PATIENCE);
  const said = (await page.locator('.turn .you .words').first().textContent()) ?? '';
  assert.ok(wordErrors(text, said) <= 0.25, `"${text}" was said, the page shows "${said}"`);
  assert.deepEqual(complaints, []);
});

test('hold to talk, by the space bar and by touch: words are seen before it is let go', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url, {
    voice: join(silence(1.5), sum, silence(20)),
    preferences: { mode: 'push' },
    touch: true,
  });
  await page.locator('body').press('Tab'); // the focus is on a link, not on the button
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await page.keyboard.down(' ');
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  // However long that takes: the words are seen, and those at the end stay tentative while it is held.
  await page.waitForFunction(() => /plus (five|5)/i.test(document.querySelector('.you .tentative')?.textContent ?? ''), null, PATIENCE);
  await accessible(page, 'while the user speaks');
  await page.keyboard.up(' ');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  assert.match((await page.textContent('.turn .sori .heard')) ?? '', /22|twenty.two/i);
  // A touch that holds and says nothing makes no turn that stays.
  const box = await page.locator('#talk').boundingBox();
  assert.ok(box);
  const cdp = await page.context().newCDPSession(page);
  const finger = { x: box.x + 20, y: box.y + 20 };
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [finger] });
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await page.waitForSelector('#talk[data-state=off]', PATIENCE);
});

test('the page of docs/clients.md, from another origin', { skip, timeout: 60_000 }, async (t) => {
  const [html] = blocks('A browser page', 'html');
  assert.ok(html.trim().split('\n').length <= 22, 'about 20 lines');
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), sum, silence(20)) });
  elsewhere.on('request', (_, answer) => answer.setHeader('Content-Type', 'text/html').end(html.replace(ADDRESS, `127.0.0.1:${server.port}`)));
  await page.goto(origin);
  await page.waitForFunction(() => document.querySelector('button')?.onclick, null, PATIENCE);
  await page.click('#talk');
  await page.waitForFunction(() => /22|twenty.two/i.test(document.querySelector('#sori')?.textContent ?? ''), null, PATIENCE);
  assert.ok(wordErrors(SUM, (await page.textContent('#you')) ?? '') <= 0.2);
  assert.ok((await heard(page)).samples.length > 0);
  assert.deepEqual(complaints, []);
});

/** @param {import('playwright-core').Page} page @returns {Promise<string>} */
const userOf = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('sori') ?? '{}').user);

/** Runs in the page: whether the strip shows sound, of the user above its line, of sori below. @param {string} side */
function drawn(side) {
  const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('#strip'));
  const { width, height } = canvas;
  const from = side === 'above' ? 0 : height / 2 + 3;
  const pixels = canvas.getContext('2d')?.getImageData(0, Math.round(from), width, Math.floor(height / 2) - 3).data;
  return pixels?.some((value, i) => i % 4 === 3 && value > 100);
}
