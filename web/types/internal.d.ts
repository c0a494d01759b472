// Types that stay inside of the library.

/** What is said to the server: messages, and sound. */
type Said = string | Uint8Array | ArrayBuffer;

/** What the audio thread reports of the loudspeaker. */
interface Played {
  what: 'at' | 'ended';
  turn: number;
  /** Of the turn's audio that was handed to the device. */
  ms: number;
  /** 0 to 1. */
  level: number;
  /** How often the buffer ran dry. */
  gaps: number;
  /** What waits to be played, ms. */
  buffered: number;
}

/** A piece of a turn's audio in the audio thread. */
interface Piece {
  turn: number;
  samples: Float32Array;
  /** The next sample. */
  at: number;
  /** It is the turn's last. */
  end: boolean;
}

/** What the audio thread is told to do; fields are there where they mean something. */
interface Order {
  do: 'begin' | 'push' | 'end' | 'pause' | 'flush';
  turn: number;
  rate: number;
  pcm: ArrayBuffer;
  on: boolean;
}

/** What a Connection asks its holder for, and tells it. */
interface Handlers {
  /** Makes a socket. Fails with a close code that says whether to try again, and a message. */
  dial(attempt: number): Promise<WebSocket>;
  /** The line is there: say hello. */
  opened(): void;
  came(data: any): void;
  /** Send one. */
  ping(id: string): void;
  state(state: import('../static/sori.js').ConnectionState): void;
}
