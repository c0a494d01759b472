// The page for those who don't see it, don't use a mouse, or prefer no motion,
// and in its other language.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, eachLook, missing, openPage } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;

before(async () => {
  if (!skip) server = await Server.brisk();
});
after(() => server?.stop());

test('axe finds nothing, light and dark, on a phone and a desktop', { skip, timeout: 180_000 }, async (t) => {
  const { page } = await openPage(t, server.url, { still: true });
  /** @param {string} state @param {string[]} [only] */
  const all = (state, only) => eachLook(page, (look) => accessible(page, `${state}, ${look}`), only);
  const both = ['phone-dark', 'desktop-light'];
  /** @param {string} text */
  const write = async (text) => {
    await page.fill('#text', text);
    await page.press('#text', 'Enter');
  };
  await all('at the start', both);
  await write('what is seven times six');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  await write('what can you do'); // a long answer
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await all('while sori speaks', both);
  await page.keyboard.press('Escape');
  await page.waitForSelector('.turn[data-status] + .turn[data-status]', PATIENCE);
  await page.locator('.timing summary').first().evaluate((s) => /** @type {HTMLDetailsElement} */ (s.parentElement).open = true);
  await page.evaluate(async () => {
    const { sori } = await import(/** @type {any} */ ('/app/page/main.js'));
    sori.emit('turn.failed', { stage: 'atot', code: 'engine_unreachable' });
  });
  await page.click('input[value=push] + span');
  await all('after two turns, with a notice, holding to talk');
  await page.click('#open-settings');
  await all('settings', both);
  await page.keyboard.press('Escape');
  await page.route('**/turns?*', (route) => route.continue({ url: route.request().url().replace('limit=40', 'limit=1') }));
  await page.click('#open-history');
  await page.waitForSelector('#history .turn', PATIENCE);
  await all('history', both);
  await page.click('#history-more');
  await page.waitForSelector('#history .turn + .turn', PATIENCE);
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /what is seven times six/, 'the focus is on what came');
});

test('enlarged four times, it can all be read and reached', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url, { viewport: { width: 320, height: 256 } });
  for (const id of ['open-history', 'talk', 'stop', 'text']) await page.locator(`#${id}`).scrollIntoViewIfNeeded(PATIENCE);
  await page.fill('#text', 'hello');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  await page.locator('.turn .replay').first().click(PATIENCE);
  for (const size of [{ width: 320, height: 256 }, { width: 320, height: 640 }, { width: 844, height: 390 }]) {
    await page.setViewportSize(size);
    const { wide, tall } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      tall: /** @type {HTMLElement} */ (document.querySelector('main')).clientHeight,
    }));
    assert.ok(wide <= size.width, `${wide} of ${size.width} pixels: nothing is scrolled sideways`);
    assert.ok(tall >= 120, `${tall} pixels of ${size.height} are left for the conversation`);
  }
});

test('a whole conversation by keyboard alone', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  const focus = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName);
  await page.keyboard.press('Tab');
  assert.equal(await focus(), 'skip');
  await page.keyboard.press('Enter');
  /** @type {string[]} */
  const order = [];
  for (let i = 0; i < 12 && (await focus()) !== 'text'; i++) {
    await page.keyboard.press('Tab');
    order.push(String(await focus()));
  }
  assert.equal(order.at(-1), 'text', `from the talk button on: ${order}`);
  await page.keyboard.type('what is seven times six');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await page.keyboard.press('Escape');
  await page.waitForSelector('.turn[data-status=cancelled]', PATIENCE);
  await page.focus('#open-settings');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#settings[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#settings:not([open])', { state: 'attached' });
  assert.equal(await focus(), 'open-settings', 'the focus comes back');
  await page.focus('#open-history');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#history .replay', PATIENCE);
  for (let i = 0; i < 6 && (await focus()) !== 'replay'; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#history .replay.on', PATIENCE);
  await page.keyboard.press('Escape');
  await page.locator('#talk').focus();
  await page.keyboard.press(' ');
  await page.waitForSelector('#talk[aria-pressed=true]', PATIENCE);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#talk[aria-pressed=false]', PATIENCE);
});

test('captions are announced politely, clause by clause', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.fill('#text', 'what can you do');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  assert.equal(await page.getAttribute('#spoken', 'aria-live'), 'polite');
  await page.waitForFunction(() => (document.querySelector('#spoken')?.children.length ?? 0) >= 2, null, PATIENCE);
  const clauses = await page.locator('#spoken p').allTextContents();
  assert.ok(clauses.every((c) => c.split(' ').length > 1), `not word by word: ${clauses}`);
});

test('the page speaks Korean to who reads Korean, and changes on demand', { skip, timeout: 60_000 }, async (t) => {
  const { page, complaints } = await openPage(t, server.url, { locale: 'ko-KR' });
  assert.equal(await page.textContent('#connection-words'), '연결됨');
  await page.fill('#text', 'hello');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  assert.equal(await page.textContent('.turn .you .who'), '나 글로 씀');
  assert.equal(await page.getAttribute('html', 'lang'), 'ko');
  await accessible(page, 'in Korean');
  await page.click('#open-settings');
  await page.selectOption('#s-ui', 'en');
  assert.equal(await page.textContent('#settings-title'), 'Settings');
  assert.equal(await page.textContent('#connection-words'), 'Connected');
  assert.equal(await page.textContent('.turn .you .who'), 'you written', 'turns that are over too');
  await page.reload();
  await page.waitForSelector('[data-state=ready]');
  assert.equal(await page.textContent('#connection-words'), 'Connected', 'it is remembered');
  assert.deepEqual(complaints, []);
});

test('settings reach the server', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.click('#open-settings');
  const voices = await page.locator('#s-voice option').evaluateAll((all) => all.map((o) => /** @type {HTMLOptionElement} */ (o).value));
  assert.equal(voices[0], '', 'the server’s own choice first');
  assert.ok(voices.length > 1, 'then those that it has');
  const voice = voices[voices.length - 1];
  await page.selectOption('#s-voice', voice);
  await page.fill('#s-instructions', 'be brief');
  await page.keyboard.press('Tab');
  await page.selectOption('#s-language', 'en');
  await page.selectOption('#s-eagerness', 'high');
  const session = () => page.evaluate(async () => (await import(/** @type {any} */ ('/app/page/main.js'))).sori.session);
  const until = Date.now() + PATIENCE.timeout;
  let ready = await session();
  for (; ready.turn_detection.eagerness !== 'high' && Date.now() < until; ready = await session()) await page.waitForTimeout(50); // the last of the changes
  assert.equal(ready.voice, voice);
  assert.equal(ready.language, 'en');
  assert.equal(ready.instructions, 'be brief');
  assert.equal(ready.turn_detection.eagerness, 'high');
});
