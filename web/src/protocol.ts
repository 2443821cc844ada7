/**
 * What travels between the page and the server: the JSON of docs/api.md and
 * the terminal frames of docs/protocol.md. Pure: no DOM, no network.
 */

export type Kind =
  | 'invalid'
  | 'not-found'
  | 'forbidden'
  | 'signed-out'
  | 'ended'
  | 'too-many'
  | 'conflict'
  | 'unavailable'
  | 'internal';

export type Role = 'attendee' | 'helper' | 'instructor';
export type Status = 'working' | 'done' | 'help';
export type State = 'pending' | 'failing' | 'passing' | 'unknown' | 'solved' | 'regressed';

export interface Participant {
  id: string;
  name: string;
  role: Role;
  joined: string;
  token?: string;
}

export interface Session {
  id: string;
  workshop: string;
  title: string;
  joinCode: string;
  secret: string;
  selfPaced?: boolean;
  created: string;
  ended?: string;
}

export interface Place {
  slide: string;
  step: number;
}

export interface LabState {
  state: string;
  message?: string;
}

export interface CheckVerdict {
  state: State;
  reason?: string;
  try?: string;
}

export interface Verdict {
  exercise: string;
  state: State;
  checks?: CheckVerdict[];
  attempts?: number;
  override?: string;
}

/** One entry of a session's journal; which members are set depends on kind. */
export interface JournalEvent {
  seq: number;
  at: string;
  kind: string;
  participant?: string;
  session?: Session;
  person?: Participant;
  place?: Place;
  status?: Status;
  verdict?: Verdict;
  by?: string;
  exercise?: string;
  number?: number;
  hint?: number;
  correct?: boolean;
  lab?: LabState;
  speed?: number;
  text?: string;
  terminal?: { node: string; id: string };
}

export interface Achievement extends Verdict {
  since: string;
  solvedAt?: string;
  hints?: number;
  /** Which hints are open, from 1, in the order they were opened. */
  opened?: number[];
  /** It was done for them. */
  done?: boolean;
  solution?: boolean;
  quiz?: boolean;
}

export interface Person extends Participant {
  status: Status;
  statusSince?: string;
  place: Place;
  lab: LabState;
  lastSeen?: string;
  speed?: number;
  exercises: Record<string, Achievement>;
}

export interface Progress {
  seq: number;
  session?: Session;
  ended?: boolean;
  driver?: string;
  place: Place;
  announcement?: string;
  order: string[];
  people: Record<string, Person>;
}

/** What a page is given to begin with, in its #slipway-boot script. */
export interface Boot {
  page: string;
  me?: Participant;
  session?: Partial<Session>;
  workshop?: string;
  title?: string;
  slide?: string;
  step?: number;
  version?: string;
  nodes?: string[];
  appsHost?: string;
  code?: string;
  recorded?: string;
  message?: string;
  action?: { text: string; href: string };
  /** Whose replay it is, when not one's own. */
  participant?: string;
  /** Of a page that says one sentence. */
  heading?: string;
}

export interface Deck {
  name: string;
  title: string;
  minutes: number;
  chapters: Chapter[];
  slides: SlideInfo[];
  exercises: ExerciseInfo[];
}

export interface Chapter {
  title: string;
  minutes: number;
  first: number;
}

export interface SlideInfo {
  n: number;
  name: string;
  title: string;
  chapter: number;
  steps: number;
  classes?: string[];
  /** Address of a background picture. */
  background?: string;
  exercises?: string[];
  minutes?: number;
}

export interface ExerciseInfo {
  id: string;
  title: string;
  slide: string;
  chapter: number;
  minutes: number;
  optional?: boolean;
  needs?: string[];
  checks?: string[];
  hints?: number;
  quiz?: boolean;
  /** Whether there is one to ask for. */
  solution?: boolean;
}

export interface Port {
  port: number;
  container?: string;
  url: string;
  frame?: string;
}

export interface NodeState {
  state: string;
  engine?: string;
  message?: string;
}

/** What is being done for the person in their own terminals. */
export interface Doing {
  exercise: string;
  /** The exercise that was asked for. */
  for: string;
  /** From 1; one more than acts while the tick is awaited. */
  act: number;
  acts: number;
  node?: string;
  terminal?: string;
  text?: string;
}

/** A message of GET /api/events. Exactly one group of members is set. */
export interface RoomMessage {
  snapshot?: Progress;
  event?: JournalEvent;
  ports?: Record<string, Port[]>;
  nodes?: Record<string, NodeState>;
  presence?: Record<string, boolean>;
  speed?: number;
  theory?: number;
  why?: string;
  doing?: Doing | null;
  reload?: boolean;
}

export interface Act {
  node: string;
  /** Its id: t1 is the node's first. */
  terminal?: string;
  text: string;
  /** shell: typed, then Enter; key: named keys such as ^C. */
  kind: string;
  /** Typed, and Enter left to the person. */
  dangerous?: boolean;
}

export interface TerminalInfo {
  id: string;
  name?: string;
  cols: number;
  rows: number;
  title?: string;
  exited?: boolean;
}

export interface Hello {
  version: number;
  offset: number;
  cols: number;
  rows: number;
  inputReceived: number;
  window: number;
  inputWindow?: number;
  role: 'owner' | 'watcher' | 'recorder';
  born?: number;
}

/** A frame that the server sends. */
export type FrameIn =
  | { kind: 'h'; hello: Hello }
  | { kind: 'o'; offset: number; time: number; data: Uint8Array }
  | { kind: 's'; offset: number; data: Uint8Array }
  | { kind: 'z'; cols: number; rows: number }
  | { kind: 'e'; code: number }
  | { kind: 'k'; count: number };

/** A frame that the page sends. */
export type FrameOut =
  | { kind: 'i'; offset: number; data: Uint8Array }
  | { kind: 'a'; offset: number }
  | { kind: 'r'; cols: number; rows: number };

export type Frame = FrameIn | FrameOut;

/** The longest frame, in bytes; the server closes a socket that sends a longer one. */
export const maxFrame = 64 * 1024;
const maxNumber = BigInt(Number.MAX_SAFE_INTEGER);

const ascii = (s: string) => s.charCodeAt(0);

function big(view: DataView, at: number): number {
  const n = view.getBigUint64(at);
  if (n > maxNumber) throw new Error('A number in a terminal frame is out of range.');
  return Number(n);
}

/** Reads one frame. Data of the result points into body. Throws on anything malformed. */
export function decodeFrame(body: Uint8Array): Frame {
  if (body.length === 0 || body.length > maxFrame)
    throw new Error(`A terminal frame has ${body.length} bytes.`);
  const kind = String.fromCharCode(body[0]!);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const size = (exact: number) => {
    if (body.length !== exact) throw new Error(`A terminal frame of kind ${kind} has ${body.length} bytes.`);
  };
  const atLeast = (least: number) => {
    if (body.length < least) throw new Error(`A terminal frame of kind ${kind} has ${body.length} bytes.`);
  };
  switch (kind) {
    case 'h':
      atLeast(3);
      return { kind, hello: JSON.parse(new TextDecoder().decode(body.subarray(1))) as Hello };
    case 'o':
      atLeast(17);
      return { kind, offset: big(view, 1), time: Number(view.getBigInt64(9)), data: body.subarray(17) };
    case 's':
    case 'i':
      atLeast(9);
      return { kind, offset: big(view, 1), data: body.subarray(9) };
    case 'z':
    case 'r':
      size(5);
      return { kind, cols: view.getUint16(1), rows: view.getUint16(3) };
    case 'e':
      size(5);
      return { kind, code: view.getInt32(1) };
    case 'k':
      size(9);
      return { kind, count: big(view, 1) };
    case 'a':
      size(9);
      return { kind, offset: big(view, 1) };
    default:
      throw new Error(`A terminal frame has the unknown kind ${JSON.stringify(kind)}.`);
  }
}

/** Writes one frame, without a length in front: a WebSocket message is one frame. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const data =
    frame.kind === 'h'
      ? new TextEncoder().encode(JSON.stringify(frame.hello))
      : 'data' in frame
        ? frame.data
        : new Uint8Array(0);
  const head = { h: 1, o: 17, s: 9, i: 9, z: 5, r: 5, e: 5, k: 9, a: 9 }[frame.kind];
  const body = new Uint8Array(head + data.length);
  const view = new DataView(body.buffer);
  body[0] = ascii(frame.kind);
  switch (frame.kind) {
    case 'o':
      view.setBigInt64(9, BigInt(frame.time));
      view.setBigUint64(1, BigInt(frame.offset));
      break;
    case 's':
    case 'i':
    case 'a':
      view.setBigUint64(1, BigInt(frame.offset));
      break;
    case 'k':
      view.setBigUint64(1, BigInt(frame.count));
      break;
    case 'z':
    case 'r':
      view.setUint16(1, frame.cols);
      view.setUint16(3, frame.rows);
      break;
    case 'e':
      view.setInt32(1, frame.code);
      break;
  }
  body.set(data, head);
  return body;
}
