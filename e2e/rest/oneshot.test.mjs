// Runs that bring their audio, and a user's own data.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, newUser, post, speech, url, without } from "./page.mjs";

const skip = without("SORI_URL");
const wav = { "Content-Type": "audio/wav" };

test("audio in the body, JSON back", { skip }, async () => {
  const user = newUser();
  const { status, json } = await post(`/run-full-pipeline?user_id=${user}`, { headers: wav, body: speech });
  assert.equal(status, 200, JSON.stringify(json));
  assert.equal(json.success, true);
  assert.equal(json.user_id, user);
  const input = await fetch(url + json.final_data.input_wav);
  assert.equal(input.status, 200);
  assert.equal(Buffer.from(await input.arrayBuffer()).subarray(0, 4).toString(), "RIFF");
});

test("audio in an upload, speech back", { skip }, async () => {
  const form = new FormData();
  form.set("audio", new Blob([speech], { type: "audio/wav" }), "speech.wav");
  form.set("user_id", String(newUser()));
  form.set("output_rate", "24000");
  const answer = await fetch(url + "/run-full-pipeline", { method: "POST", headers: { Accept: "audio/wav" }, body: form });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^audio\/wav/);
  const reply = Buffer.from(await answer.arrayBuffer());
  assert.equal(reply.subarray(0, 4).toString(), "RIFF");
  assert.equal(reply.readUInt32LE(24), 24000);
  assert.ok(reply.length > 10_000);
});

test("the steps as they happen", { skip }, async () => {
  const answer = await fetch(`${url}/run-full-pipeline?user_id=${newUser()}`, { method: "POST", headers: { ...wav, Accept: "text/event-stream" }, body: speech });
  assert.equal(answer.status, 200);
  const events = (await answer.text()).split("\n\n").filter((b) => b.includes("event: ")).map((b) => ({
    name: b.match(/^event: (.*)$/m)[1], data: JSON.parse(b.match(/^data: (.*)$/m)[1]),
  }));
  const steps = ["step1_atot", "step2_ttot", "step3_tts"];
  for (const step of steps) {
    const own = events.filter((e) => e.name === step).map((e) => e.data.status);
    assert.equal(own[0], "started", step);
    assert.equal(own.at(-1), "done", step);
  }
  assert.equal(events.at(-1).name, "result");
  assert.equal(events.at(-1).data.success, true);
});

test("what can't be run says why", { skip }, async () => {
  const cases = {
    "a text file": [422, { headers: wav, body: "this is no audio, whatever its type says" }],
    "an image": [415, { headers: { "Content-Type": "image/png" }, body: "\x89PNG" }],
    "broken multipart": [400, { headers: { "Content-Type": "multipart/form-data; boundary=x" }, body: "--x\r\nbroken" }],
    "broken JSON": [400, { headers: { "Content-Type": "application/json" }, body: "{" }],
    "silence": [422, { headers: { "Content-Type": "audio/pcm;rate=16000" }, body: new Uint8Array(32_000) }],
    "an unknown answer": [406, { headers: { ...wav, Accept: "image/png" }, body: speech }],
  };
  for (const [name, [want, options]] of Object.entries(cases)) {
    const { status, json, headers } = await post(`/run-full-pipeline?user_id=${newUser()}`, options);
    assert.equal(status, want, `${name}: ${JSON.stringify(json)}`);
    assert.equal(headers.get("content-type"), "application/problem+json", name);
    assert.equal(json.status, want, name);
    for (const key of ["type", "title", "detail", "code"]) assert.equal(typeof json[key], "string", `${name}: ${key}`);
  }
});

test("one run of a user at a time", { skip }, async () => {
  const user = newUser();
  const runs = await Promise.all([1, 2, 3].map(() => post(`/run-full-pipeline?user_id=${user}`, { headers: wav, body: speech })));
  const statuses = runs.map((r) => r.status).sort();
  assert.equal(statuses[0], 200);
  assert.ok(statuses.every((s) => s === 200 || s === 409), String(statuses));
  assert.equal((await call(`/users/${user}`)).json.atot_text_list.length, statuses.filter((s) => s === 200).length);
});

test("a user's data can be paged, taken away and deleted", { skip }, async () => {
  const user = newUser();
  for (const text of ["hello", "what is two plus two?"]) {
    const { status } = await post("/run-full-pipeline", { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user_id: user, text }) });
    assert.equal(status, 200);
  }
  const first = (await call(`/users/${user}/turns?limit=1`)).json;
  assert.equal(first.turns[0].atot_text, "what is two plus two?");
  assert.equal(first.more, true);
  const second = (await call(`/users/${user}/turns?limit=1&before=${first.next}`)).json;
  assert.equal(second.turns[0].atot_text, "hello");
  assert.deepEqual([second.more, second.next], [false, null]);
  assert.equal((await call(`/users/${user}/export`)).json.turns.length, 2);
  const captions = await (await fetch(`${url}/users/${user}/export?format=vtt`)).text();
  assert.match(captions, /^WEBVTT\n/);
  assert.match(captions, /<v User>hello/);
  const zip = Buffer.from(await (await fetch(`${url}/users/${user}/export?format=zip`)).arrayBuffer());
  assert.equal(zip.subarray(0, 2).toString(), "PK");
  const gone = await fetch(`${url}/users/${user}`, { method: "DELETE" });
  assert.equal(gone.status, 204);
  assert.equal((await call(`/users/${user}`)).status, 404);
  assert.equal((await fetch(url + first.turns[0].output_wav)).status, 404);
});

test("paths do not leave their folder", { skip }, async () => {
  for (const name of ["..%2f..%2fusers.db", "%2e%2e%2fusers.db", "..%5cusers.db", "%00", "users.db"]) {
    const answer = await fetch(`${url}/users/10/recordings/${name}`);
    await answer.arrayBuffer();
    assert.ok([400, 404].includes(answer.status), `${name}: ${answer.status}`);
  }
});

test("the specification is served, and a page of it", { skip }, async () => {
  const { json } = await call("/openapi.json");
  assert.match(json.openapi, /^3\.1\./);
  for (const path of ["/", "/users", "/users/{user_id}", "/atot", "/ttot", "/process-audio", "/run-full-pipeline"]) assert.ok(json.paths[path], path);
  const page = await fetch(url + "/docs");
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.doesNotMatch(await page.text(), /(src|href)="(https?:)?\/\//);
});
