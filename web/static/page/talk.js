// The talk button, the space bar and the two ways to talk.

import { stayAwake } from './awake.js';
import { find } from './dom.js';
import { hush as hushReplay } from './replay.js';
import { say } from './words.js';

const TAIL = 150; // ms that are still sent after the button was let go: the last sound is on its way

/**
 * @typedef {object} Actions
 * @property {() => Promise<boolean>} open opens the microphone, and says whether it is open
 * @property {() => void} listening the user may speak now
 * @property {(turn: boolean) => void} finished the user let go; whether a turn follows
 * @property {() => void} stop stops the reply
 */

export class Talk {
  /**
   * @param {import('../sori.js').Sori} sori
   * @param {Actions} actions
   */
  constructor(sori, actions) {
    this.sori = sori;
    this.actions = actions;
    this.button = find('talk');
    this.mode = 'free';
    this.held = false; // the button, or the space bar
    this.opening = false;
    this.on = false;
    this.#pointer();
    this.#keyboard();
  }

  /** @param {string} mode free or push */
  setMode(mode) {
    if (mode !== this.mode) this.end();
    this.mode = mode;
    this.show();
  }

  show() {
    const push = this.mode === 'push';
    this.button.dataset.state = this.opening ? 'opening' : this.on ? 'on' : 'off';
    this.button.setAttribute('aria-pressed', String(this.on));
    find('talk-label').textContent = say(push ? 'talkHold' : this.on ? 'talkStop' : 'talkStart');
    document.title = say(this.on ? 'titleListening' : 'title');
    stayAwake(this.on);
    const keys = matchMedia('(hover: none)').matches ? 'Touch' : '';
    find('talk-hint').textContent = say(push ? `hintPush${keys}` : this.on ? 'hintFree' : `hintFreeOff${keys}`);
  }

  /** Begins to listen. */
  async begin() {
    if (this.on || this.opening) return;
    hushReplay();
    this.opening = true;
    this.show();
    const open = await this.actions.open();
    this.opening = false;
    const late = this.mode === 'push' && !this.held; // let go while the browser still asked
    if (open && !late) {
      this.sori.talk();
      this.on = true;
      this.actions.listening();
    }
    this.show();
  }

  /** Ends listening, or the turn that is held. */
  end() {
    if (!this.on) return;
    this.on = false;
    const turn = this.sori.hush();
    if (this.mode === 'free') this.sori.closeMicrophone();
    this.actions.finished(turn);
    this.show();
  }

  /** The microphone is gone. */
  lost() {
    this.on = false;
    this.show();
  }

  #press() {
    this.held = true;
    if (this.mode === 'push') this.begin();
    else if (this.on) this.end();
    else this.begin();
  }

  #letGo() {
    if (!this.held) return;
    this.held = false;
    if (this.mode === 'push') setTimeout(() => this.held || this.end(), TAIL);
  }

  #pointer() {
    const { button } = this;
    let pressed = false;
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      pressed = true;
      button.setPointerCapture(event.pointerId);
      this.#press();
    });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      button.addEventListener(end, () => this.#letGo());
    }
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // a long touch is no menu here
    // A screen reader clicks without a pointer: there the button is a switch.
    button.addEventListener('click', () => {
      const byPointer = pressed;
      pressed = false;
      if (byPointer) return;
      if (this.on) {
        this.held = false;
        this.end();
      } else this.#press();
    });
  }

  #keyboard() {
    document.addEventListener('keydown', (event) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
      if (event.key === 'Escape') this.actions.stop();
      if (!this.#isTalkKey(event)) return;
      event.preventDefault();
      if (!event.repeat) this.#press();
    });
    document.addEventListener('keyup', (event) => {
      if (!this.#isTalkKey(event)) return;
      event.preventDefault();
      this.#letGo();
    });
    addEventListener('blur', () => this.#letGo()); // the key goes up elsewhere
  }

  /** The space bar, and on the button itself Enter too. @param {KeyboardEvent} event */
  #isTalkKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target === this.button) return event.key === ' ' || event.key === 'Enter';
    return event.key === ' ' && !target.closest('input, textarea, select, button, summary, a, dialog');
  }
}
