import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CastPlayer,
  density,
  eventsUpTo,
  Playhead,
  parseCast,
  parseMoment,
  spread,
} from '../src/terminal/cast';

const v3 = [
  '{"version":3,"term":{"cols":80,"rows":24},"timestamp":100}',
  '# a comment',
  '[0.5,"o","a"]',
  '[1.5,"r","100x30"]',
  '[0,"o","b"]',
  '[2,"m","a mark"]',
  '[1,"o","c"]',
  '[0.25,"x","0"]',
  '',
].join('\n');

/** A screen that remembers what would be on it. */
class Paper {
  text = '';
  size = '';
  resets = 0;
  reset(cols: number, rows: number) {
    this.text = '';
    this.size = `${cols}x${rows}`;
    this.resets++;
  }
  write(data: string) {
    this.text += data;
  }
  resize(cols: number, rows: number) {
    this.text += `|${cols}x${rows}|`;
    this.size = `${cols}x${rows}`;
  }
}

describe('recordings', () => {
  it('reads asciicast v3, where times are distances', () => {
    const cast = parseCast(v3);
    expect(cast).toMatchObject({ cols: 80, rows: 24, timestamp: 100, length: 5.25 });
    expect(cast.events.map(e => [e.at, e.code])).toEqual([
      [0.5, 'o'],
      [2, 'r'],
      [2, 'o'],
      [4, 'm'],
      [5, 'o'],
      [5.25, 'x'],
    ]);
  });

  it('reads asciicast v2, where times are moments', () => {
    const cast = parseCast('{"version":2,"width":10,"height":5}\n[1,"o","a"]\n[3,"o","b"]\n');
    expect(cast.events.map(e => e.at)).toEqual([1, 3]);
    expect(cast.cols).toBe(10);
  });

  it('passes over what a crash left of the last line, and nothing else', () => {
    expect(parseCast(v3 + '[1,"o","hal').events).toHaveLength(6);
    expect(() => parseCast('{"version":3,"term":{}}\n[1,"o"\n[1,"o","a"]\n[1,"o","b"]\n')).toThrow(/Line 2/);
    expect(() => parseCast('{"version":1}\n')).toThrow();
  });

  it('shows at any moment what straight play shows, whatever came before', () => {
    const cast = parseCast(v3);
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 7, noNaN: true }), { minLength: 1, maxLength: 20 }),
        moments => {
          const jumped = new Paper();
          const player = new CastPlayer(cast, jumped);
          for (const m of moments) player.seek(m);
          const straight = new Paper();
          new CastPlayer(cast, straight).seek(moments.at(-1)!);
          expect([jumped.text, jumped.size]).toEqual([straight.text, straight.size]);
        },
      ),
    );
  });

  it('draws nothing again when it goes on', () => {
    const paper = new Paper();
    const player = new CastPlayer(parseCast(v3), paper);
    for (const at of [0, 1, 2, 3, 4, 5, 6]) player.seek(at);
    expect(paper.text).toBe('a|100x30|bc');
    expect(paper.resets).toBe(1);
  });

  it('finds events by time as a plain count does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.nat(60), (times, at) => {
        const events = times.sort((a, b) => a - b).map(t => ({ at: t }));
        expect(eventsUpTo(events, at)).toBe(events.filter(e => e.at <= at).length);
      }),
    );
  });
});

describe('time on the axis', () => {
  const moments = [1, 2, 30, 31].map(at => ({ at }));

  it('goes at its speed and stops at the end', () => {
    const head = new Playhead(40, moments);
    head.foldIdle = false;
    expect(head.tick(1)).toBe(false);
    head.playing = true;
    head.speed = 4;
    head.tick(2);
    expect(head.at).toBe(8);
    head.tick(100);
    expect([head.at, head.playing]).toEqual([40, false]);
  });

  it('passes over pauses, but not over what happens', () => {
    const head = new Playhead(40, moments);
    head.playing = true;
    head.jump(2);
    head.tick(0.1);
    expect(head.at).toBeCloseTo(29.5);
    head.tick(0.1);
    expect(head.at).toBeCloseTo(29.6);
  });

  it('goes from mark to mark', () => {
    const head = new Playhead(40, moments);
    head.mark([5, 10], 1);
    head.mark([5, 10], 1);
    expect(head.at).toBe(10);
    head.mark([5, 10], -1);
    expect(head.at).toBe(5);
    head.mark([5, 10], -1);
    expect(head.at).toBe(0);
  });

  it('reads moments out of addresses', () => {
    expect(['75', '1:15', '1m15s', '1:00:02', '0.5'].map(parseMoment)).toEqual([75, 75, 75, 3602, 0.5]);
    expect([null, '', 'soon', '-3'].map(parseMoment)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('shows where it was busy', () => {
    const cells = density([{ at: 0 }, { at: 0.1 }, { at: 9.99 }], 10, 5);
    expect(cells.map(c => c > 0)).toEqual([true, false, false, false, true]);
    expect(cells[0]).toBe(1);
  });

  it('moves marks apart only where they would cover each other', () => {
    expect(spread([10, 12, 300], 400, 20)).toEqual([10, 30, 300]);
    expect(spread([395, 398, 400], 400, 20)).toEqual([360, 380, 400]);
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 80 }), places => {
        const out = spread(
          places.sort((a, b) => a - b),
          1000,
          20,
        );
        const step = Math.min(20, 1000 / Math.max(1, out.length));
        for (let i = 1; i < out.length; i++)
          expect(out[i]! - out[i - 1]!).toBeGreaterThanOrEqual(step - 1e-6);
        if (out.length > 0) expect(out.at(-1)).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
