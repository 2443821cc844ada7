/** Which key does what in a deck: goals of every slide tool's users' fingers. Pure. */

export type Action =
  | 'next'
  | 'previous'
  | 'next-slide'
  | 'previous-slide'
  | 'first'
  | 'last'
  | 'scroll-down'
  | 'scroll-up'
  | 'go-to'
  | 'overview'
  | 'search'
  | 'full-screen'
  | 'black'
  | 'presenter'
  | 'clone'
  | 'help'
  | 'reset-timer'
  | 'theme'
  | 'working'
  | 'done'
  | 'hand'
  | 'live'
  | 'escape'
  | 'commit'
  | `digit-${number}`;

/** The part of a KeyboardEvent that matters here. */
export interface Pressed {
  key: string;
  code?: string;
  shiftKey?: boolean;
  ctrlKey?: boolean;
  altKey?: boolean;
  metaKey?: boolean;
}

const plain: Record<string, Action> = {
  ArrowRight: 'next',
  ArrowDown: 'next',
  PageDown: 'next',
  ' ': 'next',
  n: 'next',
  j: 'next',
  l: 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'previous',
  PageUp: 'previous',
  k: 'previous',
  h: 'previous',
  Home: 'first',
  End: 'last',
  g: 'go-to',
  o: 'overview',
  Escape: 'escape',
  '/': 'search',
  f: 'full-screen',
  b: 'black',
  '.': 'black',
  s: 'presenter',
  p: 'presenter',
  c: 'clone',
  '?': 'help',
  t: 'reset-timer',
  d: 'theme',
  w: 'working',
  v: 'done',
  u: 'hand',
  r: 'live',
  Enter: 'commit',
};

const shifted: Record<string, Action> = {
  ArrowRight: 'next-slide',
  ArrowLeft: 'previous-slide',
  ArrowDown: 'scroll-down',
  ArrowUp: 'scroll-up',
  ' ': 'previous',
};

/** The act of a key, or undefined when the deck has no business with it. */
export function actionOf(e: Pressed): Action | undefined {
  if (e.ctrlKey || e.altKey || e.metaKey) return undefined;
  if (e.shiftKey && e.key in shifted) return shifted[e.key];
  if (/^[0-9]$/.test(e.key)) return `digit-${Number(e.key)}`;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  return Object.hasOwn(plain, key) ? plain[key] : undefined;
}

/** Ctrl+Alt+. goes from the terminal to the slides and back. It works wherever the focus is. */
export function isLeaveChord(e: Pressed): boolean {
  return Boolean(e.ctrlKey && e.altKey && !e.metaKey && (e.code === 'Period' || e.key === '.'));
}

/** Ctrl+Alt+U raises the hand and takes it down, also inside a terminal. */
export function isHandChord(e: Pressed): boolean {
  return Boolean(e.ctrlKey && e.altKey && !e.metaKey && (e.code === 'KeyU' || e.key.toLowerCase() === 'u'));
}

/** Whether an element takes plain keys for itself, so that the deck must not. */
export function takesKeys(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.closest('input, textarea, select, [contenteditable], .xterm, dialog') !== null;
}

/** Space and Enter on a control press it; they are not the deck's then. */
export function pressesControl(e: Pressed, target: EventTarget | null): boolean {
  if (e.key !== ' ' && e.key !== 'Enter') return false;
  return (
    target instanceof Element &&
    target.closest('button, a, summary, label, [role=tab], [role=button]') !== null
  );
}

/** What `?` shows. */
export const keyList: { keys: string; act: string; who?: 'presenter' | 'attendee' }[] = [
  { keys: '→ ↓ Space PageDown N J L', act: 'next step' },
  { keys: '← ↑ PageUp K H', act: 'previous step' },
  { keys: 'Shift+→  Shift+←', act: 'next, previous slide' },
  { keys: 'Shift+↓  Shift+↑', act: 'scroll a long slide' },
  { keys: 'Home  End', act: 'first, last slide' },
  { keys: 'number Enter, or G', act: 'go to a slide by number or name' },
  { keys: 'O', act: 'overview' },
  { keys: '/', act: 'search' },
  { keys: 'R', act: 'back to where the presenter is', who: 'attendee' },
  { keys: 'W  V  U', act: 'I am working, done, need help', who: 'attendee' },
  { keys: 'F', act: 'full screen' },
  { keys: 'B  .', act: 'black the screen' },
  { keys: 'P  S', act: 'presenter view', who: 'presenter' },
  { keys: 'T', act: 'reset the clock', who: 'presenter' },
  { keys: 'C', act: 'one more window (the projector, for the presenter)' },
  { keys: 'D', act: 'dark or light' },
  { keys: 'Ctrl+Alt+.', act: 'from the terminal to the slides and back', who: 'attendee' },
  { keys: 'Ctrl+Alt+U', act: 'raise your hand, also inside a terminal', who: 'attendee' },
  { keys: 'Ctrl+Shift+C  Ctrl+Shift+V', act: 'copy and paste in a terminal', who: 'attendee' },
  { keys: 'Ctrl+Shift+F', act: 'find in a terminal', who: 'attendee' },
];

/** "^C" reads as Ctrl+C. */
export function keyName(text: string): string {
  return text.trim().replace(/\^([A-Z\\[\]])/g, 'Ctrl+$1');
}

/** What the named keys of an author's key fence send, one a line. Pure. */
export function keyBytes(text: string): string {
  const named: Record<string, string> = {
    Enter: '\r',
    Escape: '\x1b',
    Esc: '\x1b',
    Tab: '\t',
    Space: ' ',
    Up: '\x1b[A',
    Down: '\x1b[B',
    Right: '\x1b[C',
    Left: '\x1b[D',
    Backspace: '\x7f',
  };
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(key => {
      const control = /^\^([A-Za-z[\\\]^_])$/.exec(key);
      if (control) return String.fromCharCode(control[1]!.toUpperCase().charCodeAt(0) & 31);
      return named[key] ?? key;
    })
    .join('');
}
