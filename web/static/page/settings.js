// The settings: what is changed counts at once, and is remembered.

import { find, make } from './dom.js';
import { load, save } from './preferences.js';
import { known, language, say, speak } from './words.js';

/** @typedef {import('./preferences.js').Preferences} Preferences */

const LANGUAGES = ['en', 'ko', 'ja', 'zh', 'es', 'fr', 'de', 'it', 'pt', 'ru', 'vi', 'hi', 'ar'];

export class Settings {
  /** @type {(changed: Partial<Preferences>) => void} */
  onchange = () => {};

  /** What each engine of the server knows, as session.ready says. @type {string[][]} */
  languages = [];

  /** The voices that can be asked for, empty when that is not known. @type {string[]} */
  voices = [];

  constructor() {
    this.values = load();
    save(this.values); // a new user's name is kept from the start
    this.form = /** @type {HTMLFormElement} */ (find('settings-form'));
    this.dialog = /** @type {HTMLDialogElement} */ (find('settings'));
    this.apply();
    find('sign-out').addEventListener('click', () => this.set({ key: '' }));
    find('open-settings').addEventListener('click', () => this.open());
    this.form.addEventListener('change', (event) => this.#changed(/** @type {HTMLInputElement} */ (event.target)));
    this.form.addEventListener('submit', (event) => event.preventDefault()); // Enter in a field changes it
    for (const dialog of document.querySelectorAll('dialog')) {
      dialog.querySelector('[data-close]')?.addEventListener('click', () => dialog.close());
      dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    }
  }

  /** The one user that the key is for: no other can be chosen. @param {string | null} user */
  only(user) {
    if (user) this.values.user = user;
    /** @type {HTMLInputElement} */ (find('s-user')).readOnly = user !== null;
  }

  async open() {
    this.#fill();
    find('sign-out').hidden = !this.values.key;
    this.dialog.showModal();
    await this.#microphones();
  }

  /** Changes one or more from elsewhere. @param {Partial<Preferences>} some */
  set(some) {
    Object.assign(this.values, some);
    save(this.values);
    this.apply();
    this.onchange(some);
  }

  /** Puts language and colours into force. */
  apply() {
    speak(known.includes(this.values.ui) ? this.values.ui : 'en');
    document.documentElement.dataset.theme = this.values.theme;
  }

  /** @param {HTMLInputElement} field */
  #changed(field) {
    const value = field.value.trim();
    if (field.name === 'user' && !value) {
      field.value = this.values.user;
      return;
    }
    this.set({ [field.name]: value });
    if (field.name === 'ui') {
      this.#fill();
      this.#microphones();
    }
  }

  /** The languages of which no engine says that it does not know them. */
  get possible() {
    return LANGUAGES.filter((tag) => this.languages.every((known) => !known.length || known.includes(tag)));
  }

  #fill() {
    const { possible } = this;
    const names = new Intl.DisplayNames([language()], { type: 'language' });
    find('s-language').replaceChildren(
      option('', say('languageDefault')),
      ...LANGUAGES.filter((tag) => possible.includes(tag) || tag === this.values.language).map((tag) => option(tag, names.of(tag) ?? tag)),
    );
    this.#voices();
    for (const [name, value] of Object.entries(this.values)) {
      const field = this.form.elements.namedItem(name);
      if (field && 'value' in field) field.value = value;
    }
  }

  /** A list where the server names its voices; a field to write in where it does not. */
  #voices() {
    if (!this.voices.length) return;
    const { voice } = this.values;
    const names = this.voices.includes(voice) || !voice ? this.voices : [voice, ...this.voices];
    find('s-voice').replaceWith(make('select', { id: 's-voice', name: 'voice' },
      option('', say('voiceDefault')), ...names.map((name) => option(name, name))));
    find('s-voice-note').hidden = true;
  }

  /** The microphones by name, as far as the browser tells. */
  async #microphones() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const inputs = devices.filter((d) => d.kind === 'audioinput' && d.deviceId && d.deviceId !== 'default');
    const select = /** @type {HTMLSelectElement} */ (find('s-microphone'));
    select.replaceChildren(
      option('', say('microphoneDefault')),
      ...inputs.map((d, i) => option(d.deviceId, d.label || say('microphoneNumber', { number: i + 1 }))),
    );
    select.value = this.values.microphone;
    if (select.selectedIndex < 0) select.value = '';
  }
}

/** @param {string} value @param {string} text */
const option = (value, text) => make('option', { value }, text);
