/** Whether a page goes where the presenter goes. Pure: what to do, not how. */
import type { Place } from './protocol';

export interface Following {
  /** This person's wish; undefined until the page knows where the room is. */
  on: boolean | undefined;
}

export const samePlace = (a: Place, b: Place) => a.slide === b.slide && a.step === b.step;

/**
 * The first time the page hears where the room is. Someone who was sent where
 * the presenter is follows; someone who opened an address of their own stays
 * there. A choice kept over a reload counts more than both.
 */
export function begin(kept: boolean | undefined, live: Place, here: Place): boolean {
  if (kept !== undefined) return kept;
  return live.slide === '' || live.slide === here.slide;
}

/** Where to go when the room is at `live`; undefined to stay. */
export function whereTo(on: boolean | undefined, live: Place, here: Place): Place | undefined {
  if (!on || live.slide === '' || samePlace(live, here)) return undefined;
  return live;
}
