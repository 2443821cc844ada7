import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apply, newProgress, readSnapshot, solved } from '../src/progress';
import type { JournalEvent, Progress } from '../src/protocol';

const vectors = JSON.parse(
  readFileSync(new URL('../../workshop/testdata/progress.json', import.meta.url), 'utf8'),
) as { events: JournalEvent[]; progress: Progress };

/** As it would go over the wire: members that are not set are not there. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('the fold that the server has as well', () => {
  it('gives what the golden vectors say, events twice or not', () => {
    const p = newProgress();
    for (const e of vectors.events) {
      apply(p, plain(e));
      apply(p, plain(e));
    }
    expect(plain(p)).toEqual(vectors.progress);
  });

  it('goes on from any snapshot with the overlap sent again', () => {
    for (let cut = 0; cut < vectors.events.length; cut++) {
      const before = newProgress();
      for (const e of vectors.events.slice(0, cut)) apply(before, plain(e));
      const p = readSnapshot(plain(before));
      for (const e of vectors.events) apply(p, plain(e));
      expect(plain(p)).toEqual(vectors.progress);
    }
  });

  it('reads a snapshot whose lists are left out', () => {
    const p = readSnapshot({ seq: 3, order: null, people: null, place: null } as unknown as Progress);
    expect(
      apply(p, { seq: 4, at: '', kind: 'participant.joined', person: vectors.progress.people.ada! }),
    ).toBe(true);
    expect(p.order).toEqual(['ada']);
  });

  it('counts what was solved once, also when it regressed', () => {
    expect(solved(vectors.progress.people.ada)).toBe(1);
    expect(solved(vectors.progress.people.grace)).toBe(1);
    expect(solved(undefined)).toBe(0);
  });
});
