// The page's two ways: step by step, and the whole run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, ko, newUser, post, shaped, silentURL, speak, url, without } from "./page.mjs";

const skip = without("SORI_URL") || without("SORI_ATOT_URL");
const heard = { user_id: "number", input_wav: "string", atot_text: "string" };
const processed = {
  user_id: "number", input_wav: "string", atot_text: "string", ttot_text: "string", output_wav: "string",
  output_wav_list: "paths", tts_success: "true", message: "string",
};
const run = {
  step1_atot: { success: "true", ...heard },
  step2_ttot: { success: "true", user_id: "number", ttot_text: "string" },
  step3_tts: { success: "true", output_wav: "string", tts_error: "null" },
  success: "true", user_id: "number",
  final_data: { input_wav: "string", atot_text: "string", ttot_text: "string", output_wav: "string" },
  errors: "none",
};

test("step by step, as the default user", { skip }, async () => {
  await call("/"); // the page: it creates the user
  await speak(10);
  const atot = await call("/atot");
  assert.equal(atot.status, 200, JSON.stringify(atot.json));
  shaped(atot.json, heard);
  assert.equal(atot.json.user_id, 10);
  const ttot = await call("/ttot");
  shaped(ttot.json, { user_id: "number", ttot_text: "string" });
  const before = (await call("/users/10")).json.output_wav_list.length;
  const done = await post("/process-audio", { headers: ko });
  assert.equal(done.status, 200, JSON.stringify(done.json));
  shaped(done.json, processed);
  assert.equal(done.json.message, `✅ 성공! TTS 오디오를 '${done.json.output_wav}'로 저장했습니다.`);
  assert.equal(done.json.atot_text, atot.json.atot_text);
  assert.equal(done.json.ttot_text, ttot.json.ttot_text);
  assert.equal(done.json.output_wav_list.length, before + 1);
  assert.equal(done.json.output_wav_list.at(-1), done.json.output_wav);
});

test("the whole run", { skip }, async () => {
  const user = newUser();
  await speak(user);
  const { status, json } = await post(`/run-full-pipeline?user_id=${user}`);
  assert.equal(status, 200, JSON.stringify(json));
  shaped(json, run);
  assert.equal(json.user_id, user);
  assert.equal(json.final_data.atot_text, json.step1_atot.atot_text);
  assert.equal(json.final_data.output_wav, json.step3_tts.output_wav);
  const { json: u } = await call(`/users/${user}`);
  assert.deepEqual(u, {
    id: user, input_wav_list: [json.final_data.input_wav], atot_text_list: [json.final_data.atot_text],
    ttot_text_list: [json.final_data.ttot_text], output_wav_list: [json.final_data.output_wav],
  });
  const wav = await fetch(url + json.final_data.output_wav, { headers: { Range: "bytes=0-3" } });
  assert.equal(wav.status, 206);
  assert.equal(await wav.text(), "RIFF");
  assert.match(wav.headers.get("content-type"), /^audio\/wav/);
});

test("steps out of order are refused", { skip }, async () => {
  const user = newUser();
  for (const [method, path] of [["GET", "/ttot"], ["POST", "/process-audio"]]) {
    const { status, json } = await call(`${path}?user_id=${user}`, { method });
    assert.equal(status, 409, path);
    assert.equal(typeof json.detail, "string");
  }
});

test("a user of whom nothing was heard gets an error, and nobody else's words", { skip }, async () => {
  await speak(10);
  const { status, json } = await call(`/atot?user_id=${newUser()}`);
  assert.ok(status >= 400, JSON.stringify(json));
  assert.equal(typeof json.detail, "string");
  assert.ok(!("atot_text" in json));
});

test("many users at once do not mix", { skip }, async () => {
  const users = Array.from({ length: 8 }, newUser);
  await Promise.all(users.map(async (user) => {
    await speak(user);
    const { status, json } = await post(`/run-full-pipeline?user_id=${user}`);
    assert.equal(status, 200, JSON.stringify(json));
    for (const part of [json, json.step1_atot, json.step2_ttot]) assert.equal(part.user_id, user);
    assert.equal((await call(`/users/${user}`)).json.atot_text_list.length, 1);
  }));
});

test("TTS is down: the turn is kept", { skip: skip || without("SORI_SILENT_URL") }, async () => {
  const user = newUser();
  await speak(user);
  const q = `?user_id=${user}`;
  assert.equal((await call("/atot" + q, {}, silentURL)).status, 200);
  assert.equal((await call("/ttot" + q, {}, silentURL)).status, 200);
  const { status, json } = await post("/process-audio" + q, { headers: ko }, silentURL);
  assert.equal(status, 200);
  shaped(json, { ...processed, output_wav: "null", tts_success: "false", tts_error: "string" });
  assert.deepEqual(json.output_wav_list, [null]);
  assert.equal(json.message, "⚠️ 데이터는 저장했지만 TTS 생성 실패");
  assert.equal(json.tts_error, "TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)");
  await speak(user);
  const whole = await post("/run-full-pipeline" + q, {}, silentURL);
  assert.equal(whole.status, 200);
  assert.deepEqual([whole.json.step1_atot.success, whole.json.step2_ttot.success, whole.json.step3_tts.success, whole.json.success], [true, true, false, false]);
  assert.equal(whole.json.final_data.output_wav, null);
  assert.equal(whole.json.errors.length, 1);
  const { json: u } = await call(`/users/${user}`, {}, silentURL);
  assert.deepEqual(u.output_wav_list, [null, null]);
});
