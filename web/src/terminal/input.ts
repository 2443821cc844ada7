/**
 * What was typed and not yet taken by the shell. Bytes are numbered, so that
 * after a cut connection they are sent again from the right place: the shell's
 * side drops what it has, and nothing is typed twice or lost. Pure.
 */

/** Bytes that wait at most; what is typed beyond it is refused, never dropped in the middle. */
export const mostWaiting = 1024 * 1024;
/** While there is no connection: a few lines typed ahead, not a file pasted into the void. */
export const mostOffline = 64 * 1024;
/** Bytes of one frame. */
const chunk = 16 * 1024;

export interface InputFrame {
  offset: number;
  data: Uint8Array;
}

export class InputQueue {
  /** Number of the first waiting byte. */
  private base = 0;
  private waiting: Uint8Array[] = [];
  private size = 0;
  private next = 0;
  private greeted = false;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.size;
  }

  /** Number of the next byte that will be typed. */
  get end(): number {
    return this.base + this.size;
  }

  /** Number of the next byte to send on this connection. */
  get sent(): number {
    return this.next;
  }

  /** Adds typed bytes whole, or refuses them whole and answers false. */
  type(data: Uint8Array, connected: boolean): boolean {
    if (this.size + data.length > (connected ? mostWaiting : mostOffline)) return false;
    if (data.length > 0) this.waiting.push(data);
    this.size += data.length;
    return true;
  }

  /**
   * A connection begins; the shell has taken `received` bytes of this page's
   * typing. A number that can't be ours (a new shell, a name used by another
   * page) starts the count anew, and what waited for the old shell is dropped:
   * better retyped than typed twice. Answers how many bytes were dropped.
   */
  greet(received: number): number {
    let lost = 0;
    if (!this.greeted) {
      this.base = received;
      this.greeted = true;
    } else if (received >= this.base && received <= this.end) {
      this.drop(received - this.base);
    } else {
      lost = this.size;
      this.waiting = [];
      this.size = 0;
      this.base = received;
    }
    this.next = this.base;
    return lost;
  }

  /** The shell has taken `count` bytes in all. */
  taken(count: number): void {
    if (count > this.base && count <= this.end) this.drop(count - this.base);
    this.next = Math.max(this.next, this.base);
  }

  /** The shell became another one: its count begins at 0. */
  restart(): number {
    const lost = this.size;
    this.waiting = [];
    this.size = 0;
    this.base = 0;
    this.next = 0;
    this.greeted = true;
    return lost;
  }

  /** The next frame to send on this connection, at most `window` bytes beyond what is taken; undefined when none. */
  frame(window: number): InputFrame | undefined {
    const room = Math.min(chunk, this.base + window - this.next, this.end - this.next);
    if (room <= 0) return undefined;
    const data = this.slice(this.next - this.base, room);
    const offset = this.next;
    this.next += data.length;
    return { offset, data };
  }

  private slice(from: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    let at = 0;
    let skip = from;
    for (const part of this.waiting) {
      if (skip >= part.length) {
        skip -= part.length;
        continue;
      }
      const piece = part.subarray(skip, skip + length - at);
      out.set(piece, at);
      at += piece.length;
      skip = 0;
      if (at === length) break;
    }
    return out;
  }

  private drop(n: number): void {
    this.base += n;
    this.size -= n;
    let left = n;
    while (left > 0) {
      const first = this.waiting[0]!;
      if (first.length > left) {
        this.waiting[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.waiting.shift();
    }
  }
}
