/**
 * Recordings in asciicast v3 (and v2), and time going over them. Pure: no
 * clock and no screen of its own.
 */

export interface CastEvent {
  /** Seconds since the recording began. */
  at: number;
  code: string;
  data: string;
}

export interface Cast {
  cols: number;
  rows: number;
  /** Unix seconds at which it began; 0 when unknown. */
  timestamp: number;
  events: CastEvent[];
  /** Seconds from its beginning to its last event. */
  length: number;
}

/** Reads a recording. A last line that a crash left half is passed over; anything else malformed throws. */
export function parseCast(text: string): Cast {
  const lines = text.split('\n');
  const whole = text.endsWith('\n') ? lines.length : lines.length - 1;
  const header = JSON.parse(lines[0] ?? '') as {
    version?: number;
    term?: { cols?: number; rows?: number };
    width?: number;
    height?: number;
    timestamp?: number;
  };
  if (header.version !== 2 && header.version !== 3)
    throw new Error('This recording is of a version that is not known.');
  const cast: Cast = {
    cols: header.term?.cols ?? header.width ?? 80,
    rows: header.term?.rows ?? header.height ?? 24,
    timestamp: header.timestamp ?? 0,
    events: [],
    length: 0,
  };
  let at = 0;
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.trim() === '' || line.startsWith('#')) continue;
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      if (i >= whole - 1) break;
      throw new Error(`Line ${i + 1} of this recording can't be read.`);
    }
    if (!Array.isArray(event) || typeof event[0] !== 'number' || typeof event[1] !== 'string') continue;
    at = header.version === 3 ? at + Math.max(0, event[0]) : Math.max(at, event[0]);
    cast.events.push({ at, code: event[1], data: String(event[2] ?? '') });
  }
  cast.length = at;
  return cast;
}

/** The number of events that happened up to a moment, by halving. */
export function eventsUpTo(events: readonly { at: number }[], at: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle]!.at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a cast is drawn. Calls are in order. */
export interface CastScreen {
  reset(cols: number, rows: number): void;
  write(data: string): void;
  resize(cols: number, rows: number): void;
}

/** Brings a screen to any moment of a cast: onwards event by event, backwards from the beginning. */
export class CastPlayer {
  private done = -1;

  constructor(
    readonly cast: Cast,
    private readonly screen: CastScreen,
  ) {}

  /** Draws what the terminal showed `at` seconds after the recording began. */
  seek(at: number): void {
    const { events } = this.cast;
    const target = at < 0 ? 0 : eventsUpTo(events, at);
    if (this.done < 0 || target < this.done) {
      this.screen.reset(this.cast.cols, this.cast.rows);
      this.done = 0;
    }
    let out: string[] = [];
    const flush = () => {
      if (out.length > 0) this.screen.write(out.join(''));
      out = [];
    };
    for (; this.done < target; this.done++) {
      const e = events[this.done]!;
      if (e.code === 'o') out.push(e.data);
      const size = e.code === 'r' ? /^(\d+)x(\d+)$/.exec(e.data) : null;
      if (size) {
        flush();
        this.screen.resize(Number(size[1]), Number(size[2]));
      }
    }
    flush();
  }
}

/** A moment on an axis that plays, pauses, jumps and passes over what is idle. Times in seconds. */
export class Playhead {
  at = 0;
  playing = false;
  speed = 1;
  foldIdle = true;

  /** `moments` are times at which something happens, ascending. */
  constructor(
    readonly length: number,
    private readonly moments: readonly { at: number }[],
  ) {}

  /** Time went on by `seconds` of the watcher's own clock. Answers whether the moment changed. */
  tick(seconds: number): boolean {
    if (!this.playing) return false;
    let next = this.at + seconds * this.speed;
    if (this.foldIdle) {
      const coming = this.moments[eventsUpTo(this.moments, this.at)]?.at ?? this.length;
      if (coming - this.at > idle) next = Math.max(next, coming - idle / 4);
    }
    this.jump(next);
    if (this.at >= this.length) this.playing = false;
    return true;
  }

  jump(to: number): void {
    this.at = Math.min(this.length, Math.max(0, to));
  }

  /** The mark after or before this moment. */
  mark(marks: readonly number[], direction: 1 | -1): void {
    const to =
      direction > 0 ? marks.find(m => m > this.at + 0.01) : [...marks].reverse().find(m => m < this.at - 0.5);
    this.jump(to ?? (direction > 0 ? this.length : 0));
  }
}

/** Seconds without anything that count as idle. */
const idle = 2;

/** A moment out of an address: "75", "1:15", "1m15s". Undefined when it is none. */
export function parseMoment(text: string | null): number | undefined {
  if (!text) return undefined;
  const colon = /^(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(text);
  if (colon) return Number(colon[1] ?? 0) * 3600 + Number(colon[2]) * 60 + Number(colon[3]);
  const units = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$/.exec(text);
  if (!units) return undefined;
  return Number(units[1] ?? 0) * 3600 + Number(units[2] ?? 0) * 60 + Number(units[3] ?? 0);
}

/** How busy each of `cells` equal parts of an axis is, 0 to 1. */
export function density(moments: readonly { at: number }[], length: number, cells: number): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (const { at } of moments) {
    const i = Math.min(cells - 1, Math.max(0, Math.floor((at / Math.max(length, 0.001)) * cells)));
    counts[i] = (counts[i] ?? 0) + 1;
  }
  const most = Math.max(1, ...counts);
  return counts.map(c => (c === 0 ? 0 : 0.25 + 0.75 * (Math.log1p(c) / Math.log1p(most))));
}

/** Moves places on a line of `width` apart, so that neighbours are `gap` from each other, as little as it takes. */
export function spread(places: readonly number[], width: number, gap: number): number[] {
  const out = [...places];
  const step = Math.min(gap, width / Math.max(1, out.length));
  for (let i = 1; i < out.length; i++) out[i] = Math.max(out[i]!, out[i - 1]! + step);
  let limit = width;
  for (let i = out.length - 1; i >= 0; i--) {
    out[i] = Math.min(out[i]!, limit);
    limit = out[i]! - step;
  }
  return out;
}
