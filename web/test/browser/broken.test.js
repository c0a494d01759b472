// What the user is told when something is not there.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { accessible, heard, missing, openPage, picture } from '../harness/browser.js';
import { line } from '../harness/line.js';
import { Server, engine, freePort, say } from '../harness/server.js';
import { join, silence } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };
const SORRY = "I'm sorry, I can't answer that right now. Please try again in a moment.";

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

test('a refused microphone is explained, and writing works', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url, { refused: true });
  await page.click('#talk');
  await page.waitForSelector('#notice:not([hidden])', PATIENCE);
  assert.match((await page.textContent('#notice')) ?? '', /microphone.*Try again/s);
  assert.equal(await page.getAttribute('#talk', 'data-state'), 'off');
  await page.fill('#text', 'hello');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
});

test('a microphone that is slow to open, and is pulled out', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.evaluate(() => {
    const { mediaDevices, wakeLock } = navigator;
    const get = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => {
      await new Promise((r) => setTimeout(r, 1000));
      const stream = await get(wish);
      return Object.assign(globalThis, { stream }).stream;
    };
    /** @type {any} */ (wakeLock).request = async () => Object.assign(globalThis, { lock: { released: false, async release() { this.released = true; } } }).lock;
  });
  await page.click('#talk');
  await page.waitForSelector('#doing-bar:not([hidden])', PATIENCE);
  assert.equal(await page.textContent('#doing-words'), 'Waiting for the microphone …');
  await accessible(page, 'while the microphone opens');
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  const asleep = () => page.evaluate(() => /** @type {any} */ (globalThis).lock?.released);
  assert.equal(await asleep(), false, 'a phone stays awake while sori listens');
  await page.evaluate(() => /** @type {any} */ (globalThis).stream.getAudioTracks()[0].dispatchEvent(new Event('ended')));
  await page.waitForFunction(() => /unplugged/.test(document.querySelector('#notice')?.textContent ?? ''), null, PATIENCE);
  assert.equal(await page.getAttribute('#talk', 'data-state'), 'off');
  assert.equal(await asleep(), true);
  await page.click('#notice button'); // try again
  await page.waitForSelector('#talk[data-state=on]', PATIENCE);
  assert.equal(await page.isVisible('#notice'), false);
});

test('a restart of the server in mid-conversation is survived', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.fill('#text', 'what can you do');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await server.down('SIGKILL');
  await page.waitForFunction(() => /No connection/.test(document.querySelector('#connection-words')?.textContent ?? ''), null, PATIENCE);
  await accessible(page, 'without a connection');
  await page.fill('#text', 'what is two plus two');
  await page.press('#text', 'Enter');
  await page.waitForFunction(() => /stays in the box/.test(document.querySelector('#notice')?.textContent ?? ''), null, PATIENCE);
  assert.equal(await page.inputValue('#text'), 'what is two plus two', 'what was written is not lost');
  const back = page.waitForFunction(() => /asked again/.test(document.querySelector('#notice')?.textContent ?? ''), null, { timeout: 60_000 });
  await server.up();
  await back;
  await page.waitForSelector('.turn.speaking', PATIENCE);
  assert.deepEqual(await page.locator('.turn .you .words').allTextContents(), ['what can you do'], 'the same question, once');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  assert.match((await page.locator('.turn').last().textContent()) ?? '', /4|four/i);
  assert.ok((await heard(page)).samples.length > 0);
});

test('dead engines show what that means; once they are back, so is the conversation', { skip, timeout: 120_000 }, async (t) => {
  /** @type {Record<string, string>} */
  const at = {};
  for (const stage of ['atot', 'ttot', 'tts']) at[stage] = `127.0.0.1:${await freePort()}`; // nobody listens there
  const own = await Server.start(...Object.entries(at).flatMap(([stage, address]) => [`--${stage}`, `http://${address}`]));
  t.after(() => own.stop());
  /** @param {string} stage */
  const start = async (stage) => {
    const child = await engine(at[stage], stage, ...(stage === 'tts' ? ['--voice', 'flite'] : []));
    t.after(() => child.kill());
    return child;
  };
  const { page } = await openPage(t, own.url, { voice: join(silence(1.5), sum, silence(20)) });
  /** @param {number} n @param {RegExp} words */
  const fails = async (n, words) => {
    await page.waitForFunction((count) => document.querySelectorAll('.turn[data-status=failed]').length === count, n, PATIENCE);
    assert.match((await page.locator('.turn .sori').last().textContent()) ?? '', words);
    assert.match((await page.textContent('#notice')) ?? '', words);
  };
  const write = async () => {
    await page.fill('#text', 'hello');
    await page.press('#text', 'Enter');
  };
  const sorry = page.locator('.turn .sorry').last();
  await page.click('#talk');
  await fails(1, /could not hear you/);
  await page.click('#talk');
  assert.equal(await sorry.textContent(), `could not answer${SORRY}`, 'it stands there in writing, for there is no voice');
  assert.ok((await page.locator('#spoken p').allTextContents()).includes(SORRY), 'for a screen reader, too');

  const voice = await start('tts');
  await page.evaluate(watchWords);
  await write();
  await fails(2, /could not think/);
  const steps = await page.evaluate(() => /** @type {any} */ (globalThis).steps);
  assert.ok(steps.length > 6, `word after word, with the voice: ${JSON.stringify(steps)}`);
  assert.equal(steps.at(-1), SORRY);
  assert.ok((await heard(page)).samples.length > 16_000, 'the voice says it');
  assert.equal(await sorry.textContent(), `could not answer${SORRY}`);
  await accessible(page, 'after an apology');
  await picture(page, 'apology');

  const silent = once(voice, 'exit');
  voice.kill();
  await silent;
  await thinker(t, at.ttot, 'Twenty-two.');
  await write();
  await page.waitForFunction(() => document.querySelector('#doing-words')?.textContent === 'Thinking', null, PATIENCE);
  await page.waitForSelector('#doing-bar:not([hidden])', PATIENCE);
  assert.match((await page.textContent('#doing-time')) ?? '', /^1\.\d s$/);
  await fails(3, /lost its voice/);
  assert.ok((await page.locator('.turn .sori .heard').last().textContent())?.length, 'the answer stands there in writing');
  await page.waitForFunction(() => /Not everything .* works: its ears .* its voice/.test(document.querySelector('#notice')?.textContent ?? ''), null, PATIENCE);
  await Promise.all([start('atot'), start('tts')]);
  await page.waitForSelector('#notice', { ...PATIENCE, state: 'hidden' });
  await page.click('#talk');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  assert.match((await page.locator('.turn .sori .heard').last().textContent()) ?? '', /22|twenty.two/i);
  assert.equal(await page.textContent('#connection-words'), 'Connected');
});

test('history that can’t be read says so', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.click('#open-history');
  await page.waitForFunction(() => /Nothing yet/.test(document.querySelector('#history-state')?.textContent ?? ''), null, PATIENCE);
  await page.keyboard.press('Escape');
  await page.route('**/users/**', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail":"The history can\'t be reached right now."}' }));
  await page.click('#open-history');
  await page.waitForFunction(() => /can.t be reached/.test(document.querySelector('#history-state')?.textContent ?? ''), null, PATIENCE);
});

test('what takes longer than half a second shows that it goes on', { skip, timeout: 60_000 }, async (t) => {
  const slow = await line(t, server.port, 1200);
  const { page } = await openPage(t, `http://127.0.0.1:${slow.port}/`, { until: '[data-state=connecting]' });
  assert.equal(await page.textContent('#connection-words'), 'Connecting …');
  assert.equal(await page.locator('.connection .dot').evaluate((dot) => dot.getAnimations().length), 1);
  await page.waitForSelector('[data-state=ready]', PATIENCE);

  await page.fill('#text', 'hello');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  await page.route('**/recordings/**', async (route) => {
    await new Promise((r) => setTimeout(r, 1000));
    await route.continue();
  });
  await page.click('.replay');
  await page.waitForSelector('.replay[aria-busy=true]', PATIENCE);
  await page.waitForSelector('.replay.on:not([aria-busy])', PATIENCE);

  await page.route('**/users/**', async (route) => {
    await new Promise((r) => setTimeout(r, 1500));
    await route.continue();
  });
  await page.click('#open-history');
  await page.waitForSelector('#history-bar:not([hidden])', { timeout: 1400 });
  await page.waitForSelector('#history-bar', { ...PATIENCE, state: 'hidden' });
  await page.waitForSelector('#history .turn', PATIENCE);
  assert.equal(await page.textContent('#history-state'), '');

  await page.keyboard.press('Escape');
  let asked = 0;
  await page.route('**/readyz', async (route) => {
    await route.fulfill({ json: { starting: asked++ < 3, parts: [{ name: 'atot', ok: asked > 3 }] } });
  });
  await page.reload();
  await page.waitForFunction(() => /engines are starting/.test(document.querySelector('#doing')?.textContent ?? ''), null, PATIENCE);
  await page.waitForSelector('#doing-bar:not([hidden])', PATIENCE);
  await page.waitForSelector('#doing-bar', { ...PATIENCE, state: 'hidden' });
  assert.equal(await page.textContent('#doing-words'), '');
});

/** A TTOT engine that takes its time. @param {import('node:test').TestContext} t @param {string} address @param {string} answer */
async function thinker(t, address, answer) {
  const [host, port] = address.split(':');
  const slow = createServer((_, response) => setTimeout(() => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ user_id: '', ttot_text: answer }));
  }, 1500));
  await once(slow.listen(Number(port), host), 'listening');
  t.after(() => (slow.closeAllConnections(), slow.close()));
}

/** Runs in the page: keeps each state of the words of an apology that were heard. */
function watchWords() {
  /** @type {string[]} */
  const steps = [];
  Object.assign(globalThis, { steps });
  new MutationObserver(() => {
    const text = [...document.querySelectorAll('.sorry:not([hidden]) .said')].at(-1)?.textContent ?? '';
    if (document.querySelectorAll('.sorry:not([hidden])').length > 1 && text && text !== steps.at(-1)) steps.push(text);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}
