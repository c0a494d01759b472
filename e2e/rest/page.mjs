// What the page says about shapes, and how the tests call the server.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

export const url = process.env.SORI_URL;
export const atotURL = process.env.SORI_ATOT_URL;
export const silentURL = process.env.SORI_SILENT_URL;

/** without gives the reason for which tests that need a variable are skipped, or false; in CI it fails. */
export function without(name) {
  if (process.env[name]) return false;
  assert.notEqual(process.env.CI, "true", `${name} is not set: e2e/rest/README.md says what it is`);
  return `${name} is not set`;
}

export const speech = await readFile(process.env.SORI_WAV ?? new URL("../../audio/testdata/speech.wav", import.meta.url));

/** call gives the status, the headers and the JSON of an answer. */
export async function call(path, options = {}, at = url) {
  const answer = await fetch(at + path, { signal: AbortSignal.timeout(60_000), ...options });
  const text = await answer.text();
  let json;
  try { json = JSON.parse(text); } catch { assert.fail(`${path} answered ${answer.status} with no JSON: ${text.slice(0, 200)}`); }
  return { status: answer.status, headers: answer.headers, json };
}

export const post = (path, options, at) => call(path, { method: "POST", ...options }, at);
export const ko = { "Accept-Language": "ko" };

/** speak leaves speech at the ATOT service, as the page's clients do first. */
export async function speak(user) {
  const answer = await fetch(`${atotURL}/run-model?user_id=${user}`, { method: "POST", headers: { "Content-Type": "audio/wav" }, body: speech, signal: AbortSignal.timeout(60_000) });
  assert.equal(answer.status, 200, await answer.text());
}

const checks = {
  string: (v) => typeof v === "string" && v !== "",
  text: (v) => typeof v === "string",
  number: (v) => Number.isInteger(v),
  true: (v) => v === true,
  false: (v) => v === false,
  null: (v) => v === null,
  paths: (v) => Array.isArray(v) && v.every((p) => p === null || typeof p === "string"),
  texts: (v) => Array.isArray(v) && v.every((t) => typeof t === "string"),
  none: (v) => Array.isArray(v) && v.length === 0,
};

/** shaped holds a value to a shape: exactly its keys, each of its kind. */
export function shaped(value, shape, at = "answer") {
  assert.equal(typeof value, "object", at);
  assert.deepEqual(Object.keys(value).sort(), Object.keys(shape).sort(), `the keys of ${at}`);
  for (const [key, kind] of Object.entries(shape)) {
    if (typeof kind === "object") shaped(value[key], kind, `${at}.${key}`);
    else assert.ok(checks[kind](value[key]), `${at}.${key} is ${JSON.stringify(value[key])}, not ${kind}`);
  }
}

export const userShape = { id: "number", input_wav_list: "paths", atot_text_list: "texts", ttot_text_list: "texts", output_wav_list: "paths" };

/** An id that no other test uses. */
export const newUser = () => 1_000_000 + Math.floor(Math.random() * 1e12);
