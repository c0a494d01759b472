// sori's client library: a voice conversation from a browser page, or (without
// a microphone) from Node 20. One import, no build step, no dependency.
//
//   import { Sori } from 'https://sori.example/app/sori.js';
//
// docs/clients.md shows how it is used; sori.d.ts describes all of it.

export { Sori } from './sori/client.js';
export { SoriError } from './sori/events.js';
