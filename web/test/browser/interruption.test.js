// Who speaks while sori does: words take the floor, a cough or a nod does not.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { heard, missing, openPage } from '../harness/browser.js';
import { Server, say } from '../harness/server.js';
import { cough, join, silence, wordErrors } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;
/** @type {Int16Array} */
let interruption;
/** @type {Int16Array} */
let nod;

before(async () => {
  if (skip) return;
  server = await Server.brisk();
  [interruption, nod] = await say('What is twenty minus three?', 'Okay.');
});
after(() => server?.stop());

test('talking over the reply stops it, and is answered', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await speaking(t, join(silence(0.5), interruption, silence(20)));
  await page.waitForSelector('.turn[data-status=cancelled]', PATIENCE);
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  const [first, second] = await page.locator('.turn').all();
  assert.match((await first.textContent()) ?? '', /stopped here|you interrupted/);
  assert.match((await second.locator('.sori .heard').textContent()) ?? '', /17|seventeen/i);
  const { turns } = await (await fetch(`${server.url}users/${await userOf(page)}/turns`)).json();
  const cut = turns.find((/** @type {any} */ r) => r.status === 'cancelled');
  assert.ok(cut.heard_ms > 0 && cut.heard_ms < cut.output_ms, `${cut.heard_ms} of ${cut.output_ms} ms were heard`);
});

test('a cough and a nod over the reply: it pauses at most, and goes on to its end', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await speaking(t, join(silence(0.5), cough(), silence(0.7), nod, silence(20)));
  await page.waitForSelector('.turn[data-status=done]', { timeout: 90_000 });
  assert.equal(await page.locator('.turn').count(), 1, 'no turn came of it');
  const pauses = await page.evaluate(() => /** @type {any} */ (globalThis).pauses);
  assert.ok(pauses.length >= 2, 'the nod was heard');
  for (const [i, [type, doing]] of pauses.entries()) {
    assert.deepEqual([type, doing], i % 2 ? ['reply.resumed', 'sori is speaking'] : ['reply.paused', 'sori lets you speak']);
  }
  const answer = (await page.textContent('.turn .sori .heard')) ?? '';
  const { samples } = await heard(page);
  const again = await server.transcribe(samples);
  assert.ok(wordErrors(answer, again) <= 0.5, `what sounded was "${again}", the page says "${answer}"`);
  assert.match(again.split(' ').slice(-5).join(' '), /model|module|settings/i, 'its last words sounded');
});

/**
 * A page on which sori has begun a long reply, and then the microphone is opened:
 * however busy the machine is, what is said falls into the reply.
 * @param {import('node:test').TestContext} t
 * @param {Int16Array} voice
 */
async function speaking(t, voice) {
  const opened = await openPage(t, server.url, { voice });
  const { page } = opened;
  await page.evaluate(async () => {
    const { sori } = await import(/** @type {any} */ ('/app/page/main.js'));
    /** @type {any} */ (globalThis).pauses = [];
    for (const type of ['reply.paused', 'reply.resumed']) {
      sori.on(type, () => /** @type {any} */ (globalThis).pauses.push([type, document.querySelector('#doing-words')?.textContent]));
    }
  });
  await page.fill('#text', 'What can you do?');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await page.click('#talk');
  return opened;
}

/** @param {import('playwright-core').Page} page @returns {Promise<string>} */
const userOf = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('sori') ?? '{}').user);
