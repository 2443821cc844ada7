/** The page that elements inside slides belong to. A browser page has exactly one. */
import type { DeckStore } from './deck';
import type { Room } from './room';

/** A command for a terminal, from a slide. */
export interface Run {
  node: string;
  /** 1 is the node's first terminal; 0 the one used last. */
  terminal: number;
  text: string;
  /** Whether Enter is pressed after it. */
  enter: boolean;
}

export interface Page {
  room: Room;
  deck: DeckStore;
  /** Nodes that commands can be typed on; empty where there are no terminals. */
  nodes: string[];
  /** Types a command; the answer says where, in words. */
  run(command: Run): Promise<string>;
  /** Says something politely to a screen reader, and shows it when asked to. */
  say(text: string, show?: boolean): void;
}

let current: Page | undefined;

export function providePage(page: Page): void {
  current = page;
}

export function page(): Page {
  if (!current) throw new Error('The page is not built yet.');
  return current;
}
