// Chromium with a voice in its microphone and an ear at its loudspeaker.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { after } from 'node:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { silence, writeWAV } from './wav.js';

const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there can be no browser here, or false. @returns {string | false} */
export function missing() {
  if (existsSync(BINARY)) return false;
  if (process.env.CI === 'true') throw new Error(`${BINARY} is not there: apt-get install chromium`);
  return `${BINARY} is not there: apt-get install chromium`;
}

/**
 * @typedef {object} Wish
 * @property {Int16Array} [voice] what the microphone hears, 16 kHz, once it is opened
 * @property {boolean} [refused] the microphone is refused
 * @property {{ width: number, height: number }} [viewport]
 * @property {'light' | 'dark'} [scheme]
 * @property {string} [locale]
 * @property {boolean} [still] reduced motion
 * @property {boolean} [touch]
 * @property {Record<string, string>} [preferences] what the device remembers
 * @property {string} [until] what is there when the page is up; otherwise a session is
 */

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream',
];

/** @type {Map<boolean, import('playwright-core').Browser>} One for all tests of a file, one more where the microphone is refused. */
const browsers = new Map();
let folder = '';

/** @param {boolean} refused */
async function browser(refused) {
  folder ||= await mkdtemp(join(tmpdir(), 'sori-browser-'));
  let one = browsers.get(refused);
  if (!one) {
    one = await chromium.launch({
      executablePath: BINARY,
      args: [
        ...FLAGS,
        refused ? '--deny-permission-prompts' : '--use-fake-ui-for-media-stream',
        `--use-file-for-fake-audio-capture=${join(folder, 'voice.wav')}%noloop`, // read anew for each microphone that is opened
      ],
    });
    browsers.set(refused, one);
  }
  return one;
}

after(async () => {
  for (const one of browsers.values()) await one.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** @param {import('node:test').TestContext} t @param {string} url @param {Wish} [wish] */
export async function openPage(t, url, wish = {}) {
  const context = await (await browser(wish.refused ?? false)).newContext({
    viewport: wish.viewport ?? { width: 1200, height: 760 },
    colorScheme: wish.scheme ?? 'light',
    locale: wish.locale ?? 'en-US',
    reducedMotion: wish.still ? 'reduce' : 'no-preference',
    hasTouch: wish.touch ?? false,
  });
  t.after(() => context.close());
  await writeWAV(join(folder, 'voice.wav'), wish.voice ?? silence(1));
  /** @type {string[]} */
  const complaints = [];
  const page = await context.newPage();
  page.on('console', (m) => {
    const own = /ScriptProcessorNode|getImageData/.test(m.text()); // how tests hear and see
    if (!own && ['error', 'warning'].includes(m.type())) complaints.push(m.text());
  });
  page.on('pageerror', (e) => complaints.push(String(e.stack)));
  await page.addInitScript(listenToGraph);
  if (wish.preferences) {
    await page.addInitScript((saved) => {
      if (!localStorage.getItem('sori')) localStorage.setItem('sori', JSON.stringify(saved));
    }, wish.preferences);
  }
  await page.goto(url);
  await page.waitForSelector(wish.until ?? '[data-state=ready]');
  return { page, complaints };
}

/** Each look of the page: phone and desktop, light and dark. */
export const LOOKS = [
  { name: 'desktop-dark', scheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: 'phone-dark', scheme: 'dark', viewport: { width: 390, height: 844 } },
  { name: 'phone-light', scheme: 'light', viewport: { width: 390, height: 844 } },
  { name: 'desktop-light', scheme: 'light', viewport: { width: 1440, height: 900 } },
];

/**
 * Shows a state of the page in each look.
 * @param {import('playwright-core').Page} page
 * @param {(name: string) => Promise<unknown>} act
 * @param {string[]} [only] which looks
 */
export async function eachLook(page, act, only) {
  for (const { name, scheme, viewport } of LOOKS.filter((look) => only?.includes(look.name) ?? true)) {
    await page.emulateMedia({ colorScheme: /** @type {'light' | 'dark'} */ (scheme) });
    await page.setViewportSize(viewport);
    await act(name);
  }
}

/**
 * Takes a picture for people to look at, in test/artifacts.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
export async function picture(page, name) {
  await page.screenshot({ path: fileURLToPath(new URL(`../artifacts/${name}.png`, import.meta.url)), animations: 'disabled' });
}

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/**
 * Nothing stands in the way of anybody, by WCAG 2.2 AA, and nothing moves for who prefers that.
 * @param {import('playwright-core').Page} page
 * @param {string} state that the page is in
 */
export async function accessible(page, state) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { runOnly: tags });
    return violations.map((/** @type {any} */ v) => `${v.id}: ${v.help}: ${v.nodes.map((/** @type {any} */ n) => `${n.html.slice(0, 120)} ${n.failureSummary}`).join(' | ')}`);
  });
  assert.deepEqual(violations, [], state);
  const moving = await page.evaluate(() => (matchMedia('(prefers-reduced-motion: reduce)').matches ? document.getAnimations().length : 0));
  assert.equal(moving, 0, `${state}: something moves`);
}

/**
 * Runs in the page before anything else: whatever is connected to a context's
 * loudspeaker is recorded too, with the times at which each piece sounded.
 */
function listenToGraph() {
  /** @type {{ firstAt: number, lastAt: number, samples: Float32Array }[]} */
  const pieces = [];
  Object.assign(globalThis, { graph: { pieces, rate: 0 } });
  /** @type {any} */
  const nodes = AudioNode.prototype;
  const { connect } = nodes;
  nodes.connect = function (/** @type {any} */ to, /** @type {any[]} */ ...rest) {
    if (to instanceof AudioDestinationNode) {
      /** @type {any} */ (globalThis).graph.rate = this.context.sampleRate;
      // A large buffer: a busy page is late to take it, and loses what it misses.
      const ear = this.context.createScriptProcessor(16384, 1, 1);
      const ms = 1000 / this.context.sampleRate;
      ear.onaudioprocess = (/** @type {AudioProcessingEvent} */ { inputBuffer }) => {
        const samples = inputBuffer.getChannelData(0).slice();
        const loud = (/** @type {number} */ x) => Math.abs(x) > 1e-4;
        if (!samples.some(loud)) return;
        const end = performance.now(); // of its last sample
        const at = (/** @type {number} */ i) => end - (samples.length - 1 - i) * ms;
        pieces.push({ firstAt: at(samples.findIndex(loud)), lastAt: at(samples.findLastIndex(loud)), samples });
      };
      connect.call(this, ear);
      connect.call(ear, to); // an ear that leads nowhere would not be run; it is silent
    }
    return connect.call(this, to, ...rest);
  };
}

/**
 * What went through the graph so far, at 16 kHz.
 * @param {import('playwright-core').Page} page
 */
export async function heard(page) {
  const { rate, pcm, ...when } = await page.evaluate(() => {
    const { rate, pieces } = /** @type {any} */ (globalThis).graph;
    // As text of 16 bits a sample: numbers one by one take seconds on their way.
    const all = pieces.flatMap((/** @type {any} */ { samples }) => {
      const bytes = new Uint8Array(Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767).buffer);
      return Array.from({ length: bytes.length / 8192 }, (_, i) => String.fromCharCode(...bytes.subarray(i * 8192, (i + 1) * 8192)));
    });
    return { rate, pcm: btoa(all.join('')), firstAt: pieces[0]?.firstAt ?? 0, lastAt: pieces.at(-1)?.lastAt ?? 0 };
  });
  const { Resampler } = await import('../../static/sori/resampler.js');
  const sound = new Int16Array(new Uint8Array(Buffer.from(pcm, 'base64')).buffer);
  const samples = rate ? new Resampler(rate, 16_000).push(Float32Array.from(sound)) : [];
  return { samples: Int16Array.from(samples, (x) => Math.max(-32767, Math.min(32767, Math.round(x)))), ...when };
}
