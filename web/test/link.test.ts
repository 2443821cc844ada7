import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeFrame, encodeFrame, type FrameIn, type FrameOut } from '../src/protocol';
import { type Screen, TerminalLink } from '../src/terminal/link';

/** A screen that remembers what it drew, and what of it was old. */
class Paper implements Screen {
  text = '';
  answered = '';
  size = '';
  draw(data: Uint8Array, replay: boolean, drawn: () => void) {
    const text = Buffer.from(data).toString('latin1');
    this.text += text;
    if (!replay) this.answered += text;
    drawn();
  }
  reset() {
    this.text = '';
  }
  resize(cols: number, rows: number) {
    this.size = `${cols}x${rows}`;
  }
  fit() {
    return { cols: 80, rows: 24 };
  }
}

/** The node's side of a terminal, as docs/protocol.md has it. */
class Shell {
  out = '';
  typed = '';
  born = 1;
  acked = 0;
  sockets: Socket[] = [];

  attach(socket: Socket, from: number, born: number) {
    this.sockets = [socket];
    const known = from >= 0 && from <= this.out.length && (!born || born === this.born);
    socket.tell({ kind: 'h', hello: this.hello() });
    socket.tell({ kind: 'k', count: this.typed.length });
    if (!known) socket.tell({ kind: 's', offset: this.out.length, data: Buffer.from(this.out, 'latin1') });
    else if (from < this.out.length) this.send(socket, from);
  }

  hello() {
    return {
      version: 1,
      offset: this.out.length,
      cols: 80,
      rows: 24,
      inputReceived: this.typed.length,
      window: 1 << 18,
      role: 'owner' as const,
      born: this.born,
    };
  }

  send(socket: Socket, from: number) {
    socket.tell({ kind: 'o', offset: from, time: 0, data: Buffer.from(this.out.slice(from), 'latin1') });
  }

  print(text: string) {
    const from = this.out.length;
    this.out += text;
    for (const s of this.sockets) this.send(s, from);
  }

  take(frame: FrameOut, socket: Socket) {
    if (frame.kind === 'a') this.acked = frame.offset;
    if (frame.kind !== 'i') return;
    if (frame.offset > this.typed.length) throw new Error('typed bytes are missing');
    this.typed += Buffer.from(frame.data)
      .toString('latin1')
      .slice(this.typed.length - frame.offset);
    socket.tell({ kind: 'k', count: this.typed.length });
  }
}

let shell: Shell;
let refuse = false;

class Socket {
  static readonly OPEN = 1;
  readyState = 0;
  binaryType = '';
  onmessage: ((m: { data: ArrayBuffer }) => void) | undefined;
  onclose: ((e: { code: number; reason: string }) => void) | undefined;

  constructor(address: string) {
    const query = new URL(address).searchParams;
    setTimeout(() => {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      shell.attach(this, Number(query.get('from')), Number(query.get('born')));
    }, 1);
  }

  tell(frame: FrameIn) {
    if (this.readyState === 1) this.onmessage?.({ data: encodeFrame(frame).buffer });
  }

  send(data: Uint8Array) {
    shell.take(decodeFrame(data) as FrameOut, this);
  }

  close(code = 1000) {
    this.cut(code);
  }

  cut(code = 1006, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    shell.sockets = shell.sockets.filter(s => s !== this);
    this.onclose?.({ code, reason });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  shell = new Shell();
  refuse = false;
  vi.stubGlobal('WebSocket', Socket);
  vi.stubGlobal('location', { protocol: 'http:', host: 'example.test' });
  vi.stubGlobal('fetch', async () => {
    if (refuse) throw new Error('no network');
    return new Response('{"id":"t1"}');
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const later = (ms = 10_000) => vi.advanceTimersByTimeAsync(ms);
const open = (paper: Paper) => {
  const link = new TerminalLink('node1', 't1', 'me', paper, () => {});
  void link.open();
  return link;
};
const type = (link: TerminalLink, text: string) => link.type(Buffer.from(text, 'latin1'));

describe('the page end of a shell', () => {
  it('shows what was there, then what comes, and says what it drew', async () => {
    shell.print('$ ');
    const paper = new Paper();
    const link = open(paper);
    await later(100);
    shell.print('hello');
    await later(100);
    expect([paper.text, link.state, shell.acked, paper.size]).toEqual(['$ hello', 'connected', 7, '80x24']);
    expect(link.roundTrip).toBeDefined();
    link.close();
  });

  it('lets programs ask only in what is new', async () => {
    shell.print('old');
    const paper = new Paper();
    const link = open(paper);
    await later(100);
    shell.print('new');
    shell.sockets[0]?.cut();
    shell.print('missed');
    await later();
    shell.print('newer');
    expect(paper.text).toBe('oldnewmissednewer');
    expect(paper.answered).toBe('newnewer');
    link.close();
  });

  it('is exact and typed once, wherever the connection is cut', async () => {
    const step = fc.oneof(
      fc.record({ print: fc.string({ minLength: 1, maxLength: 9 }) }),
      fc.record({ type: fc.string({ minLength: 1, maxLength: 9 }) }),
      fc.record({ wait: fc.integer({ min: 0, max: 3000 }) }),
      fc.constant({ cut: 1006 }),
      fc.constant({ cut: 1001 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        shell = new Shell();
        const paper = new Paper();
        const link = open(paper);
        let typed = '';
        await later(50);
        for (const s of steps) {
          if ('print' in s) shell.print(s.print.replace(/[^ -~]/g, '?'));
          else if ('type' in s) {
            const text = s.type.replace(/[^ -~]/g, '?');
            type(link, text);
            typed += text;
          } else if ('wait' in s) await later(s.wait);
          else shell.sockets[0]?.cut(s.cut);
        }
        await later(20_000);
        expect(paper.text).toBe(shell.out);
        expect(shell.typed).toBe(typed);
        link.close();
      }),
      { numRuns: 60 },
    );
  });

  it('keeps what is typed while the server is away, in order', async () => {
    const paper = new Paper();
    const link = open(paper);
    await later(100);
    refuse = true;
    shell.sockets[0]?.cut();
    type(link, 'ec');
    await later();
    expect(link.state).toBe('lost');
    type(link, 'ho');
    refuse = false;
    await later();
    expect([link.state, shell.typed]).toEqual(['connected', 'echo']);
    link.close();
  });

  it('types nothing meant for a shell that is gone', async () => {
    const paper = new Paper();
    const link = open(paper);
    await later(100);
    type(link, 'old');
    shell.sockets[0]?.cut();
    type(link, 'rm -r');
    shell = new Shell();
    shell.born = 2;
    shell.print('fresh $ ');
    await later();
    type(link, 'ls');
    await later(100);
    expect([paper.text, shell.typed]).toEqual(['fresh $ ', 'ls']);
    link.close();
  });

  it('notices within two seconds that nothing comes back, and that it does again', async () => {
    const link = open(new Paper());
    await later(3000);
    const { take } = shell;
    shell.take = () => {};
    await later(2000);
    expect(link.state).toBe('slow');
    type(link, 'waits');
    shell.take = take;
    await later(12_000);
    expect([link.state, shell.typed]).toEqual(['connected', 'waits']);
    link.close();
  });

  it('stops at a shell that has ended, and where it may not be', async () => {
    const link = open(new Paper());
    await later(100);
    shell.sockets[0]?.tell({ kind: 'e', code: 3 });
    await later();
    expect([link.state, link.exitCode, shell.sockets.length]).toEqual(['exited', 3, 0]);
    const other = open(new Paper());
    await later(100);
    shell.sockets[0]?.cut(4410, 'The session has ended.');
    await later();
    expect([other.state, other.message, shell.sockets.length]).toEqual([
      'refused',
      'The session has ended.',
      0,
    ]);
  });
});
