// docs/openai.md and README.md: each program in them runs, and the versions are
// those that are tested.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTLS } from 'node:tls';

import { KEY, python, URL_LOCAL } from './sori.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const pages = ['../../docs/openai.md', '../../README.md'];

/** The programs of a page that talk to a sori, as [language, title, source]. */
const programs = pages.flatMap((page) => [...read(page).matchAll(/^### (.+?)$|^```(js|python)\n(.+?)^```$/gms)]
  .reduce(({ title, found }, [, heading, language, source]) => {
    if (language && /^(import|const|from)/m.test(source) && source.includes('127.0.0.1:5000') && source.split('\n').length > 4) found.push([language, title, source]);
    return { title: heading ?? title, found };
  }, { title: page, found: [] }).found);

// The same sori without TLS.
const plain = createServer((socket) => {
  const { hostname, port } = new URL(URL_LOCAL);
  const up = connectTLS({ host: hostname, port });
  up.on('close', () => socket.destroy());
  socket.on('close', () => up.destroy());
  socket.on('error', () => up.destroy());
  up.on('error', () => socket.destroy());
  socket.pipe(up).pipe(socket);
});
before(() => new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve)));
after(() => plain.close());

/** What a program prints. */
function run(language, source) {
  const program = source
    .replaceAll(/(https|wss):\/\/127\.0\.0\.1:5000/g, `$1://${new URL(URL_LOCAL).host}`)
    .replaceAll(/(http|ws):\/\/127\.0\.0\.1:5000/g, `$1://127.0.0.1:${plain.address().port}`);
  const [command, args] = language === 'python' ? [python, ['-']] : [process.execPath, ['--experimental-websocket', '--no-warnings', '--input-type=module', '-']];
  const child = spawn(command, args, { cwd: new URL('.', import.meta.url), env: { ...process.env, SORI_KEY: KEY, OPENAI_AGENTS_DISABLE_TRACING: '1' }, timeout: 60_000 });
  let said = '';
  let wrong = '';
  child.stdout.on('data', (d) => (said += d));
  child.stderr.on('data', (d) => (wrong += d));
  child.stdin.end(program);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said, wrong })));
}

test('the pages have programs', () => {
  assert.ok(programs.length >= 4, `${programs.length} programs`);
});

for (const [language, title, source] of programs) {
  test(`docs: ${title}`, { skip: language === 'python' && !python ? 'the openai package of Python is not installed' : false }, async () => {
    const { code, said, wrong } = await run(language, source);
    assert.deepEqual([code, wrong], [0, ''], said);
    assert.match(said, /\b(four|4)\b/i);
  });
}

test('the versions in docs/openai.md are those that are tested', () => {
  const { devDependencies: pins } = JSON.parse(read('package.json'));
  const [, ofPython] = read('requirements.txt').match(/^openai\[realtime\]==(.+)$/m);
  const rows = Object.fromEntries([...read(pages[0]).matchAll(/^\| (`[^|]+?) \| ([\d., ]+?) \|/gm)].map(([, name, versions]) => [name, versions]));
  assert.deepEqual(rows, {
    '`openai` of npm': pins.openai,
    '`@openai/agents-realtime`': [pins['agents-realtime-0-17'].split('@').at(-1), pins['@openai/agents-realtime']].join(', '),
    '`openai` of Python': ofPython,
  });
});
