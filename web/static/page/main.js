// The page: puts its parts together.

import { Sori, SoriError } from '../sori.js';
import { Conversation } from './conversation.js';
import { find } from './dom.js';
import { Health } from './health.js';
import { History } from './history.js';
import { settings as wire } from './preferences.js';
import { showKey } from './server.js';
import { Settings } from './settings.js';
import { SignIn, whoAmI } from './signin.js';
import { ConnectionStatus, Doing, KEY_REFUSED, notify, unnotify } from './status.js';
import { Strip } from './strip.js';
import { Talk } from './talk.js';
import { failure } from './turn.js';
import { welcome } from './welcome.js';
import { has, say } from './words.js';

const settings = new Settings();
const sori = new Sori({ user: settings.values.user, ...wire(settings.values) }, { key: () => settings.values.key });
const conversation = new Conversation(sori, find('conversation'));
const connection = new ConnectionStatus(sori, connect);
const doing = new Doing();
const strip = new Strip(/** @type {HTMLCanvasElement} */ (find('strip')));
const history = new History(() => settings.values.user);
const signIn = new SignIn((key, user) => {
  settings.set({ key });
  enter(user);
});
const talk = new Talk(sori, {
  async open() {
    doing.show('doMicrophone', true);
    try {
      await sori.openMicrophone({ deviceId: settings.values.microphone });
      unnotify();
      return true;
    } catch (cause) {
      complain(cause, () => talk.begin());
      return false;
    } finally {
      doing.show('');
    }
  },
  listening() {
    if (talk.mode === 'push') {
      conversation.listen();
      doing.show('doHearing');
    } else doing.show('doListening');
  },
  finished(turn) {
    if (turn) doing.show('doSending', true);
    else {
      conversation.forget();
      rest();
    }
  },
  stop,
});

/** What the server has to tell, in the language of the page where that is known. @param {string} code @param {string} message */
const told = (code, message) => (has(`told_${code}`) ? say(`told_${code}`) : message);

/** Says in words what went wrong. @param {unknown} cause @param {() => void} [again] */
function complain(cause, again) {
  const code = cause instanceof SoriError ? cause.code : '';
  notify(has(code) ? say(code) : String(cause), { bad: true, again });
}

function stop() {
  sori.cancel();
}

/** What is to be seen when nobody does anything. */
function rest() {
  doing.show(talk.on ? (talk.mode === 'push' ? 'doHearing' : 'doListening') : '');
}

function showStop() {
  /** @type {HTMLButtonElement} */ (find('stop')).disabled = !sori.turn && !sori.playing;
}

// What sori does, step by step.
sori.on('speech.started', () => sori.playing || doing.show('doHearing'));
sori.on('speech.stopped', ({ discarded }) => (discarded ? rest() : doing.show('doAtot', true)));
sori.on('atot.started', () => doing.show('doAtot', true));
sori.on('ttot.started', () => sori.playing || doing.show('doTtot', true));
sori.on('tts.started', () => sori.playing || doing.show('doTts', true));
sori.on('reply.paused', () => doing.show('doPaused'));
sori.on('reply.resumed', () => doing.show('doSpeaking'));
sori.on('playback', ({ turn }) => sori.playing === turn && doing.key !== 'doPaused' && doing.key !== 'doHearing' && doing.show('doSpeaking'));
sori.on('playback.ended', () => sori.turn || rest());
sori.on('event', ({ type }) => {
  if (/^turn\.(done|cancelled|failed)$/.test(type) && !sori.playing) rest();
  showStop();
});
sori.on('playback', showStop);
sori.on('playback.ended', showStop);
sori.on('level', ({ source, level }) => strip.hear(source, level));

// What is not as it should be.
sori.on('turn.failed', ({ stage, code }) => notify(failure(stage, code), { bad: true }));
sori.on('warning', ({ code, message }) => notify(told(code, message)));
sori.on('error', ({ code, message }) => {
  rest();
  conversation.forget();
  if (code === 'no_voice_detector') {
    settings.set({ mode: 'push' });
    notify(say('noDetector'));
  } else if (code !== 'utterance_empty') notify(told(code, message), { bad: true });
});
sori.on('restored', ({ lostTurn, again }) => notify(say(lostTurn ? (again ? 'restoredAgain' : 'restoredLost') : 'restored')));
sori.on('session.resumed', ({ lost }) => lost && notify(say('missed')));
sori.on('uplink.slow', () => notify(say('uplinkSlow')));
sori.on('microphone.lost', () => {
  talk.lost();
  rest();
  complain(new SoriError('mic_lost', ''), () => talk.begin());
});
sori.on('state', (now) => {
  if (now.state === 'waiting' || now.state === 'closed') rest();
  if (now.state === 'ready') health.watch();
  if (now.state === 'closed' && now.code === KEY_REFUSED) signIn.open(settings.values.key);
});
sori.on('session.ready', ({ languages, voices }) => {
  settings.languages = Object.values(languages ?? {});
  settings.voices = voices ?? [];
  welcome(sori.session, settings, write);
});

const health = new Health({
  starting(on) {
    if (on && !doing.key) doing.show('doStarting', true);
    if (!on && doing.key === 'doStarting') rest();
  },
  sick: (parts) => notify(say('sick', { parts }), { bad: true }),
  well: (parts) => find('notice').textContent?.includes(parts) && unnotify(),
});

// What the user does.
for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name=mode]'))) {
  radio.addEventListener('change', () => radio.checked && settings.set({ mode: radio.value }));
}
find('stop').addEventListener('click', stop);
find('write').addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (find('text'));
  const text = field.value.trim();
  if (text && (await write(text))) field.value = '';
});

/** @param {string} text @returns {Promise<boolean>} it was sent */
async function write(text) {
  try {
    await sori.openSpeaker();
    if (sori.state.state === 'ready') sori.cancel(); // else the text stays here, and so does what was asked before
    sori.text(text);
  } catch (cause) {
    complain(cause);
    return false;
  }
  conversation.wrote(text);
  doing.show('doSending', true);
  return true;
}

settings.onchange = (changed) => {
  showSettings();
  if ('microphone' in changed && talk.on) {
    talk.end();
    talk.begin();
  }
  // A session's user is set once, and what the server's own language is only a
  // new session tells.
  if ('user' in changed || changed.language === '' || changed.key === '') {
    location.reload();
    return;
  }
  if ('theme' in changed) strip.repaint();
  if (['language', 'voice', 'instructions', 'eagerness', 'mode'].some((name) => name in changed)) {
    sori.configure(wire(settings.values));
  }
};

function showSettings() {
  const { mode } = settings.values;
  for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name=mode]'))) {
    radio.checked = radio.value === mode;
  }
  talk.setMode(mode);
  connection.show();
  doing.again();
  conversation.again();
  welcome(sori.session, settings, write);
}

/** Connects, as the user that the key is for. */
async function connect() {
  const { key } = settings.values;
  showKey(key);
  if (!key) return enter(null);
  const { refused, user } = await whoAmI();
  if (refused) signIn.open(key);
  else enter(user);
}

/** @param {string | null} user null: whoever the user says to be */
function enter(user) {
  settings.only(user);
  sori.configure({ user: settings.values.user });
  sori.connect().catch(() => {}); // the state tells
}

showSettings();
addEventListener('pagehide', () => sori.close());
connect();

export { history, sori };
