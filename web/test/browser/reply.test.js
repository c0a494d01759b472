// What is seen and heard of a reply: its captions, its end, and its recordings.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { heard, missing, openPage } from '../harness/browser.js';
import { Server, say } from '../harness/server.js';
import { join, silence } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;
/** @type {Int16Array} */
let sum;

before(async () => {
  if (skip) return;
  server = await Server.brisk();
  [sum] = await say('What is seventeen plus five?');
});
after(() => server?.stop());

test('captions and the waterfall keep pace with the voice, and end when it does', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.evaluate(() => {
    Object.assign(globalThis, { changes: [], pictures: [] });
    new MutationObserver(() => {
      const { textContent } = document.querySelector('.turn .sori .heard') ?? {};
      const { changes } = /** @type {any} */ (globalThis);
      if (textContent && textContent !== changes.at(-1)?.text) changes.push({ at: performance.now(), text: textContent });
      const { textContent: picture } = document.querySelector('.turn .timing[data-live] .waterfall title') ?? {};
      const { pictures } = /** @type {any} */ (globalThis);
      if (picture && picture !== pictures.at(-1)) pictures.push(picture);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await page.fill('#text', 'Who are you?');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', { timeout: 60_000 });
  const { firstAt, lastAt } = await heard(page);
  /** @type {{ at: number, text: string }[]} */
  const changes = await page.evaluate(() => /** @type {any} */ (globalThis).changes);
  assert.ok(changes.length > 8, `${changes.length} steps: word after word, not all at once`);
  for (const [i, { text }] of changes.entries()) {
    if (i) assert.ok(text.startsWith(changes[i - 1].text), `words that were shown stay: "${changes[i - 1].text}" → "${text}"`);
  }
  const complete = changes[changes.length - 1].text;
  const last = changes.find((c) => c.text.replace(/\W/g, '') === complete.replace(/\W/g, ''));
  /** @type {string[]} */
  const pictures = await page.evaluate(() => /** @type {any} */ (globalThis).pictures);
  const sounded = pictures.flatMap((p) => /sound from .* to ([\d.]+) s/.exec(p)?.[1] ?? []).map(Number);
  assert.ok(sounded.length > 4 && sounded.every((s, i) => !i || s > sounded[i - 1]), `its bar grows: ${sounded}`);
  assert.equal(await page.locator('.timing[data-live]').count(), 0, 'and stands when the turn is over');
  assert.ok(Math.abs(changes[0].at - firstAt) < 500, `the first word comes ${changes[0].at - firstAt} ms after the first sound`);
  assert.ok(last && Math.abs(last.at - lastAt) < 900, `the last word comes ${(last?.at ?? 0) - lastAt} ms after the last sound`);
});

for (const [how, stop] of /** @type {[string, (page: import('playwright-core').Page) => Promise<void>][]} */ ([
  ['Escape', (page) => page.keyboard.press('Escape')],
  ['the button', (page) => page.click('#stop')],
])) {
  test(`${how} stops the reply at once`, { skip, timeout: 60_000 }, async (t) => {
    const { page } = await openPage(t, server.url);
    await page.fill('#text', 'what can you do');
    await page.press('#text', 'Enter');
    await page.waitForSelector('.turn.speaking', PATIENCE);
    await page.waitForTimeout(700);
    const at = await page.evaluate(() => performance.now());
    await stop(page);
    await page.waitForSelector('.turn[data-status=cancelled]', PATIENCE);
    await page.waitForTimeout(600);
    const { lastAt } = await heard(page);
    // The way to the button counts as well.
    assert.ok(lastAt - at < 600, `sound went on for ${Math.round(lastAt - at)} ms`);
    assert.equal(await page.isDisabled('#stop'), true);
  });
}

test('both recordings of a turn replay to their end, now and from history', { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), sum, silence(20)) });
  await page.context().addInitScript(hurry);
  await page.evaluate(hurry);
  await page.click('#talk');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  await page.click('#talk'); // no more listening
  await replayAll(page, '#conversation');
  await page.reload();
  await page.waitForSelector('[data-state=ready]');
  await page.click('#open-history');
  await page.waitForSelector('#history .session[open] .turn', PATIENCE);
  assert.match((await page.textContent('#history .session-title')) ?? '', /seventeen/i);
  await page.waitForSelector('#history .waterfall', { state: 'attached' });
  await replayAll(page, '#history');
  assert.deepEqual(complaints, []);
});

/** Runs in the page: recordings play four times as fast. */
function hurry() {
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    this.playbackRate = 4;
    return play.call(this);
  };
}

/** Presses each replay button of a place and waits until its sound has ended. @param {import('playwright-core').Page} page @param {string} place */
async function replayAll(page, place) {
  const buttons = page.locator(`${place} .replay`);
  assert.equal(await buttons.count(), 2);
  for (const button of await buttons.all()) {
    await button.click();
    await page.waitForSelector(`${place} .replay.on`, PATIENCE);
    await page.waitForSelector(`${place} .replay.on`, { ...PATIENCE, state: 'detached' });
    assert.match((await button.getAttribute('aria-label')) ?? '', /^Play/, 'it was played to its end');
  }
}
