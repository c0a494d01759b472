// What this device remembers of its user.

const KEY = 'sori';

/**
 * @typedef {object} Preferences
 * @property {string} user
 * @property {string} ui language of the page
 * @property {string} theme auto, light or dark
 * @property {string} mode free or push
 * @property {string} microphone a device id, or ""
 * @property {string} language of the conversation, or ""
 * @property {string} voice
 * @property {string} instructions
 * @property {string} eagerness high, medium or low
 * @property {string} key that the server asks for, or ""
 */

/** @returns {Preferences} */
export function load() {
  const korean = navigator.languages?.find((tag) => /^(ko|en)\b/.test(tag))?.startsWith('ko');
  return {
    user: `guest-${Math.random().toString(36).slice(2, 8)}`,
    ui: korean ? 'ko' : 'en',
    theme: 'auto',
    mode: 'free',
    microphone: '',
    language: '',
    voice: '',
    instructions: '',
    eagerness: 'medium',
    key: '',
    ...saved(),
  };
}

/** @returns {Partial<Preferences>} */
function saved() {
  try {
    const value = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return Object.fromEntries(Object.entries(value).filter(([, v]) => typeof v === 'string'));
  } catch {
    return {}; // storage is off, or holds something else
  }
}

/** @param {Preferences} preferences */
export function save(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Storage is off: the page works without a memory.
  }
}

/**
 * What of it goes over the wire. The user is named only at the start.
 * @param {Preferences} p
 * @returns {import('../sori.js').Settings}
 */
export function settings(p) {
  /** @type {import('../sori.js').Settings} */
  const all = {
    voice: p.voice,
    instructions: p.instructions,
    partials: true,
    turn_detection: p.mode === 'push'
      ? { mode: 'manual' }
      : { mode: 'semantic', eagerness: /** @type {'low' | 'medium' | 'high'} */ (p.eagerness) },
  };
  if (p.language) all.language = p.language;
  return all;
}
