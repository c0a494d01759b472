// LiveKit Agents behind the wire of sori bench: a WebSocket a session, PCM in
// and out as binary messages, `session.configure`, `utterance.end` and
// `turn.cancel` from the client, `turn.done` to it. All sessions are in this one
// process.
//
// BENCH_ENGINES is the URL of the scripted engines. Once it listens it writes
// "peer NAME" and "listening HOST:PORT" to standard output.
import { createRequire } from 'node:module';
import { initializeLogger } from '@livekit/agents';
import { WebSocketServer } from 'ws';
import { Conversation } from './conversation.js';
import { Engines } from './engines.js';

const most = 2_000; // sessions
const need = (name) => {
  const value = process.env[name];
  if (!value) {
    process.stderr.write(`${name} is not set: sori bench --peer sets it\n`);
    process.exit(2);
  }
  return value;
};

const engines = new Engines(need('BENCH_ENGINES'));
initializeLogger({ pretty: false, level: 'error' });
process.setMaxListeners(0);

const { version } = createRequire(import.meta.url)('./package-lock.json').packages['node_modules/@livekit/agents'];
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: 1 << 20 });

server.on('connection', (socket) => {
  if (server.clients.size > most) {
    socket.close(1013, `there are ${most} sessions`);
    return;
  }
  socket._socket.setNoDelay(true);
  let talk;
  const ready = []; // frames that came before the session had started
  let started = false;
  const fail = (err) => {
    process.stderr.write(`${err.stack ?? err}\n`);
    socket.close(1011, 'see the log');
  };
  const act = (data, isBinary) => {
    if (isBinary) {
      talk.hear(data);
      return;
    }
    switch (JSON.parse(data).type) {
      case 'utterance.end':
        talk.endUtterance();
        break;
      case 'turn.cancel':
        talk.cancel();
        break;
      default:
    }
  };
  socket.on('message', (data, isBinary) => {
    if (started) {
      act(data, isBinary);
      return;
    }
    if (talk) {
      ready.push([data, isBinary]);
      return;
    }
    const first = isBinary ? {} : JSON.parse(data);
    if (first.type !== 'session.configure') {
      fail(new Error('the first message is no session.configure'));
      return;
    }
    talk = new Conversation(first.user, engines, (message) => {
      if (socket.readyState === socket.OPEN) socket.send(message);
    });
    talk.start().then(() => {
      started = true;
      for (const [data, isBinary] of ready.splice(0)) act(data, isBinary);
    }, fail);
  });
  socket.on('error', () => {}); // it closes, too
  socket.on('close', () => talk?.close().catch((err) => process.stderr.write(`${err.stack ?? err}\n`)));
});

server.on('listening', () => {
  process.stdout.write(`peer LiveKit Agents ${version}, Node ${process.version}\n`);
  process.stdout.write(`listening 127.0.0.1:${server.address().port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
