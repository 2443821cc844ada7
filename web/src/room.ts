/**
 * What the page knows of the session: the fold of its events and what is not
 * history (ports, nodes, presence, speed), from one WebSocket that comes back
 * by itself. Listeners are told after each message.
 */
import { backOff, socketAddress } from './api';
import { apply, newProgress, readSnapshot } from './progress';
import type {
  Boot,
  Doing,
  JournalEvent,
  NodeState,
  Participant,
  Person,
  Port,
  Progress,
  RoomMessage,
} from './protocol';

export type Change =
  | 'snapshot'
  | 'event'
  | 'ports'
  | 'nodes'
  | 'presence'
  | 'speed'
  | 'doing'
  | 'link'
  | 'reload';

export interface Speed {
  at: number;
  value: number;
}

/** Seconds of speed that are kept for the line. */
const speedKept = 180;
/** The web UI's port in the workshop's Compose files. */
export const graphPort = 8000;

export class Room {
  progress: Progress = newProgress();
  ports: Record<string, Port[]> = {};
  nodes: Record<string, NodeState> = {};
  presence: Record<string, boolean> = {};
  /** What is being done for this person. */
  doing: Doing | undefined;
  /** How the last thing done for them ended. */
  ended: JournalEvent | undefined;
  speed: Speed[] = [];
  theory: number | undefined;
  why = '';
  /** Whether events come; undefined before the first answer. */
  online: boolean | undefined;
  /** A sentence when the server refused us for good. */
  refused = '';
  private listeners = new Set<(what: Change) => void>();
  private tries = 0;
  private socket: WebSocket | undefined;
  private heard = 0;

  constructor(readonly boot: Boot) {}

  get me(): Participant | undefined {
    return this.boot.me;
  }

  get person(): Person | undefined {
    return this.boot.me ? this.progress.people[this.boot.me.id] : undefined;
  }

  get selfPaced(): boolean {
    return Boolean(this.progress.session?.selfPaced ?? this.boot.session?.selfPaced);
  }

  /** Calls fn after each change until the answer is called. */
  listen(fn: (what: Change) => void): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  /** Waits until something holds of the room. */
  until(holds: (room: Room) => boolean): Promise<void> {
    return new Promise(resolve => {
      if (holds(this)) {
        resolve();
        return;
      }
      const stop = this.listen(() => {
        if (!holds(this)) return;
        stop();
        resolve();
      });
    });
  }

  tell(what: Change): void {
    for (const fn of this.listeners) fn(what);
  }

  /** Begins to listen, once per page. */
  start(): void {
    setInterval(() => this.beat(), 1000);
    this.connect();
  }

  /** Opens the stream of events and keeps it open as long as the page lives. */
  private connect(): void {
    const socket = new WebSocket(socketAddress('/api/events'));
    this.socket = socket;
    socket.onmessage = m => {
      this.heard = Date.now();
      if (typeof m.data === 'string') this.take(JSON.parse(m.data) as RoomMessage);
    };
    socket.onclose = e => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      this.online = false;
      if (e.code >= 4400 && e.code < 4429 && e.code !== 4409) {
        this.refused = e.reason || 'This page is no longer signed in. Open the join address again.';
        this.tell('link');
        return;
      }
      this.tell('link');
      setTimeout(() => this.connect(), backOff(this.tries++));
    };
  }

  take(m: RoomMessage): void {
    if (m.snapshot) {
      this.progress = readSnapshot(m.snapshot);
      this.online = true;
      this.tries = 0;
      this.doing = undefined; // told again if it goes on
      this.tell('snapshot');
    }
    if (m.event && apply(this.progress, m.event)) {
      if (m.event.participant === this.me?.id) {
        if (m.event.kind === 'doing.began') this.ended = undefined;
        if (m.event.kind === 'doing.ended') this.ended = m.event;
      }
      this.tell('event');
    }
    if (m.doing !== undefined) {
      this.doing = m.doing ?? undefined;
      this.tell('doing');
    }
    if (m.ports) {
      this.ports = m.ports;
      this.tell('ports');
    }
    if (m.nodes) {
      this.nodes = m.nodes;
      this.tell('nodes');
    }
    if (m.presence) {
      this.presence = m.presence;
      this.tell('presence');
    }
    if (typeof m.speed === 'number') this.sample(m.speed, m.theory, m.why);
    if (m.reload) this.tell('reload');
  }

  /** The server tells a speed when it changes; between two changes it is what it was. */
  beat(): void {
    const last = this.speed.at(-1);
    if (!last || Date.now() - last.at < 1500) return;
    if (Object.values(this.ports).some(list => list?.some(p => p.port === graphPort))) {
      this.sample(last.value, this.theory, this.why);
    }
  }

  private sample(value: number, theory?: number, why?: string): void {
    this.theory = theory;
    this.why = why ?? '';
    this.speed.push({ at: Date.now(), value });
    if (this.speed.length > speedKept) this.speed.shift();
    this.tell('speed');
  }

  /** When the last message came, in Unix milliseconds; 0 before the first. */
  get lastHeard(): number {
    return this.heard;
  }
}
