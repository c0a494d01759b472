// Conversations of earlier, by session, from the server's history.

import { find, make } from './dom.js';
import { hush } from './replay.js';
import { ask } from './server.js';
import { TurnView } from './turn.js';
import { language, say } from './words.js';

/** @typedef {import('../sori.js').TurnRecord} TurnRecord */

const PAGE = 40;

export class History {
  /** @param {() => string} user whose history */
  constructor(user) {
    this.user = user;
    this.dialog = /** @type {HTMLDialogElement} */ (find('history'));
    this.list = find('history-list');
    this.state = find('history-state');
    this.more = find('history-more');
    this.bar = find('history-bar');
    /** @type {string | null} */
    this.next = null;
    find('open-history').addEventListener('click', () => this.open());
    this.more.addEventListener('click', () => this.#load());
    this.dialog.addEventListener('close', hush);
  }

  open() {
    this.list.replaceChildren();
    this.next = null;
    this.more.hidden = true;
    this.dialog.showModal();
    this.#load();
  }

  async #load() {
    const seen = this.list.childElementCount;
    const before = this.next ? `&before=${encodeURIComponent(this.next)}` : '';
    const slow = setTimeout(() => {
      this.state.textContent = say('historyLoading');
      this.bar.hidden = false;
    }, 500);
    try {
      const answer = await ask(`/users/${encodeURIComponent(this.user())}/turns?limit=${PAGE}${before}`, { 'Accept-Language': language() });
      const body = await answer.json();
      if (answer.status !== 404 && !answer.ok) throw new Error(body.detail ?? answer.statusText);
      this.#show(answer.ok ? body.turns : []);
      this.next = body.next ?? null;
      this.more.hidden = !this.next;
      if (before) (this.list.children[seen] ?? this.list.lastElementChild)?.querySelector('summary')?.focus();
      this.state.textContent = this.list.childElementCount ? '' : say('historyNone');
    } catch (cause) {
      const reason = cause instanceof TypeError ? say('reconnecting') : /** @type {Error} */ (cause).message;
      this.state.textContent = say('historyFailed', { reason });
    } finally {
      clearTimeout(slow);
      this.bar.hidden = true;
    }
  }

  /** @param {TurnRecord[]} turns newest first */
  #show(turns) {
    for (const record of turns) {
      const place = this.#session(record);
      place.querySelector('.session-turns')?.prepend(TurnView.of(record).element);
      const count = place.querySelectorAll('.turn').length;
      const title = place.querySelector('.session-title');
      const about = place.querySelector('.session-about');
      if (title) title.textContent = record.atot_text || record.ttot_text || '…';
      if (about) about.textContent = `${day(record.started_at)} · ${count === 1 ? say('turn') : say('turns', { count })}`;
    }
    const first = this.list.querySelector('details');
    if (first && !this.next) first.open = true;
  }

  /** The place of a record's session, made when new. @param {TurnRecord} record @returns {Element} */
  #session(record) {
    for (const place of this.list.children) {
      if (/** @type {HTMLElement} */ (place).dataset.session === record.session_id) return place;
    }
    const place = make('details', { class: 'session', 'data-session': record.session_id },
      make('summary', {}, make('span', { class: 'session-title' }), make('span', { class: 'session-about' })),
      make('div', { class: 'session-turns' }));
    this.list.append(place);
    return place;
  }
}

/** @param {string} when */
function day(when) {
  return new Date(when).toLocaleString(language(), { weekday: 'short', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
}
