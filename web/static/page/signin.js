// Asks for a key where the server lets nobody in without one.

import { find } from './dom.js';
import { ask, showKey } from './server.js';
import { say } from './words.js';

const SLOW = 500; // ms from which progress is shown

export class SignIn {
  /** @param {(key: string, user: string | null) => void} entered the key that is good, and the one user that it is for */
  constructor(entered) {
    this.entered = entered;
    this.dialog = /** @type {HTMLDialogElement} */ (find('sign-in'));
    this.field = /** @type {HTMLInputElement} */ (find('key'));
    this.state = find('key-state');
    find('sign-in-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#try(this.field.value.trim());
    });
  }

  /** @param {string} key what this device has, "" for nothing: then nothing is known to be wrong with it */
  open(key) {
    this.#tell(key ? 'keyRefused' : '');
    this.field.value = '';
    if (!this.dialog.open) this.dialog.showModal();
    this.field.focus();
  }

  /** @param {string} key */
  async #try(key) {
    if (!key) return this.field.focus();
    const slow = setTimeout(() => (find('key-bar').hidden = false), SLOW);
    showKey(key);
    const who = await whoAmI();
    clearTimeout(slow);
    find('key-bar').hidden = true;
    if (who.known) {
      this.dialog.close();
      this.entered(key, who.user);
      return;
    }
    showKey('');
    this.#tell(who.refused ? 'keyRefused' : 'keyUnsure');
    this.field.select();
  }

  /** @param {string} text its key, "" for none */
  #tell(text) {
    this.state.textContent = text && say(text);
    this.field.setAttribute('aria-invalid', String(text === 'keyRefused'));
  }
}

/**
 * How the server knows this device.
 * @returns {Promise<{ known: boolean, refused: boolean, user: string | null }>}
 */
export async function whoAmI() {
  const answer = await ask('/whoami').catch(() => null);
  const { user = null } = answer?.ok ? await answer.json().catch(() => ({})) : {};
  return { known: answer?.ok ?? false, refused: answer?.status === 401, user };
}
