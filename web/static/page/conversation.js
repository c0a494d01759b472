// The conversation as it happens: events come in, turns appear.

import { Captions } from './captions.js';
import { find } from './dom.js';
import { Timing } from './timing.js';
import { TurnView } from './turn.js';
import { say } from './words.js';

/** @typedef {import('../sori.js').Sori} Sori */

const REDRAW = 250; // ms between two pictures of a turn that goes on
const NEAR = 160; // pixels from the end: whoever is there follows the talk

/** A turn that is not over, or whose voice still sounds. */
class Live {
  constructor() {
    this.view = new TurnView();
    this.captions = new Captions();
    this.apology = new Captions();
    this.written = '';
    this.spoken = true;
    this.announced = -1; // the last clause that a screen reader was given
    /** When the reply's audio began to come, and when its first sound was heard. */
    this.beganAt = 0;
    this.heardAt = 0;
    /** @type {import('../sori.js').TurnRecord | null} */
    this.record = null;
    this.silent = true; // no voice sounds, or is to come
    this.latest = 0; // ms heard
    this.timing = new Timing(0, 0); // until the turn begins
  }

  /** From the end of speech, which only the server knows, to the first sound as it was heard here; 0: it was not. */
  get heardMS() {
    const sent = this.record?.timings.audio_first_ms;
    return this.heardAt && sent != null ? Math.max(1, sent + this.heardAt - this.beganAt) : 0;
  }
}

export class Conversation {
  /**
   * @param {Sori} sori
   * @param {HTMLElement} place
   */
  constructor(sori, place) {
    this.sori = sori;
    this.place = place;
    /** @type {Live | null} What the user says now. */
    this.saying = null;
    /** @type {Map<number, Live>} */
    this.turns = new Map();
    /** @type {TurnView[]} All that are over. */
    this.past = [];
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.drawing = undefined;
    this.wide = matchMedia('(min-width: 72rem)');
    this.wide.addEventListener('change', () => this.#unfold(this.place.querySelectorAll('details.timing')));
    this.#follow();
    this.#stay(find('main'));
  }

  #follow() {
    const { sori } = this;
    const on = sori.on.bind(sori);
    on('speech.started', () => this.listen());
    on('speech.partial', ({ text }) => this.#partial(text));
    on('speech.stopped', ({ discarded }) => discarded && this.forget());
    on('turn.started', (e) => this.#start(e, e.ms));
    on('atot.partial', ({ turn, text }) => this.#of(turn, (t) => t.view.hear(text, false)));
    on('atot.done', ({ turn, text }) => this.#of(turn, (t) => {
      t.view.hear(text || say('unheard'), true);
      announce(`${say('you')}: ${text}`);
    }));
    on('ttot.partial', ({ turn, text }) => this.#of(turn, (t) => (t.written += text)));
    on('tts.partial', ({ turn, text, audio_ms = 0 }) => this.#of(turn, (t) => t.captions.add(text, audio_ms)));
    on('tts.done', ({ turn, audio_ms = 0 }) => this.#of(turn, (t) => (t.captions.length = audio_ms)));
    on('reply.apology', ({ turn, text, spoken }) => this.#of(turn, (t) => {
      // Its sound comes behind that of the reply, where there was any.
      if (spoken) t.apology.add(text, t.captions.length);
      t.view.apologize('', text, spoken);
      announce(text);
      this.#keepInSight(t);
    }));
    on('audio.end', ({ turn, audio_ms }) => this.#of(turn, (t) => (t.apology.length = audio_ms)));
    on('audio.begin', ({ turn }) => this.#of(turn, (t) => {
      t.silent = false;
      t.beganAt = performance.now();
    }));
    on('playback', ({ turn, ms }) => this.#of(turn, (t) => this.#caption(t, ms)));
    on('playback.ended', ({ turn }) => this.#of(turn, (t) => {
      t.silent = true;
      t.view.element.classList.remove('speaking');
      this.#settle(turn, t);
    }));
    on('reply.corrected', ({ turn, heard }) => this.#of(turn, (t) => {
      t.view.caption(heard, '');
      t.view.remark(`— ${say('interrupted')}`);
    }));
    for (const end of /** @type {const} */ (['turn.done', 'turn.cancelled', 'turn.failed'])) {
      on(end, ({ turn, record }) => this.#of(turn, (t) => {
        t.record = record;
        t.silent ||= record.status === 'cancelled' || (record.status === 'failed' && !record.apology);
        this.#settle(turn, t);
      }));
    }
    on('event', (e) => this.#of(e.turn, (t) => t.timing.take(e)));
    on('session.resumed', ({ lost, turn }) => {
      if (!lost) return;
      this.#breakOff((other) => other !== turn, () => true);
      if (turn && !this.turns.has(turn)) this.#start({ turn, source: 'speech' }, 0);
    });
    on('restored', ({ lostTurn, again }) => {
      this.forget();
      const lost = this.turns.get(lostTurn);
      if (lost && again) this.#anew(lostTurn, lost);
      this.#breakOff(() => true, (turn) => turn >= lostTurn);
    });
  }

  /** After the language of the page has changed. */
  again() {
    for (const view of this.past) view.again();
    this.#unfold(this.place.querySelectorAll('details.timing'));
  }

  /** The user begins to say something. */
  listen() {
    if (this.saying) return;
    this.saying = new Live();
    this.saying.view.hear('', false);
    this.#show(this.saying);
  }

  /** What the user was saying is no turn. */
  forget() {
    this.saying?.view.element.remove();
    this.saying = null;
  }

  /** The user wrote something. @param {string} text */
  wrote(text) {
    this.forget();
    this.saying = new Live();
    this.saying.spoken = false;
    this.saying.view.hear(text, true);
    this.saying.view.tag('typed');
    this.#show(this.saying);
  }

  /** @param {string} text */
  #partial(text) {
    this.listen();
    this.saying?.view.hear(text, false);
  }

  /** @param {{ turn: number, source: string }} started @param {number} ms of the server's clock */
  #start({ turn, source }, ms) {
    const live = source !== 'idle' && this.saying ? this.saying : new Live();
    if (live === this.saying) this.saying = null;
    if (source === 'idle') {
      live.view.you.hidden = true;
      live.view.remark('');
    }
    live.timing = new Timing(ms, performance.now());
    this.turns.set(turn, live);
    this.#unfold([live.view.timing]);
    this.#show(live);
    this.drawing ??= setInterval(() => this.#draw(), REDRAW);
  }

  /** Shows how far each turn is. */
  #draw() {
    for (const live of this.turns.values()) {
      live.view.progress(live.timing);
      this.#keepInSight(live);
    }
    if (this.turns.size) return;
    clearInterval(this.drawing);
    this.drawing = undefined;
  }

  /** @param {Live} live @param {number} ms */
  #caption(live, ms) {
    if (live.record && live.silent) return;
    live.latest = Math.max(live.latest, ms);
    const sorry = live.apology.at(live.latest);
    if (sorry.clause >= 0) {
      live.view.apologize(sorry.heard, sorry.ahead, sorry.ahead !== '');
      if (!live.captions.length) return; // it is no reply: neither a first sound nor words of one
    }
    if (ms > 0) {
      live.heardAt ||= performance.now();
      live.timing.sounds(live.heardAt);
    }
    const { heard, ahead, clause } = live.captions.at(live.latest);
    if (clause < 0) return;
    if (live.view.caption(heard, ahead)) this.#keepInSight(live);
    for (; live.announced < clause; live.announced++) announce(live.captions.clauses[live.announced + 1].text);
  }

  /** Shows a turn as it stays, once it is over and silent. @param {number} turn @param {Live} live */
  #settle(turn, live) {
    if (!live.record) return;
    if (!live.silent && this.sori.playing === turn) return;
    if (live.announced < 0 && live.record.ttot_text) announce(live.record.ttot_text);
    if (live.record.error) announce(live.view.note.textContent ?? '');
    live.view.finish(live.record, live.heardMS);
    this.past.push(live.view);
    this.#unfold([live.view.timing]);
    this.#keepInSight(live);
    this.turns.delete(turn);
  }

  /** A turn that was cut off begins again, with what is known of its words. @param {number} turn @param {Live} lost */
  #anew(turn, lost) {
    this.turns.delete(turn);
    this.saying = new Live();
    this.saying.spoken = lost.spoken;
    this.saying.view.hear(lost.view.said.textContent ?? '', !lost.spoken);
    if (!lost.spoken) this.saying.view.tag('typed');
    lost.view.element.replaceWith(this.saying.view.element);
  }

  /** Nothing more will be told of some turns. @param {(turn: number) => boolean} which @param {(turn: number) => boolean} incomplete */
  #breakOff(which, incomplete) {
    for (const [turn, live] of this.turns) {
      if (!which(turn)) continue;
      live.view.element.classList.remove('speaking');
      delete live.view.timing.dataset.live;
      if (live.record) live.view.finish(live.record, live.heardMS);
      else if (incomplete(turn)) live.view.remark(say('lost'), true);
      this.turns.delete(turn);
    }
  }

  /** @param {Iterable<HTMLDetailsElement | Element>} all */
  #unfold(all) {
    for (const details of all) /** @type {HTMLDetailsElement} */ (details).open = this.wide.matches;
  }

  /** @param {number} turn @param {(live: Live) => void} act */
  #of(turn, act) {
    const live = this.turns.get(turn);
    if (live) act(live);
  }

  /** Where the end is seen it stays in sight, also when the window or a phone's keyboard changes the place. @param {HTMLElement} main */
  #stay(main) {
    let atEnd = true;
    main.addEventListener('scroll', () => (atEnd = below(main) < NEAR));
    new ResizeObserver(() => atEnd && this.place.childElementCount && main.scrollTo(0, main.scrollHeight)).observe(main);
  }

  /** @param {Live} live */
  #show(live) {
    find('welcome').hidden = true;
    if (!live.view.element.isConnected) this.place.append(live.view.element);
    this.#keepInSight(live, true);
  }

  /** Follows the talk, unless the user has scrolled away to read. @param {Live} live @param {boolean} [force] */
  #keepInSight(live, force = false) {
    const main = find('main');
    if (force || (below(main) < NEAR && live.view.element === this.place.lastElementChild)) main.scrollTop = main.scrollHeight;
  }
}

/** How much of a place is below what is seen of it, in pixels. @param {HTMLElement} place */
const below = (place) => place.scrollHeight - place.scrollTop - place.clientHeight;

/** Says something to a screen reader, when it has time. @param {string} text */
function announce(text) {
  const place = find('spoken');
  place.append(Object.assign(document.createElement('p'), { textContent: text }));
  while (place.childElementCount > 6) place.firstElementChild?.remove();
}
