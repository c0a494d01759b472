// While sori listens, a phone does not fall asleep: its microphone would, too.

let wanted = false;
let asking = false;
/** @type {WakeLockSentinel | null} */
let lock = null;

/** @param {boolean} on */
export function stayAwake(on) {
  wanted = on;
  hold();
}

// A page that is not seen loses its hold, and takes it again.
document.addEventListener('visibilitychange', hold);

async function hold() {
  if (asking) return;
  asking = true;
  const want = wanted && !document.hidden;
  if (want && (!lock || lock.released)) {
    lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null; // a phone that saves power may refuse
  } else if (!want) {
    await lock?.release();
    lock = null;
  }
  asking = false;
  if (want !== (wanted && !document.hidden)) hold(); // it changed meanwhile
}
