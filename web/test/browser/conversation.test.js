// A conversation by voice, in a real browser, with real engines: speech goes in
// as the microphone, what is asserted is what a person would see and hear.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { heard, missing, openPage } from '../harness/browser.js';
import { ADDRESS, blocks } from '../harness/docs.js';
import { Server, say } from '../harness/server.js';
import { cough, join, nobody, recording, silence, wordErrors } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;
/** @type {Int16Array[]} */
let voices;
const elsewhere = createServer(); // of somebody's own page
let origin = '';

const SUM = 'What is seventeen plus five?';
const ABILITIES = 'Please tell me, what can you do?';
const INTERRUPTION = 'What is twenty minus three?';
const NOD = 'Okay.';
const LONG_SUM = 'Please tell me, what is seventeen plus five?';

before(async () => {
  if (skip) return;
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (elsewhere.address()).port}`;
  server = await Server.start('--origins', origin);
  voices = await say(SUM, ABILITIES, INTERRUPTION, NOD, LONG_SUM);
});
after(async () => {
  elsewhere.close();
  await server?.stop();
});

test('hands-free: speech is seen, the answer is seen and heard', { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), voices[4], silence(20)) });
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
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  const said = await page.textContent('.turn .you .words');
  assert.ok(wordErrors(LONG_SUM, said ?? '') <= 0.2, `the page shows ${said}`);
  /** @type {string[]} */
  const tentative = await page.evaluate(() => /** @type {any} */ (globalThis).tentative);
  assert.equal(tentative[0], 'Listening …');
  // Transcribing takes time of its own: on a busy machine the first words are seen early, and the next only with the last.
  assert.ok(tentative.some((words) => /please/i.test(words)), `words are seen while more are said: ${tentative}`);
  const answer = (await page.textContent('.turn .sori .heard')) ?? '';
  assert.match(answer, /22|twenty.two/i);

  const { samples } = await heard(page);
  assert.ok(samples.length > 16_000 / 2, 'the reply sounded');
  const again = await server.transcribe(samples);
  assert.ok(wordErrors(spellOut(answer), spellOut(again)) <= 0.34, `what sounded was "${again}", the page says "${answer}"`);
  assert.deepEqual(complaints, []);
});

test('talking over the reply stops it, and is answered', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url, {
    voice: join(silence(1.5), voices[1], silence(5), voices[2], silence(20)),
  });
  await page.click('#talk');
  await page.waitForSelector('.turn.speaking', PATIENCE);
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
  const { page } = await openPage(t, server.url, {
    voice: join(silence(1.5), voices[1], silence(3), cough(), silence(0.7), voices[3], silence(20)),
  });
  await page.evaluate(async () => {
    const { sori } = await import(/** @type {any} */ ('/app/page/main.js'));
    /** @type {any} */ (globalThis).pauses = [];
    for (const type of ['reply.paused', 'reply.resumed']) {
      sori.on(type, () => /** @type {any} */ (globalThis).pauses.push([type, document.querySelector('#doing-words')?.textContent]));
    }
  });
  await page.click('#talk');
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

test('hold to talk: the space bar, and touch', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url, {
    voice: join(silence(1.5), voices[0], silence(20)),
    preferences: { mode: 'push' },
    touch: true,
  });
  await page.locator('body').press('Tab'); // the focus is on a link, not on the button
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await page.keyboard.down(' ');
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  await page.waitForTimeout(1500 + (voices[0].length / 16_000) * 1000 + 500);
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
  const { page, complaints } = await openPage(t, server.url, { voice: join(silence(1.5), voices[0], silence(20)) });
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

/** Numbers as they are spoken. @param {string} text */
function spellOut(text) {
  /** @type {Record<string, string>} */
  const numbers = { 17: 'seventeen', 5: 'five', 22: 'twenty two' };
  return text.replace(/-/g, ' ').replace(/\d+/g, (n) => numbers[n] ?? n);
}
