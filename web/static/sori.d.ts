// The types of sori's client library. What stands here of messages and events is
// the wire's own: docs/protocol.md says more about each.

export type Encoding = 'pcm_s16le' | 'opus';

export interface Format {
  encoding: Encoding;
  /** Hz, 8,000 to 48,000. */
  rate: number;
}

export interface TurnDetection {
  /** manual: commit() or hush() ends a turn; server_vad: silence does; semantic: silence and what was said. */
  mode: 'manual' | 'server_vad' | 'semantic';
  threshold?: number;
  prefix_padding_ms?: number;
  silence_ms?: number;
  min_speech_ms?: number;
  eagerness?: 'low' | 'medium' | 'high';
}

export interface Tool {
  name: string;
  description?: string;
  /** A JSON Schema of an object. */
  parameters?: object;
}

/** Of a session. What is absent stays as it is on the server. */
export interface Settings {
  /** Whose history the turns go to. It can be set only once in a session. */
  user?: string;
  /** What is sent. Default: pcm_s16le at 16,000 Hz. */
  input?: Format;
  /** What comes back. Default: pcm_s16le at 24,000 Hz. */
  output?: Format;
  /** BCP 47, such as "en" or "ko". */
  language?: string;
  voice?: string;
  instructions?: string;
  profile?: string;
  turn_detection?: TurnDetection;
  /** How far audio comes ahead of the voice, 20 to 60,000 ms; 0: at once. */
  pace_ms?: number;
  /** Transcripts while the user speaks. */
  partials?: boolean;
  /** A turn lasts until its reply was heard, as this library reports it, and not only until it was sent. Default: false. */
  playback_reports?: boolean;
  idle_prompt?: { after_ms: number; text: string };
  tools?: Tool[];
}

/** A function of this client that the model may call. */
export interface ClientTool {
  description?: string;
  parameters?: object;
  /** What it gives goes to the model, as JSON unless it is a string; an error is told to it. */
  run(args: any): unknown;
}

export interface Options {
  /** Default: /ws on the server that the library was loaded from. */
  url?: string;
  /** For runtimes without a WebSocket of their own, such as Node 20. */
  WebSocket?: any;
  /** Where the server asks for one: an API key, a session token or a JSON Web Token, or what gets a fresh one for each connection. */
  key?: string | (() => string | undefined | Promise<string | undefined>);
  /** Come back when the connection breaks. Default: true. */
  reconnect?: boolean;
  tools?: Record<string, ClientTool>;
}

export type StageName = 'atot' | 'ttot' | 'tts';

/** Milliseconds from the end of speech; null: it did not happen. */
export interface Timings {
  decision_ms: number | null;
  atot_done_ms: number | null;
  ttot_first_ms: number | null;
  clause_first_ms: number | null;
  tts_first_ms: number | null;
  audio_first_ms: number | null;
  heard_first_ms: number | null;
  ttot_done_ms: number | null;
  tts_done_ms: number | null;
  end_ms: number | null;
}

export interface Engines {
  atot: string;
  ttot: string;
  tts: string;
}

/** What history keeps of a turn. */
export interface TurnRecord {
  id: string;
  user_id: string;
  session_id: string;
  turn: number;
  status: 'done' | 'cancelled' | 'failed';
  started_at: string;
  ended_at: string;
  language: string;
  /** A path on the server; null for typed text. */
  input_wav: string | null;
  atot_text: string;
  ttot_text: string;
  output_wav: string | null;
  input_ms: number;
  output_ms: number;
  heard_ms: number | null;
  engines: Engines;
  error: { stage: string; code: string; message: string } | null;
  /** What the user was told where the turn could not be answered. */
  apology?: string;
  timings: Timings;
  /** What this client said up to this number is settled with the turn. */
  received?: number;
}

/** Stands at the start of every event from the server. */
export interface Head<T extends string> {
  type: T;
  /** 1, 2, 3 …; frames of audio are counted too. */
  seq: number;
  /** 0 outside of a turn. */
  turn: number;
  /** Since the session began. */
  ms: number;
}

export interface Ready extends Head<'session.ready'> {
  session: string;
  user: string;
  input: Format;
  output: Format;
  language: string;
  voice: string;
  instructions: string;
  profile: string;
  turn_detection: Required<TurnDetection>;
  pace_ms: number;
  partials: boolean;
  playback_reports: boolean;
  idle_prompt: { after_ms: number; text: string };
  tools: Tool[] | null;
  engines: Engines;
  /** Base tags, such as "en"; an empty list: the engine does not say. */
  languages: { atot: string[]; ttot: string[]; tts: string[] };
  /** Can be asked for by name; an empty list: the engine does not say. */
  voices: string[];
  limits: { frame_bytes: number; text_bytes: number; utterance_ms: number };
  /** The key is "" where the server resumes no sessions. */
  resume?: { key: string; /** how long the session waits for a lost client */ wait_ms: number };
}

/** The session goes on over a new connection; what was missed comes next. Its turn is the live one, or 0. */
export interface Resumed extends Head<'session.resumed'> {
  session: string;
  /** The number of the last message of this client that the session has. */
  received: number;
  /** Messages of the server that are not held any more. */
  lost: number;
}

export interface Ack extends Head<'ack'> {
  /** What this client said up to this number will not be needed again. */
  received: number;
}

/** The server is about to close the connection; the library comes back after the delay. */
export interface GoingAway extends Head<'going_away'> {
  delay_ms: number;
  reason: string;
}

export interface TurnStarted extends Head<'turn.started'> {
  id: string;
  source: 'speech' | 'text' | 'idle';
  input_ms: number;
}

export interface StageStarted<S extends StageName> extends Head<`${S}.started`> {
  engine: string;
}

/** atot: the transcript so far. ttot: the next piece of the reply. tts: the clause that is spoken from audio_ms on. */
export interface StagePartial<S extends StageName> extends Head<`${S}.partial`> {
  text: string;
  audio_ms?: number;
}

export interface StageDone<S extends StageName> extends Head<`${S}.done`> {
  text: string;
  took_ms: number;
  audio_ms?: number;
}

export interface StageFailed<S extends StageName> extends Head<`${S}.failed`> {
  code: string;
  message: string;
}

export interface AudioBegin extends Head<'audio.begin'>, Format {}

export interface AudioEnd extends Head<'audio.end'> {
  bytes: number;
  audio_ms: number;
}

export interface TurnDone extends Head<'turn.done'> {
  record: TurnRecord;
}

export interface TurnCancelled extends Head<'turn.cancelled'> {
  reason: 'client' | 'superseded' | 'interrupted' | 'session';
  record: TurnRecord;
}

export interface TurnFailed extends Head<'turn.failed'> {
  stage: StageName;
  code: string;
  message: string;
  record: TurnRecord;
}

export interface SpeechStarted extends Head<'speech.started'> {
  audio_ms: number;
}

export interface SpeechPartial extends Head<'speech.partial'> {
  text: string;
}

export interface SpeechStopped extends Head<'speech.stopped'> {
  audio_ms: number;
  /** Why no turn follows. */
  discarded?: 'no_words' | 'nod' | 'echo';
}

export interface ReplyPaused extends Head<'reply.paused'> {}
export interface ReplyResumed extends Head<'reply.resumed'> {}

export interface ReplyCorrected extends Head<'reply.corrected'> {
  heard: string;
  heard_ms: number;
  written: string;
}

/** The turn can't be answered, in words for the user. They are no reply: no tts events belong to them. */
export interface Apology extends Head<'reply.apology'> {
  text: string;
  /** Its audio begins now, behind what there was of the reply; else the text is to be shown. */
  spoken: boolean;
}

/** How far the limits of the user and of the key are used. */
export interface QuotaUpdated extends Head<'quota.updated'> {
  quotas: {
    name: 'sessions' | 'turns' | 'audio_seconds' | 'stored_bytes';
    limit: number;
    remaining: number;
    /** ms until all of it is there again; 0: no matter of time, or nothing is used. */
    reset_ms: number;
  }[];
}

export interface ToolCall extends Head<'tool.call'> {
  id: string;
  name: string;
  arguments: any;
}

export interface Cleared extends Head<'utterance.cleared'> {
  input_ms: number;
}

export interface Warning extends Head<'warning'> {
  code: string;
  message: string;
}

export interface Problem extends Head<'error'> {
  code: string;
  message: string;
}

export interface Pong extends Head<'pong'> {
  id?: string;
}

type StageEvent<S extends StageName> = StageStarted<S> | StagePartial<S> | StageDone<S> | StageFailed<S>;

export type ServerEvent =
  | Ready | Resumed | Ack | GoingAway | TurnStarted | StageEvent<'atot'> | StageEvent<'ttot'> | StageEvent<'tts'>
  | AudioBegin | AudioEnd | TurnDone | TurnCancelled | TurnFailed
  | SpeechStarted | SpeechPartial | SpeechStopped | ReplyPaused | ReplyResumed | ReplyCorrected | Apology
  | QuotaUpdated | ToolCall | Cleared | Warning | Problem | Pong;

export type ConnectionState =
  | { state: 'connecting'; attempt: number }
  | { state: 'ready' }
  | { state: 'waiting'; attempt: number; retryInMs: number; code: number; reason: string }
  | { state: 'closed'; code: number; reason: string };

/** What a Sori emits: the server's events under their types, and its own. */
export type SoriEvents = { [E in ServerEvent as E['type']]: E } & {
  /** Every event of the server. */
  event: ServerEvent;
  /** The connection's. */
  state: ConnectionState;
  /** The connection was lost and its session, too: this is a new one of the same user with the same settings. */
  restored: {
    session: string;
    previous: string;
    /** The turn that was cut off, or 0. */
    lostTurn: number;
    /** Something that was said and not answered was said again, to the new session. */
    again: boolean;
  };
  /** A piece of a reply, in the session's output format. */
  audio: { turn: number; rate: number; pcm: ArrayBuffer };
  /** How loud it is, 0 to 1, about 50 times a second. */
  level: { source: 'input' | 'output'; level: number };
  /** How much of a reply was heard, about 50 times a second while it sounds. */
  playback: { turn: number; ms: number; /** ms that wait to be played */ buffered: number; /** how often nothing did */ gaps: number };
  /** The reply is silent from here on: it was played to its end, or stopped. */
  'playback.ended': { turn: number; ms: number };
  'microphone.lost': {};
  /** The network takes less than is said; sound was left out. */
  'uplink.slow': {};
};

export class Sori extends EventTarget {
  constructor(settings?: Settings, options?: Options);

  /** As the server last described it. */
  readonly session: Ready | null;
  readonly state: ConnectionState;
  /** The number of the last thing that came from the server, audio included. */
  readonly lastSeq: number;
  /** The live turn, 0 when there is none. */
  readonly turn: number;
  /** The turn whose reply sounds now, 0 when none does. */
  readonly playing: number;
  /** What the microphone hears goes to the server. */
  readonly talking: boolean;
  /** The open microphone's device id, or "". */
  readonly microphone: string;

  /** Calls listener with every such event; the result ends it. */
  on<K extends keyof SoriEvents & string>(type: K, listener: (detail: SoriEvents[K]) => void): () => void;
  /** The next such event. */
  next<K extends keyof SoriEvents & string>(type: K): Promise<SoriEvents[K]>;

  /** Opens the session. It fails only when there is no use in trying again. */
  connect(): Promise<Ready>;
  /** Ends the session, and gives microphone and loudspeaker back. */
  close(): Promise<void>;
  /** Changes settings, now and for each reconnection. */
  configure(settings: Settings): void;

  /** Says something in writing. It stops a reply that sounds. */
  text(text: string): void;
  /** Sends audio from elsewhere than the microphone: whole samples in the session's input format. */
  send(audio: ArrayBuffer | ArrayBufferView): void;
  /** Ends the utterance: what was sent is the user's turn. */
  commit(): void;
  /** Throws away what was sent since the last turn. */
  clear(): void;
  /** Stops the reply, here at once and then on the server. */
  cancel(): void;
  /** Answers a tool call that no tool in the options answers. */
  answerTool(id: string, output: string, error?: string): void;

  /** Makes replies audible. Browsers allow it only after the user did something on the page. */
  openSpeaker(): Promise<void>;
  /** Opens the microphone. Fails with a SoriError whose code begins with "mic_". */
  openMicrophone(options?: { deviceId?: string }): Promise<void>;
  closeMicrophone(): void;
  /** Sends what the microphone hears from now on, and the 200 ms before. With manual turn detection it stops a reply that sounds. */
  talk(): void;
  /** Sends no more of the microphone. With manual turn detection this ends the utterance; true says that a turn follows. */
  hush(): boolean;
}

/** Codes: closed, not_connected, no_websocket, no_url, audio_failed, mic_closed, mic_refused, mic_missing, mic_busy, mic_insecure, mic_failed. */
export class SoriError extends Error {
  constructor(code: string, message: string, cause?: unknown);
  readonly code: string;
}
