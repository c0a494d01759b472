// GET /, GET /users, GET /users/{user_id}, and CORS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, newUser, shaped, url, userShape, without } from "./page.mjs";

const skip = without("SORI_URL");

test("GET / greets and gives the default user", { skip }, async () => {
  const { status, json } = await call("/");
  assert.equal(status, 200);
  shaped(json, { message: "string", user: userShape });
  assert.equal(json.message, "This is the Backend Server");
  assert.equal(json.user.id, 10);
});

test("GET /users lists users, the default one too", { skip }, async () => {
  await call("/");
  const { status, json } = await call("/users");
  assert.equal(status, 200);
  assert.ok(json.some((u) => u.id === 10));
  for (const u of json) {
    assert.deepEqual(Object.keys(u).sort(), Object.keys(userShape).sort());
    const lengths = [u.input_wav_list, u.atot_text_list, u.ttot_text_list, u.output_wav_list].map((l) => l.length);
    assert.equal(new Set(lengths).size, 1, `the lists of ${u.id} have the lengths ${lengths}`);
  }
});

test("GET /users/{user_id} gives one user", { skip }, async () => {
  await call("/");
  const { status, json } = await call("/users/10");
  assert.equal(status, 200);
  shaped(json, userShape);
  assert.equal(json.id, 10);
});

test("an unknown user is not found", { skip }, async () => {
  for (const id of [newUser(), "nobody-" + newUser()]) {
    const { status, json } = await call(`/users/${id}`);
    assert.equal(status, 404);
    assert.equal(json.detail, "User not found");
  }
});

test("pages of the three origins may call, others may not", { skip }, async () => {
  for (const port of [8000, 5000, 8002]) {
    const origin = `http://localhost:${port}`;
    const answer = await fetch(url + "/users", { headers: { Origin: origin } });
    await answer.arrayBuffer();
    assert.ok([origin, "*"].includes(answer.headers.get("access-control-allow-origin")) || new URL(url).host === new URL(origin).host, origin);
    const asked = await fetch(url + "/run-full-pipeline", { method: "OPTIONS", headers: { Origin: origin, "Access-Control-Request-Method": "POST" } });
    assert.ok(asked.ok);
    assert.match(asked.headers.get("access-control-allow-methods") ?? "", /POST|\*/);
  }
  const answer = await fetch(url + "/users", { headers: { Origin: "http://evil.example" } });
  await answer.arrayBuffer();
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
});
