import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { find, move } from '../src/deck';
import { begin, whereTo } from '../src/follow';
import type { SlideInfo } from '../src/protocol';
import { addressOf, placeOf } from '../src/stage';

const slides: SlideInfo[] = [
  { n: 1, name: 'welcome', title: 'Welcome', chapter: 0, steps: 0 },
  { n: 2, name: 'agenda', title: 'What we do', chapter: 0, steps: 2 },
  { n: 3, name: 'rng-up', title: 'Start rng', chapter: 1, steps: 0, exercises: ['one-service'] },
];

describe('moving through the deck', () => {
  it('takes steps before slides, and comes back to the last step', () => {
    const way = [{ slide: 'welcome', step: 0 }];
    for (let i = 0; i < 5; i++) way.push(move(slides, way.at(-1)!, 'next'));
    expect(way.map(p => `${p.slide} ${p.step}`)).toEqual([
      'welcome 0',
      'agenda 0',
      'agenda 1',
      'agenda 2',
      'rng-up 0',
      'rng-up 0',
    ]);
    expect(move(slides, { slide: 'rng-up', step: 0 }, 'previous')).toEqual({ slide: 'agenda', step: 2 });
    expect(move(slides, { slide: 'agenda', step: 1 }, 'next-slide')).toEqual({ slide: 'rng-up', step: 0 });
    expect(move(slides, { slide: 'agenda', step: 1 }, 'previous-slide')).toEqual({
      slide: 'welcome',
      step: 0,
    });
  });

  it('never leaves the deck, from wherever', () => {
    const how = fc.constantFrom('next', 'previous', 'next-slide', 'previous-slide', 'first', 'last');
    fc.assert(
      fc.property(
        fc.constantFrom('welcome', 'agenda', 'rng-up', 'gone'),
        fc.nat(4),
        how,
        (slide, step, act) => {
          const to = move(slides, { slide, step }, act as 'next');
          const info = slides.find(s => s.name === to.slide);
          expect(info).toBeDefined();
          if (slide !== 'gone') expect(to.step).toBeLessThanOrEqual(Math.max(info!.steps, step));
        },
      ),
    );
    expect(move([], { slide: 'x', step: 0 }, 'next')).toEqual({ slide: 'x', step: 0 });
  });

  it('finds slides by number, name and title', () => {
    expect(find(slides, '2')?.name).toBe('agenda');
    expect(find(slides, '99')?.name).toBe('rng-up');
    expect(find(slides, 'rng')?.name).toBe('rng-up');
    expect(find(slides, 'what we')?.name).toBe('agenda');
    expect(find(slides, 'one-service')?.name).toBe('rng-up');
    expect(find(slides, ' ')).toBeUndefined();
    expect(find(slides, 'nowhere')).toBeUndefined();
  });

  it('has addresses that lead back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(20), (slide, step) => {
        const url = new URL(addressOf('demo', { slide: `s${slide}`, step }), 'http://x');
        expect(placeOf(url.pathname, url.search)).toEqual({ slide: `s${slide}`, step });
      }),
    );
    expect(placeOf('/board', '')).toBeUndefined();
    expect(placeOf('/w/demo/a', '?s=-4')).toEqual({ slide: 'a', step: 0 });
  });
});

describe('following', () => {
  const here = { slide: 'a', step: 0 };
  const live = { slide: 'b', step: 1 };

  it('begins for those who came to where the room is', () => {
    expect(begin(undefined, { slide: '', step: 0 }, here)).toBe(true);
    expect(begin(undefined, { slide: 'a', step: 3 }, here)).toBe(true);
    expect(begin(undefined, live, here)).toBe(false);
    expect(begin(true, live, here)).toBe(true);
    expect(begin(false, { slide: 'a', step: 0 }, here)).toBe(false);
  });

  it('goes where the room is, and only then', () => {
    expect(whereTo(true, live, here)).toEqual(live);
    expect(whereTo(false, live, here)).toBeUndefined();
    expect(whereTo(true, here, here)).toBeUndefined();
    expect(whereTo(true, { slide: '', step: 0 }, here)).toBeUndefined();
  });
});
