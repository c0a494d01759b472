// Pictures of the main states, for people to look at: phone and desktop, light
// and dark, in test/artifacts. The one in the readme is made here too, where
// README_PICTURE=1 asks for it.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { eachLook, missing, openPage, picture } from '../harness/browser.js';
import { Server, say } from '../harness/server.js';
import { join, silence } from '../harness/wav.js';

const skip = missing();
const PATIENCE = { timeout: 30_000 };
const readme = fileURLToPath(new URL('../../../docs/images/page.png', import.meta.url));

/** @type {Server} */
let server;
/** @type {Int16Array} */
let voice;

before(async () => {
  if (skip) return;
  server = await Server.start();
  const [sum] = await say('What is seventeen plus five?');
  voice = join(silence(1.5), sum, silence(60));
});
after(() => server?.stop());

test('the main states', { skip, timeout: 180_000 }, async (t) => {
  const { page } = await openPage(t, server.url, { voice, viewport: { width: 1440, height: 900 } });
  let n = 0;
  const shoot = (/** @type {string} */ state) => {
    n++;
    return eachLook(page, (look) => picture(page, `${look}-${n}-${state}`));
  };
  await shoot('start');
  await page.click('#talk');
  await page.waitForSelector('.turn[data-status=done]', PATIENCE);
  await page.fill('#text', 'What can you do?');
  await page.press('#text', 'Enter');
  await page.waitForSelector('.turn.speaking', PATIENCE);
  await page.waitForTimeout(2500);
  if (process.env.README_PICTURE) await page.screenshot({ path: readme });
  await shoot('speaking');
  await page.emulateMedia({ forcedColors: 'active' });
  await picture(page, 'contrast');
  await page.emulateMedia({ forcedColors: 'none' });
  await page.setViewportSize({ width: 844, height: 390 });
  await picture(page, 'phone-on-its-side');
  await page.keyboard.press('Escape');
  await page.waitForSelector('.turn[data-status] + .turn[data-status]', PATIENCE);
  await page.click('#talk');
  await page.locator('.timing').last().evaluate((d) => /** @type {HTMLDetailsElement} */ (d).open = true);
  await shoot('stopped');
  await page.click('input[value=push] + span');
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await page.keyboard.down(' ');
  await page.waitForFunction(() => /plus/i.test(document.querySelector('.you .tentative')?.textContent ?? ''), null, PATIENCE);
  await shoot('partial'); // it stays so while it is held
  await page.keyboard.up(' ');
  await page.waitForSelector('.turn[data-status] ~ .turn[data-status] ~ .turn[data-status]', PATIENCE);
  await page.click('#open-history');
  await page.waitForSelector('#history .turn', PATIENCE);
  await page.waitForTimeout(300);
  await shoot('history');
  await page.keyboard.press('Escape');
  await page.click('#open-settings');
  await page.waitForTimeout(300);
  await shoot('settings');
  await page.selectOption('#s-ui', 'ko');
  await page.keyboard.press('Escape');
  await shoot('korean');
  await page.reload();
  await page.waitForSelector('[data-state=ready]');
  await page.evaluate(async () => {
    const { sori } = await import(/** @type {any} */ ('/app/page/main.js'));
    sori.emit('turn.failed', { stage: 'atot', code: 'engine_unreachable' });
  });
  await shoot('korean-trouble');
});

test('the picture in the readme is not heavy', { skip }, async (t) => {
  const picture = await stat(readme).catch(() => null);
  if (!picture) return t.skip('it was not made yet: README_PICTURE=1');
  assert.ok(picture.size <= 300 << 10, `${picture.size} bytes`);
});
