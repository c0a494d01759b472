// What goes on, in words: the connection above, the work below, and notices.

import { find, make } from './dom.js';
import { duration, say } from './words.js';

const TAKEN = 4501; // close codes
export const KEY_REFUSED = 4502;
/** @type {Record<number, string>} Why it is waited, where the server says so. */
const REASONS = { 1012: 'waitingRestart', 1013: 'waitingFull', 4002: 'waitingQuota' };
const SLOW = 500; // ms from which progress is shown

/** The state of the connection, in words. */
export class ConnectionStatus {
  /** @param {import('../sori.js').Sori} sori @param {() => void} again what "try now" does */
  constructor(sori, again) {
    this.sori = sori;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    this.lost = false;
    sori.on('state', () => this.show());
    find('connect-now').addEventListener('click', again);
  }

  show() {
    clearInterval(this.timer);
    const { state } = this.sori;
    find('connection').dataset.state = state.state;
    const again = find('connect-now');
    again.hidden = state.state !== 'waiting' && state.state !== 'closed';
    again.textContent = say(state.state === 'closed' && state.code === KEY_REFUSED ? 'signIn' : 'connectNow');
    const words = find('connection-words');
    switch (state.state) {
      case 'connecting':
        words.textContent = say(this.lost ? 'reconnecting' : 'connecting');
        break;
      case 'ready':
        this.lost = false;
        words.textContent = say('connected');
        break;
      case 'waiting': {
        this.lost = true;
        const until = performance.now() + state.retryInMs;
        const count = () => {
          words.textContent = say(REASONS[state.code] ?? 'waiting', { seconds: Math.max(1, Math.ceil((until - performance.now()) / 1000)) });
        };
        count();
        this.timer = setInterval(count, 1000);
        break;
      }
      default:
        words.textContent = say({ [TAKEN]: 'taken', [KEY_REFUSED]: 'keyNeeded' }[state.code] ?? 'closed');
    }
  }
}

/** What is being done now, and for how long if that is long. */
export class Doing {
  constructor() {
    this.key = '';
    this.since = 0;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
  }

  /**
   * @param {string} key of the words, "" for nothing
   * @param {boolean} [work] it is waited for: progress is shown when it takes long
   */
  show(key, work = false) {
    if (key === this.key) return;
    this.key = key;
    clearInterval(this.timer);
    find('doing').dataset.key = key;
    find('doing-words').textContent = key && say(key);
    find('doing-time').textContent = '';
    find('doing-bar').hidden = true;
    find('doing-bar').setAttribute('aria-label', key && say(key));
    if (!work) return;
    this.since = performance.now();
    this.timer = setInterval(() => {
      const ms = performance.now() - this.since;
      if (ms < SLOW) return;
      find('doing-bar').hidden = false;
      find('doing-time').textContent = duration(Math.max(1000, ms));
    }, 100);
  }

  /** After the language has changed. */
  again() {
    find('doing-words').textContent = this.key && say(this.key);
  }
}

/**
 * Tells the user something that asks for attention, until it is dismissed or
 * something else is told.
 * @param {string} text
 * @param {{ bad?: boolean, again?: () => void }} [more] again: what "try again" does
 */
export function notify(text, { bad = false, again } = {}) {
  const notice = find('notice');
  const close = make('button', { type: 'button', class: 'link' }, say('dismiss'));
  close.addEventListener('click', unnotify);
  const buttons = [close];
  if (again) {
    const button = make('button', { type: 'button', class: 'link' }, say('again'));
    button.addEventListener('click', () => (unnotify(), again()));
    buttons.unshift(button);
  }
  notice.replaceChildren(make('p', {}, text), make('div', { class: 'notice-buttons' }, ...buttons));
  notice.classList.toggle('bad', bad);
  notice.hidden = false;
}

export function unnotify() {
  find('notice').hidden = true;
}
