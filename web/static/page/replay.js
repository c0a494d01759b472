// Plays recordings of earlier turns, one at a time.

import { icon, make } from './dom.js';
import { ask, signedIn } from './server.js';
import { duration, say } from './words.js';

const PLAY = 'M8 5.5v13l11-6.5z';
const STOP = 'M7 7h10v10H7z';

const player = new Audio();
/** @type {(() => void) | null} */
let restore = null; // gives the button in use its usual face

player.addEventListener('ended', () => hush());

/** Stops what plays. */
export function hush() {
  player.pause();
  restore?.();
  restore = null;
}

/** A recording that only a key gets: elements can't show one. @param {string} url */
async function fetched(url) {
  const answer = await ask(url);
  if (!answer.ok) throw new Error(answer.statusText);
  return URL.createObjectURL(await answer.blob());
}

/**
 * A button that plays a recording.
 * @param {'playYou' | 'playSori'} label
 * @param {string} url
 * @param {number} ms length, for the label
 * @returns {HTMLButtonElement}
 */
export function replayButton(label, url, ms) {
  const button = make('button', { type: 'button', class: 'replay', 'data-replay': url });
  const face = (/** @type {boolean} */ on) => {
    button.replaceChildren(icon(on ? STOP : PLAY), make('span', { 'aria-hidden': 'true' }, duration(ms)));
    button.setAttribute('aria-label', on ? say('playing') : say(label, { length: duration(ms) }));
    button.classList.toggle('on', on);
  };
  face(false);
  button.addEventListener('click', async () => {
    const mine = button.classList.contains('on');
    hush();
    if (mine) return;
    face(true);
    restore = () => (face(false), button.removeAttribute('aria-busy'));
    const slow = setTimeout(() => button.setAttribute('aria-busy', 'true'), 500);
    try {
      URL.revokeObjectURL(player.src);
      player.src = signedIn() ? await fetched(url) : url;
      await player.play();
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === 'AbortError') return; // another one was asked for
      hush();
      button.replaceChildren(make('span', {}, say('recordingGone')));
    } finally {
      clearTimeout(slow);
      button.removeAttribute('aria-busy');
    }
  });
  return button;
}
