import { describe, expect, it } from 'vitest';
import { backOff } from '../src/api';
import { keyIn } from '../src/key-page';
import type { Achievement, ExerciseInfo, Person } from '../src/protocol';
import { cellOf, clock, duration, needOf } from '../src/words';

const now = Date.parse('2026-03-02T10:00:00Z');
const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
const info: ExerciseInfo = { id: 'e', title: 'Ten workers', slide: 's', chapter: 0, minutes: 5 };
const a = (more: Partial<Achievement>): Achievement => ({
  exercise: 'e',
  state: 'failing',
  since: ago(1),
  ...more,
});
const person = (more: Partial<Person>): Person => ({
  id: 'p',
  name: 'P',
  role: 'attendee',
  joined: ago(60),
  status: 'working',
  place: { slide: '', step: 0 },
  lab: { state: 'ready' },
  exercises: {},
  ...more,
});

describe('the board in words', () => {
  it.each([
    [undefined, 'untouched'],
    [a({ state: 'pending' }), 'untouched'],
    [a({ checks: [{ state: 'failing' }] }), 'untouched'],
    [a({ attempts: 1 }), 'trying'],
    [a({ checks: [{ state: 'passing' }, { state: 'failing' }] }), 'trying'],
    [a({ state: 'pending', quiz: false }), 'trying'],
    [a({ state: 'pending', quiz: true }), 'solved'],
    [a({ state: 'solved' }), 'solved'],
    [a({ state: 'solved', hints: 1 }), 'hinted'],
    [a({ state: 'solved', solution: true }), 'hinted'],
    [a({ state: 'regressed' }), 'regressed'],
    [a({ state: 'unknown' }), 'unknown'],
  ])('%j is %s', (achievement, cell) => {
    expect(cellOf(achievement)).toBe(cell);
  });

  it('puts the longest raised hand first and says why for all', () => {
    const rows = [
      person({ id: 'fine' }),
      person({ id: 'slow', exercises: { e: a({ attempts: 1, since: ago(20) }) } }),
      person({
        id: 'stuck',
        exercises: { e: a({ attempts: 4, checks: [{ state: 'failing', reason: 'Port 8001 is in use.' }] }) },
      }),
      person({ id: 'broken', lab: { state: 'failed', message: 'node3 did not start' } }),
      person({ id: 'hand', status: 'help', statusSince: ago(1) }),
      person({ id: 'old-hand', status: 'help', statusSince: ago(7) }),
    ].map(p => ({ id: p.id, ...needOf(p, [info], now) }));
    const order = [...rows].sort((x, y) => y.score - x.score).map(r => r.id);
    expect(order).toEqual(['old-hand', 'hand', 'broken', 'stuck', 'slow', 'fine']);
    expect(rows.map(r => r.why)).toEqual([
      '',
      'Ten workers: 20 min with no change',
      'Ten workers: 4 tries failed; Port 8001 is in use.',
      'node3 did not start',
      'hand up for 1 min',
      'hand up for 7 min',
    ]);
  });
});

describe('numbers for people', () => {
  it('tells how long', () => {
    expect([0, 40_000, 240_000, 4_800_000, 7_200_000].map(duration)).toEqual([
      '0 s',
      '40 s',
      '4 min',
      '1 h 20 min',
      '2 h',
    ]);
    expect([0, 123_000, 3_723_000].map(clock)).toEqual(['0:00', '2:03', '1:02:03']);
  });

  it('comes back soon at first, never after more than 5 s, never all at once', () => {
    expect(backOff(0, () => 1)).toBe(200);
    expect(backOff(0, () => 0)).toBe(100);
    expect(backOff(50, () => 1)).toBe(5000);
  });

  it('reads a key out of a fragment', () => {
    expect(keyIn('#key=abc')).toBe('abc');
    expect(keyIn('')).toBe('');
  });
});
