/** Words, glyphs and numbers that people read. State is never colour alone: each has a picture and a word. */
import { html, svg, type TemplateResult } from 'lit';
import type { Achievement, ExerciseInfo, Person, State } from './protocol';

const paths: Record<string, string> = {
  check: 'M3.5 8.5l3 3 6-7',
  hinted: 'M3.5 8.5l3 3 6-7M2 14h12',
  ring: 'M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z',
  dot: 'M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6z',
  speck: 'M8 6.8a1.2 1.2 0 1 1 0 2.4 1.2 1.2 0 0 1 0-2.4z',
  trying: 'M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM8 3v10a5 5 0 0 1 0-10z',
  back: 'M3 8a5 5 0 1 0 1.8-3.8M3.2 2.2v3h3',
  question: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M8 12.7v.1',
  cross: 'M4 4l8 8M12 4l-8 8',
  minus: 'M4 8h8',
  plus: 'M8 3.5v9M3.5 8h9',
  hand: 'M5 9V4.2a1 1 0 0 1 2 0V7M7 7V3a1 1 0 0 1 2 0v4M9 7V3.8a1 1 0 0 1 2 0V9M11 6.5a1 1 0 0 1 2 0V10c0 2.5-1.7 4-4 4-2.2 0-3.2-1-4.2-2.7L3 8.6a1 1 0 0 1 1.6-1L5.5 9',
  play: 'M5 3.5l7 4.5-7 4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  copy: 'M5.5 5.5h7v7h-7zM10.5 5.5v-2h-7v7h2',
  left: 'M10 3.5L5.5 8l4.5 4.5',
  right: 'M6 3.5L10.5 8 6 12.5',
  find: 'M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM10 10l3.5 3.5',
  grid: 'M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z',
  grow: 'M9.5 3H13v3.5M13 3L9 7M6.5 13H3V9.5M3 13l4-4',
  shrink: 'M13 7H9V3M9 7l4-4M3 9h4v4M7 9l-4 4',
  link: 'M6 4H3.5v8.5H12V10M8.5 3H13v4.5M13 3L7.5 8.5',
  sun: 'M8 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1',
  arrow: 'M3 8h9M9 4.5L12.5 8 9 11.5',
  paste: 'M5 3.5H3.5v10h9v-10H11M6 2.5h4v2.5H6z',
};

export type Icon = keyof typeof paths;

/** A picture of 16 by 16 in the text's colour; words beside it carry the meaning. */
export function icon(name: Icon, fill = false): TemplateResult {
  return html`<svg class="icon ${fill ? 'full' : ''}" data-icon=${name} viewBox="0 0 16 16" aria-hidden="true">
    ${svg`<path d=${paths[name] ?? ''}></path>`}
  </svg>`;
}

/** A sentence in which `this` stands for code. */
export function coded(text: string): (TemplateResult | string)[] {
  return text.split('`').map((part, i) => (i % 2 ? html`<code>${part}</code>` : part));
}

export type CellState = 'untouched' | 'trying' | 'solved' | 'hinted' | 'regressed' | 'unknown';

export const cellWords: Record<CellState, string> = {
  untouched: 'not begun',
  trying: 'trying',
  solved: 'solved',
  hinted: 'solved with a hint',
  regressed: 'was solved, no longer is',
  unknown: "can't be judged now",
};

export const cellIcons: Record<CellState, Icon> = {
  untouched: 'speck',
  trying: 'trying',
  solved: 'check',
  hinted: 'hinted',
  regressed: 'back',
  unknown: 'question',
};

/** The state of one exercise of one person, as the board's cells show it. Pure. */
export function cellOf(a: Achievement | undefined): CellState {
  if (!a) return 'untouched';
  if (a.state === 'solved' || (a.quiz && a.state === 'pending'))
    return a.hints || a.solution || a.done ? 'hinted' : 'solved';
  if (a.state === 'regressed') return 'regressed';
  if (a.state === 'unknown') return 'unknown';
  if (a.state === 'failing' && begun(a)) return 'trying';
  if (a.quiz === false || a.hints || a.solution) return 'trying';
  return 'untouched';
}

/** Whether a failing exercise shows signs of someone at work on it. */
function begun(a: Achievement): boolean {
  return Boolean(a.attempts || a.hints || a.solution || a.checks?.some(c => c.state === 'passing'));
}

export const checkWords: Record<State, string> = {
  pending: 'not yet',
  failing: 'not yet',
  passing: 'done',
  unknown: "can't tell",
  solved: 'solved',
  regressed: 'no longer so',
};

export const checkIcons: Record<State, Icon> = {
  pending: 'ring',
  failing: 'ring',
  passing: 'check',
  unknown: 'question',
  solved: 'check',
  regressed: 'back',
};

/** "4 min", "1 h 20 min", "40 s": how long, for people. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const m = Math.round(s / 60);
  if (m < 60) return `${m} min`;
  return m % 60 ? `${Math.floor(m / 60)} h ${m % 60} min` : `${m / 60} h`;
}

/** "1:02:03" or "2:03": a clock's face. */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const h = Math.floor(s / 3600);
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

export function timeOf(iso: string | undefined): number {
  const t = iso ? Date.parse(iso) : Number.NaN;
  return Number.isFinite(t) && t > 0 ? t : 0;
}

export interface Need {
  /** Higher needs help sooner. */
  score: number;
  /** In words, empty when all is well. */
  why: string;
}

/**
 * How much someone needs help at a moment, and why in words. A raised hand
 * always ranks first, the longest first; then nodes that failed, then people
 * long at one exercise, then many failed tries. Pure.
 */
export function needOf(p: Person, exercises: readonly ExerciseInfo[], now: number): Need {
  if (p.status === 'help') {
    const age = now - timeOf(p.statusSince);
    return { score: 1e9 + age, why: `hand up for ${duration(age)}` };
  }
  if (p.lab.state === 'failed') {
    return { score: 1e8, why: p.lab.message || 'the nodes did not start' };
  }
  let worst: Need = { score: 0, why: '' };
  for (const info of exercises) {
    const a = p.exercises[info.id];
    if (!a) continue;
    const cell = cellOf(a);
    if (cell === 'regressed') worst = more(worst, { score: 2000, why: `${info.title}: no longer solved` });
    if (cell !== 'trying') continue;
    const tries = a.attempts ?? 0;
    const reason = a.checks?.find(c => c.state === 'failing' && c.reason)?.reason;
    if (tries >= 3) {
      worst = more(worst, {
        score: 5000 + tries,
        why: `${info.title}: ${tries} tries failed${reason ? `; ${reason}` : ''}`,
      });
    }
    const spent = now - timeOf(a.since);
    if (info.minutes && spent > info.minutes * 2 * 60_000 && spent < 6 * 3600_000) {
      worst = more(worst, {
        score: 4000 + spent / 60_000,
        why: `${info.title}: ${duration(spent)} with no change${reason ? `; ${reason}` : ''}`,
      });
    }
  }
  return worst;
}

const more = (a: Need, b: Need) => (b.score > a.score ? b : a);
