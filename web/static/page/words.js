// The page's texts, in the language of the interface.

import { english } from './english.js';
import { korean } from './korean.js';

/** @type {Record<string, Record<string, string>>} */
const languages = { en: english, ko: korean };

let current = 'en';

/** The languages of the interface. */
export const known = Object.keys(languages);

/** The language that the page speaks now. */
export const language = () => current;

/**
 * The text of a key, with values in it.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  const text = languages[current][key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/** Whether there is a text for the key. @param {string} key */
export const has = (key) => key in english;

/** Puts the whole page into a language. @param {string} wanted */
export function speak(wanted) {
  current = wanted in languages ? wanted : 'en';
  document.documentElement.lang = current;
  /** @type {Record<string, string>} */
  const places = { t: '', tLabel: 'aria-label', tPlaceholder: 'placeholder' };
  for (const [name, attribute] of Object.entries(places)) {
    const selector = `[data-${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}]`;
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector))) {
      const text = say(element.dataset[name] ?? '');
      if (attribute) element.setAttribute(attribute, text);
      else element.textContent = text;
    }
  }
}

/** A length of time as people say it. @param {number} ms */
export function duration(ms) {
  if (ms < 995) return `${Math.round(ms)} ms`;
  return `${new Intl.NumberFormat(current, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(ms / 1000)} s`;
}
