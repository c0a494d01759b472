// What the user is told when something is not there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { heard, missing, openPage } from '../harness/browser.js';
import { Server } from '../harness/server.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };

/** @type {Server} */
let server;

before(async () => {
  if (!skip) server = await Server.start();
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

test('a restart of the server in mid-conversation is survived', { skip, timeout: 120_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.fill('#text', 'what can you do');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await server.down('SIGKILL');
  await page.waitForFunction(() => /No connection/.test(document.querySelector('#connection-words')?.textContent ?? ''), null, PATIENCE);
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

for (const [stage, words] of /** @type {[string, RegExp][]} */ ([
  ['tts', /lost its voice/],
  ['ttot', /could not think/],
])) {
  test(`a dead ${stage} engine shows what that means, and the session goes on`, { skip, timeout: 120_000 }, async (t) => {
    const own = await Server.start(`--${stage}`, 'http://127.0.0.1:9'); // nobody listens there
    t.after(() => own.stop());
    const { page } = await openPage(t, own.url);
    await page.waitForFunction(() => /Not everything on the server works/.test(document.querySelector('#notice')?.textContent ?? ''), null, PATIENCE);
    await page.fill('#text', 'hello');
    await page.press('#text', 'Enter');
    await page.waitForSelector('.turn[data-status=failed]', PATIENCE);
    assert.match((await page.textContent('.turn .sori')) ?? '', words);
    assert.match((await page.textContent('#notice')) ?? '', words);
    if (stage === 'tts') assert.ok((await page.textContent('.turn .sori .heard'))?.length, 'the answer stands there in writing');
    assert.equal(await page.textContent('#connection-words'), 'Connected');
  });
}

test('history that can’t be read says so', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.route('**/users/**', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail":"The history can\'t be reached right now."}' }));
  await page.click('#open-history');
  await page.waitForFunction(() => /can.t be reached/.test(document.querySelector('#history-state')?.textContent ?? ''), null, PATIENCE);
});

test('what takes longer than half a second shows that it goes on', { skip, timeout: 60_000 }, async (t) => {
  const { page } = await openPage(t, server.url);
  await page.route('**/users/**', async (route) => {
    await new Promise((r) => setTimeout(r, 1500));
    await route.continue();
  });
  await page.click('#open-history');
  await page.waitForSelector('#history-bar:not([hidden])', { timeout: 1400 });
  await page.waitForSelector('#history-bar', { ...PATIENCE, state: 'hidden' });
  assert.match((await page.textContent('#history-state')) ?? '', /Nothing yet/);
});
