// An EventTarget with types, and with listeners that get the detail alone.

/** @template {object} Events the detail of each event, by its name */
export class Emitter extends EventTarget {
  /** Every such event. @template {keyof Events & string} K @param {K} type @param {(detail: Events[K]) => void} listener */
  on(type, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(type, heard);
    return () => this.removeEventListener(type, heard);
  }

  /** The next such event. @template {keyof Events & string} K @param {K} type @returns {Promise<Events[K]>} */
  next(type) {
    return new Promise((resolve) => {
      const off = this.on(type, (detail) => resolve((off(), detail)));
    });
  }

  /** @template {keyof Events & string} K @param {K} type @param {Events[K]} detail */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What goes wrong on this side of the wire. */
export class SoriError extends Error {
  /** @param {string} code for programs @param {string} message for people @param {unknown} [cause] */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = 'SoriError';
    this.code = code;
  }
}
