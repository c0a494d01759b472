// sori's client library, for browsers and (without a microphone) Node 20.
// docs/clients.md shows how it is used; sori.d.ts describes all of it.

export { Sori } from './sori/client.js';
export { SoriError } from './sori/events.js';
