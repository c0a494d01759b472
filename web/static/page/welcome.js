// What stands there before anything was said: who listens, in which languages,
// and how one could begin.

import { find, make } from './dom.js';
import { english } from './english.js';
import { language, say } from './words.js';

const FEW = 3; // more languages are not listed

/**
 * @param {import('../sori.js').Ready | null} session null: not yet
 * @param {import('./settings.js').Settings} settings
 * @param {(text: string) => void} write sends a text
 */
export function welcome(session, settings, write) {
  // Engines that still start don't say what they know: then nothing is promised.
  const sure = settings.languages.length > 0 && settings.languages.every((known) => known.length);
  const possible = sure ? settings.possible : [];
  if (session?.engines.atot) {
    const names = new Intl.DisplayNames([language()], { type: 'language' });
    const languages = new Intl.ListFormat(language()).format(possible.map((tag) => names.of(tag) ?? tag));
    find('engines').textContent = [say('engines', { ...session.engines }), possible.length > 0 && possible.length <= FEW && say('understands', { languages })].filter(Boolean).join(' ');
  }
  find('starters').replaceChildren(...['starter1', 'starter2', 'starter3'].map((key) => {
    const text = possible.includes(language()) ? say(key) : english[key];
    const button = make('button', { type: 'button' }, text);
    button.addEventListener('click', () => write(text));
    return make('li', {}, button);
  }));
}
