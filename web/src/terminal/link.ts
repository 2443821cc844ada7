/**
 * The page's end of one live shell: a WebSocket of frames that comes back by
 * itself, asks only for bytes that were not received yet, acknowledges what
 * was drawn, and sends what was typed exactly once. It knows no terminal
 * emulator: a Screen draws.
 */
import { ApiError, backOff, post, sentence, socketAddress } from '../api';
import { decodeFrame, encodeFrame, type FrameOut, type Hello, type TerminalInfo } from '../protocol';
import { InputQueue } from './input';

export interface Screen {
  /** Draws bytes and calls back when they are drawn. `replay` bytes are old: programs' questions in them stay unanswered. */
  draw(data: Uint8Array, replay: boolean, drawn: () => void): void;
  /** Forgets everything, as a terminal just switched on; in order with draw. */
  reset(): void;
  /** The shell's size, which rules: the screen draws at it. In order with draw. */
  resize(cols: number, rows: number): void;
  /** The size that would fill the place the screen has. */
  fit(): { cols: number; rows: number };
}

export type LinkState = 'starting' | 'connected' | 'slow' | 'lost' | 'refused' | 'exited';

/** The kind `p`: bytes of a repaint that belong before those of the next `s`. */
const partOfRepaint = 'p'.charCodeAt(0);
/** Drawn bytes after which the shell is told, well inside the window of 256 KiB. */
const ackEvery = 32 * 1024;
const defaultWindow = 256 * 1024;
/**
 * A lost connection is told within two seconds: a question every half second
 * while someone looks, an answer due in 1.25 s, looked at every quarter second.
 */
const askEvery = 500;
const silence = 1250;
const lookEvery = 250;
/** After this long without an answer the connection is made anew. */
const patience = 10_000;

export class TerminalLink {
  state: LinkState = 'starting';
  /** A sentence for the person when the state needs one. */
  message = '';
  /** Round trip of the last question to the shell's side, in milliseconds. */
  roundTrip: number | undefined;
  exitCode: number | undefined;
  hello: Hello | undefined;
  readonly input = new InputQueue();

  private socket: WebSocket | undefined;
  private tries = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  /** End of what was received; a reconnect asks from here. -1 asks for all there is. */
  private received = -1;
  private drawn = 0;
  private acked = 0;
  /** Bytes before this number are old ones, sent again. */
  private live = 0;
  private generation = 0;
  /** Parts of a repaint whose end has not come; until then the old screen stays. */
  private parts: Uint8Array[] = [];
  private probes: { end: number; at: number; empty: boolean }[] = [];
  /** Whether this shell's side answers empty questions; only then silence means something. */
  private answers = false;
  /** The last count that the shell's side told on this connection. */
  private counted: number | undefined;
  /** When the last empty question was sent. */
  private asked = 0;
  private sentSize = '';
  private ended = false;

  constructor(
    readonly node: string,
    readonly id: string,
    private readonly client: string,
    private readonly screen: Screen,
    private readonly changed: () => void,
    /** Whether someone looks at it now; only then it asks for signs of life. */
    private readonly watched: () => boolean = () => true,
  ) {}

  get path(): string {
    return `/api/nodes/${encodeURIComponent(this.node)}/terminals`;
  }

  /** Opens the shell, or finds it open, and keeps connected to it until close. */
  async open(): Promise<void> {
    if (this.ended || this.socket) return;
    clearTimeout(this.retry);
    try {
      const { cols, rows } = this.screen.fit();
      await post<TerminalInfo>(this.path, { id: this.id, cols, rows });
    } catch (err) {
      this.failed(err);
      return;
    }
    if (!this.ended) this.attach();
  }

  /** Tries again at once, because something got better. */
  hurry(): void {
    if (this.socket || this.ended || this.state === 'exited' || this.state === 'refused') return;
    this.tries = 0;
    void this.open();
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.retry);
    clearTimeout(this.ackTimer);
    clearInterval(this.beat);
    this.socket?.close(1000);
    this.socket = undefined;
  }

  /** Types bytes; false when too much waits already. */
  type(data: Uint8Array): boolean {
    if (this.state === 'exited' || this.state === 'refused') return false;
    const ok = this.input.type(data, this.state === 'connected' || this.state === 'slow');
    this.pump();
    return ok;
  }

  /** Tells the shell the size of this view, once per size. */
  resize(again = false): void {
    const { cols, rows } = this.screen.fit();
    const size = `${cols}x${rows}`;
    if (!this.socket || (size === this.sentSize && !again) || cols < 2 || rows < 1) return;
    this.sentSize = size;
    this.send({ kind: 'r', cols, rows });
  }

  /** Asks for a sign of life now. */
  probe(): void {
    if (!this.isOpen()) return;
    this.asked = performance.now();
    this.probes.push({ end: this.input.sent, at: performance.now(), empty: true });
    this.send({ kind: 'i', offset: this.input.sent, data: new Uint8Array(0) });
  }

  private attach(): void {
    const from = this.received;
    const born = from >= 0 && this.hello?.born ? `&born=${this.hello.born}` : '';
    const query = `client=${this.client}&from=${from}${born}`;
    const socket = new WebSocket(
      socketAddress(`${this.path}/${encodeURIComponent(this.id)}/socket?${query}`),
    );
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.generation++;
    this.parts = [];
    this.probes = [];
    this.counted = undefined;
    this.sentSize = '';
    socket.onmessage = m => {
      if (this.socket === socket && m.data instanceof ArrayBuffer) this.take(new Uint8Array(m.data));
    };
    socket.onclose = e => {
      if (this.socket === socket) this.cut(e.code, e.reason);
    };
    clearInterval(this.beat);
    this.beat = setInterval(() => this.heartbeat(), lookEvery);
  }

  private cut(code: number, reason: string): void {
    this.socket = undefined;
    clearInterval(this.beat);
    if (this.ended || this.state === 'exited') return;
    if ([4401, 4403, 4410].includes(code)) {
      this.set('refused', reason || 'This terminal is closed to you. Open the join address again.');
      return;
    }
    this.set('lost', '');
    this.again();
  }

  private failed(err: unknown): void {
    const kind = err instanceof ApiError ? err.kind : 'internal';
    if (
      kind === 'signed-out' ||
      kind === 'forbidden' ||
      kind === 'ended' ||
      kind === 'invalid' ||
      kind === 'too-many'
    ) {
      this.set('refused', sentence(err));
      return;
    }
    this.set(this.hello ? 'lost' : 'starting', sentence(err));
    this.again();
  }

  private again(): void {
    clearTimeout(this.retry);
    if (!this.ended) this.retry = setTimeout(() => void this.open(), backOff(this.tries++));
  }

  private set(state: LinkState, message: string): void {
    this.state = state;
    this.message = message;
    this.changed();
  }

  private take(body: Uint8Array): void {
    if (body[0] === partOfRepaint) {
      this.parts.push(body.subarray(1));
      return;
    }
    const frame = decodeFrame(body);
    switch (frame.kind) {
      case 'h':
        this.greet(frame.hello);
        break;
      case 'o':
        this.output(frame.offset, frame.data);
        break;
      case 's':
        this.screen.reset();
        this.received = frame.offset;
        this.acked = -1;
        for (const part of this.parts.splice(0)) this.screen.draw(part, true, () => {});
        this.screen.draw(frame.data, true, this.whenDrawn(frame.offset));
        break;
      case 'z':
        this.parts = []; // were for the old size; all of them come again
        this.screen.resize(frame.cols, frame.rows);
        break;
      case 'k':
        this.answered(frame.count);
        break;
      case 'e':
        this.exitCode = frame.code;
        this.set('exited', '');
        this.socket?.close(1000);
        break;
    }
  }

  private greet(hello: Hello): void {
    const another =
      this.hello?.born !== undefined && hello.born !== undefined && this.hello.born !== hello.born;
    this.hello = hello;
    this.tries = 0;
    this.live = hello.offset;
    if (another) {
      this.screen.reset();
      this.received = -1;
      this.drawn = 0;
      this.acked = 0;
      this.input.restart();
    }
    this.screen.resize(hello.cols, hello.rows);
    this.input.greet(hello.inputReceived);
    this.set('connected', '');
    this.resize();
    this.probe();
    this.pump();
  }

  private output(offset: number, data: Uint8Array): void {
    let bytes = data;
    let at = offset;
    if (this.received >= 0 && at < this.received) {
      bytes = bytes.subarray(Math.min(this.received - at, bytes.length));
      at = this.received;
    }
    const old = Math.max(0, Math.min(bytes.length, this.live - at));
    this.received = at + bytes.length;
    if (old > 0) this.screen.draw(bytes.subarray(0, old), true, this.whenDrawn(at + old));
    if (old < bytes.length) this.screen.draw(bytes.subarray(old), false, this.whenDrawn(this.received));
  }

  private whenDrawn(upTo: number): () => void {
    const generation = this.generation;
    return () => {
      this.drawn = Math.max(this.drawn, upTo);
      if (generation !== this.generation) return;
      if (this.drawn - this.acked >= ackEvery) this.ack();
      else this.ackTimer ??= setTimeout(() => this.ack(), 50);
    };
  }

  private ack(): void {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    if (!this.isOpen() || this.drawn === this.acked) return;
    this.acked = this.drawn;
    this.send({ kind: 'a', offset: this.drawn });
  }

  private answered(count: number): void {
    this.input.taken(count);
    // The first count of a connection comes unasked and answers nothing that was typed on it.
    const unasked = this.counted === undefined;
    const same = this.counted === count;
    this.counted = count;
    let asked = this.probes[0];
    for (; asked && asked.end <= count && !(unasked && asked.empty); asked = this.probes[0]) {
      this.probes.shift();
      this.answers ||= asked.empty && same;
      this.roundTrip = Math.max(0, performance.now() - asked.at);
      if (asked.empty && asked.end === count) break; // one answer for each empty question
    }
    if (this.state === 'slow') this.set('connected', '');
    else this.changed();
    this.pump();
  }

  /** Sends what waits, as far as the shell's window reaches. */
  private pump(): void {
    if (!this.isOpen() || !this.hello || (this.state !== 'connected' && this.state !== 'slow')) return;
    const window = this.hello.inputWindow ?? defaultWindow;
    for (let f = this.input.frame(window); f; f = this.input.frame(window)) {
      this.probes.push({ end: f.offset + f.data.length, at: performance.now(), empty: false });
      this.send({ kind: 'i', offset: f.offset, data: f.data });
    }
  }

  private heartbeat(): void {
    const waited = this.probes[0] === undefined ? 0 : performance.now() - this.probes[0].at;
    if (this.answers && waited > silence && this.state === 'connected') this.set('slow', '');
    if (this.answers && waited > patience) {
      const socket = this.socket;
      this.socket = undefined;
      socket?.close(4000);
      this.cut(1006, '');
      return;
    }
    const due = performance.now() - this.asked >= askEvery;
    if (due && this.isOpen() && this.probes.length === 0 && this.watched()) this.probe();
  }

  private isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  private send(frame: FrameOut): void {
    if (this.isOpen()) this.socket?.send(encodeFrame(frame));
  }
}
