// What an app in TypeScript writes with the library: this file compiles only while
// the shipped types say what its author expects.

import { Sori, SoriError, type TurnRecord } from '../static/sori.js';

/** Talks for a while. */
export async function app(): Promise<TurnRecord[]> {
  const sori = new Sori({ user: 'ann', turn_detection: { mode: 'server_vad' } }, {
    url: 'wss://sori.example/ws',
    key: async () => 'a fresh session token',
    tools: { weather: { description: 'the weather of a city', parameters: { type: 'object' }, run: async ({ city }) => ({ city, degrees: 21 }) } },
  });
  const records: TurnRecord[] = [];
  sori.on('speech.partial', ({ text }) => console.log(text.toUpperCase()));
  sori.on('audio', ({ pcm, rate }) => console.log(pcm.byteLength / 2 / rate));
  sori.on('turn.done', ({ record }) => records.push(record));
  sori.on('state', (now) => {
    if (now.state === 'waiting') console.log(now.retryInMs);
  });
  // @ts-expect-error There is no such event.
  sori.on('speech.nothing', () => {});
  // @ts-expect-error A turn is a number.
  sori.on('tts.done', ({ turn }) => turn.toUpperCase());
  // @ts-expect-error The mode is one of three.
  sori.configure({ turn_detection: { mode: 'telepathy' } });
  try {
    const { limits, voices } = await sori.connect();
    console.log(limits.frame_bytes, voices.join());
    await sori.openMicrophone();
  } catch (cause) {
    if (cause instanceof SoriError && cause.code.startsWith('mic_')) console.log(cause.message);
  }
  return records;
}
