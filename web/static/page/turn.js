// One turn as it is seen: what the user said, what sori answered, how long it
// took, and both recordings.

import { icon, make } from './dom.js';
import { replayButton } from './replay.js';
import { waterfall } from './waterfall.js';
import { duration, has, language, say } from './words.js';

/** @typedef {import('../sori.js').TurnRecord} TurnRecord */

/** A circle with a mark of exclamation. */
const STOPPED = 'M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M12 7.5v5.5M12 16.2v.3';

export class TurnView {
  constructor() {
    this.when = make('time', { class: 'when' });
    this.said = make('p', { class: 'words' });
    this.saidMore = make('div', { class: 'more' });
    this.heard = make('span', { class: 'heard' });
    this.ahead = make('span', { class: 'ahead' });
    this.note = make('span', { class: 'note' });
    this.sorryTag = make('small');
    this.sorrySaid = make('span', { class: 'said' });
    this.sorryAhead = make('span', { class: 'ahead' });
    this.sorry = make('span', { class: 'sorry' }, this.sorryTag, this.sorrySaid, this.sorryAhead);
    this.sorry.hidden = true;
    this.reply = make('p', { class: 'words' }, this.heard, this.ahead, this.sorry, this.note);
    this.replyMore = make('div', { class: 'more' });
    this.who = make('h3', { class: 'who' }, say('you'));
    this.you = make('div', { class: 'voice you' }, this.who, this.said, this.saidMore);
    this.origin = ''; // how the words came, where that is worth a word
    /** @type {[TurnRecord, number] | null} */
    this.finished = null;
    this.sori = make('div', { class: 'voice sori' }, make('h3', { class: 'who' }, 'sori'), this.reply, this.replyMore);
    this.sori.hidden = true;
    this.timingWords = make('summary');
    this.timing = make('details', { class: 'timing' }, this.timingWords);
    this.timing.hidden = true;
    this.element = make('article', { class: 'turn' }, this.when, this.you, this.sori, this.timing);
    this.time(new Date());
  }

  /** A turn of earlier. @param {TurnRecord} record */
  static of(record) {
    const view = new TurnView();
    view.finish(record, 0);
    return view;
  }

  /** @param {Date} date */
  time(date) {
    this.when.dateTime = date.toISOString();
    this.when.textContent = date.toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' });
  }

  /** What the user said so far. @param {string} text @param {boolean} final */
  hear(text, final) {
    this.said.textContent = text || say('listening');
    this.said.classList.toggle('tentative', !final);
  }

  /** How the words came. @param {string} key */
  tag(key) {
    this.origin = key;
    this.who.replaceChildren(say('you'), make('small', {}, ` ${say(key)}`));
  }

  /** After the language of the page has changed. */
  again() {
    this.who.textContent = say('you');
    if (this.origin) this.tag(this.origin);
    if (this.finished) this.finish(...this.finished);
  }

  /** @param {string} heard @param {string} ahead @returns {boolean} it is another one than before */
  caption(heard, ahead) {
    this.sori.hidden = false;
    this.element.classList.toggle('speaking', ahead !== '');
    if (this.heard.textContent === heard && this.ahead.textContent === ahead) return false;
    this.heard.textContent = heard;
    this.ahead.textContent = ahead;
    return true;
  }

  /** The words that stand where a reply can't be. @param {string} said @param {string} ahead @param {boolean} speaking */
  apologize(said, ahead, speaking) {
    this.sori.hidden = this.sorry.hidden = false;
    this.sorryTag.replaceChildren(icon(STOPPED), say('apology'));
    this.sorrySaid.textContent = said;
    this.sorryAhead.textContent = ahead;
    this.element.classList.toggle('speaking', speaking);
  }

  /** A word beside the reply. @param {string} text @param {boolean} [bad] */
  remark(text, bad = false) {
    this.sori.hidden = false;
    this.note.textContent = text;
    this.note.classList.toggle('bad', bad);
  }

  /**
   * The turn is over.
   * @param {TurnRecord} record
   * @param {number} heardMS from the end of speech to the first sound as it was heard here, 0 if it was not
   */
  finish(record, heardMS) {
    this.finished = [record, heardMS];
    this.element.dataset.status = record.status;
    this.element.dataset.turn = record.id;
    this.time(new Date(record.started_at));
    if (record.atot_text) this.hear(record.atot_text, true);
    else if (record.input_ms) this.hear(say('unheard'), false);
    else this.you.hidden = !this.said.textContent;
    if (record.ttot_text) this.caption(record.ttot_text, '');
    if (record.apology) this.apologize(record.apology, '', false);
    if (record.heard_ms != null && record.status === 'cancelled') this.remark(`— ${say('stopped')}`);
    if (record.error) this.remark(failure(record.error.stage, record.error.code), true);
    else if (record.status === 'done' && !record.ttot_text) this.remark(say('noAnswer'));
    this.saidMore.replaceChildren();
    this.replyMore.replaceChildren();
    if (record.input_wav) this.saidMore.append(replayButton('playYou', record.input_wav, record.input_ms));
    if (record.output_wav) this.replyMore.append(replayButton('playSori', record.output_wav, record.output_ms));
    const { timings } = record;
    this.#picture(waterfall(timings, { heard: heardMS, outputMS: record.heard_ms ?? record.output_ms }));
    const first = heardMS || timings.heard_first_ms || timings.audio_first_ms;
    const text = timings.ttot_done_ms;
    this.timingWords.textContent = say('timingNone');
    if (first) this.timingWords.textContent = say(record.input_ms ? 'timing' : 'timingSent', { ms: duration(first) });
    else if (text) this.timingWords.textContent = say('timingText', { ms: duration(text) });
    delete this.timing.dataset.live;
  }

  /** How far the turn is. @param {import('./timing.js').Timing} timing */
  progress(timing) {
    const { timings, heard, outputMS } = timing.until(performance.now());
    this.#picture(waterfall(timings, { heard, outputMS }));
    this.timingWords.textContent = say('timingNone');
    this.timing.dataset.live = '';
  }

  /** @param {Element | null} picture of where the time went */
  #picture(picture) {
    this.timing.hidden = !picture;
    this.timing.replaceChildren(this.timingWords, ...(picture ? [picture] : []));
  }
}

/**
 * What a failed stage means to the user.
 * @param {string} stage
 * @param {string} code
 */
export function failure(stage, code) {
  /** @type {Record<string, string>} */
  const known = {
    engine_busy: 'failedBusy',
    no_speech: 'failedNoSpeech',
    language_unsupported: 'failedLanguage',
    engine_rejected: 'failedRejected',
    empty_reply: 'noAnswer',
  };
  const key = known[code] ?? `failed_${stage}`;
  return has(key) ? say(key) : code;
}
