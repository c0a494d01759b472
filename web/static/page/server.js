// Requests to the server, with this device's key where it has one.

let key = '';

/** The key that goes along from now on, "" for none. @param {string} wanted */
export function showKey(wanted) {
  key = wanted;
}

/** Whether a key goes along. */
export const signedIn = () => key !== '';

/** @param {string} path @param {Record<string, string>} [headers] */
export const ask = (path, headers = {}) => fetch(path, { headers: key ? { ...headers, Authorization: `Bearer ${key}` } : headers });
