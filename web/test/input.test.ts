import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputQueue, mostOffline, mostWaiting } from '../src/terminal/input';

/** The shell's side: takes bytes by their number, as terminal/ in Go does. */
class Shell {
  got: number[] = [];
  take(offset: number, data: Uint8Array) {
    if (offset > this.got.length) throw new Error(`bytes are missing before ${offset}`);
    this.got.push(...data.subarray(this.got.length - offset));
  }
}

type Step = { type: number } | { send: number; arrive: number; tell: boolean } | { cut: true };

const steps = fc.array(
  fc.oneof(
    fc.record({ type: fc.integer({ min: 0, max: 4000 }) }),
    fc.record({
      send: fc.integer({ min: 0, max: 5 }),
      arrive: fc.integer({ min: 0, max: 5 }),
      tell: fc.boolean(),
    }),
    fc.constant({ cut: true as const }),
  ),
  { maxLength: 40 },
);

function sendAll(queue: InputQueue, shell: Shell) {
  queue.greet(shell.got.length);
  for (let f = queue.frame(4096); f; f = queue.frame(4096)) {
    shell.take(f.offset, f.data);
    queue.taken(shell.got.length);
  }
}

describe('what is typed', () => {
  it('arrives once and in order, wherever connections are cut', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1000 }), (list: Step[], before) => {
        const queue = new InputQueue();
        const shell = new Shell();
        shell.got = new Array<number>(before).fill(255); // typed before the page was loaded anew
        const typed: number[] = [...shell.got];
        let n = 0;
        queue.greet(shell.got.length);
        for (const step of list) {
          if ('type' in step) {
            const data = Uint8Array.from({ length: step.type }, () => n++ % 251);
            if (queue.type(data, true)) typed.push(...data);
          } else if ('cut' in step) {
            queue.greet(shell.got.length); // frames under way are gone, the count is told anew
          } else {
            for (let i = 0; i < step.send; i++) {
              const f = queue.frame(8 * 1024);
              if (!f) break;
              // What is lost on the way is never followed by something that arrives: a socket is in order.
              if (i < step.arrive) shell.take(f.offset, f.data);
            }
            if (step.arrive < step.send) queue.greet(shell.got.length);
            else if (step.tell) queue.taken(shell.got.length);
          }
        }
        sendAll(queue, shell);
        expect(Buffer.from(shell.got).equals(Buffer.from(typed))).toBe(true);
        expect(queue.length).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('waits before the first connection, however much the shell has taken before', () => {
    const queue = new InputQueue();
    queue.type(new TextEncoder().encode('ls\r'), false);
    queue.greet(500);
    expect(queue.frame(1000)).toEqual({ offset: 500, data: new TextEncoder().encode('ls\r') });
  });

  it('is never sent beyond the window', () => {
    const queue = new InputQueue();
    queue.greet(0);
    queue.type(new Uint8Array(1000), true);
    expect(queue.frame(100)?.data.length).toBe(100);
    expect(queue.frame(100)).toBeUndefined();
    queue.taken(40);
    expect(queue.frame(100)).toEqual({ offset: 100, data: new Uint8Array(40) });
  });

  it('is refused whole when too much waits', () => {
    const queue = new InputQueue();
    expect(queue.type(new Uint8Array(mostOffline), false)).toBe(true);
    expect(queue.type(new Uint8Array(1), false)).toBe(false);
    expect(queue.type(new Uint8Array(mostWaiting - mostOffline), true)).toBe(true);
    expect(queue.type(new Uint8Array(1), true)).toBe(false);
    expect(queue.length).toBe(mostWaiting);
  });

  it('is not typed into another shell', () => {
    const queue = new InputQueue();
    queue.greet(10);
    queue.type(new Uint8Array(5), true);
    expect(queue.greet(0)).toBe(5);
    expect(queue.frame(100)).toBeUndefined();
    queue.type(new Uint8Array(2), true);
    expect(queue.restart()).toBe(2);
    expect(queue.end).toBe(0);
  });
});
