/**
 * The agent's model of a terminal against the real xterm.js: whoever gets a
 * repaint at any moment has the same cells, cursors, modes and history as one
 * who watched all along, and goes on in the same way.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { difference, inside, Model, root, state, write, xterm } from './support/painting';

let model: Model;
beforeAll(() => {
  execFileSync('scripts/install', ['procps', 'vim', 'less', 'htop', 'tmux'], { cwd: root });
  model = new Model();
}, 300_000);
afterAll(() => model.close());

/** Numbers from a seed, so that a failure can be looked at again. */
function random(seed: number): (n: number) => number {
  let a = seed * 2654435761 + 1;
  return n => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

type Move = { data: Uint8Array } | { cols: number; rows: number };

/** What a program prints, or what happens to it. */
function piece(r: (n: number) => number, cols: number, rows: number): string {
  const n = () => [1, 1, 2, 3, 5, 8, 0, cols, rows, 300][r(10)]!;
  const text = () => 'the quick brown fox jumps over the lazy dog and goes on'.slice(0, 1 + r(40));
  const pick = <T>(...list: T[]): T => list[r(list.length)]!;
  const colour = () =>
    pick(
      '31',
      '42',
      '97',
      '104',
      '38;5;200',
      '48;5;20',
      '38;2;1;2;3',
      '48;2;200;100;50',
      '38:2::9:8:7',
      '48:5:7',
    );
  switch (r(34)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return text();
    case 5:
      return pick('日本語', '한국', 'ｆｕｌｌ', '😀', '漢字かな', '日').repeat(1 + r(4));
    case 6:
      return pick(
        'e\u0301',
        'o\u0308\u0301',
        '\u0301',
        '日\u0301',
        'a\u200d',
        'x\u0300\u0301\u0302',
        '\u00ad',
        '“q”',
      );
    case 7:
      return pick('\r\n', '\n', '\r', '\r\n\r\n', '\x0b');
    case 8:
      return pick('\b', '\t', '\x0e', '\x0f', '\x07', '\x85', '\x84', '\x88').replace(/[\x80-\x9f]/g, c => c);
    case 9:
    case 10:
      return `\x1b[${r(rows + 2)};${r(cols + 3)}H`;
    case 11:
      return `\x1b[${n()}${pick('A', 'B', 'C', 'D', 'E', 'F', 'G', 'd', 'I', 'Z', '`', 'a', 'e')}`;
    case 12:
      return `\x1b[${pick('', '0', '1', '2')}${pick('J', 'K', '?J', '?K').replace(/\?(.)/, '$1')}`;
    case 13:
      return `\x1b[${n()}${pick('@', 'P', 'X', 'L', 'M', 'S', 'T')}`;
    case 14:
      return `\x1b[${1 + r(rows)};${1 + r(rows)}r`;
    case 15:
      return pick(
        '\x1bD',
        '\x1bE',
        '\x1bM',
        '\x1b7',
        '\x1b8',
        '\x1b[s',
        '\x1b[u',
        '\x1bH',
        '\x1b[g',
        '\x1b[3g',
      );
    case 16:
    case 17:
      return `\x1b[${colour()}m`;
    case 18:
      return `\x1b[${pick('', '0', '1', '2', '3', '4', '5', '7', '8', '9', '21', '53', '4:3', '4;58;5;9', '58:2::1:2:3')}m`;
    case 19:
      return `\x1b[${pick('22', '23', '24', '25', '27', '28', '29', '39', '49', '55', '59', '0;1;31;44', ';;')}m`;
    case 20:
      return `\x1b[?${pick('1', '6', '7', '12', '25', '45', '66', '1000', '1002', '1006', '1004', '2004', '2026', '9', '1016', '1;7;6')}${pick('h', 'l', 'h')}`;
    case 21:
      return pick('\x1b[?7h', '\x1b[?6l', '\x1b[r', '\x1b[4l', '\x1b[m', '\x1b[20l', '\x1b(B\x0f');
    case 22:
      return pick('\x1b[4h', '\x1b[4l', '\x1b[20h', '\x1b[20l');
    case 23:
      return pick(
        '\x1b[?1049h',
        '\x1b[?1049l',
        '\x1b[?47h',
        '\x1b[?47l',
        '\x1b[?1047h',
        '\x1b[?1048h',
        '\x1b[?1048l',
      );
    case 24:
      return `\x1b]${pick('0;title é', '2;other', '8;;http://one.example/a;b', '8;id=x;http://two.example', '8;;', '8;;', '52;c;?', '4;1;rgb:1/2/3')}${pick('\x07', '\x1b\\')}`;
    case 25:
      return pick('\x1b(0', '\x1b(B', '\x1b)0', '\x1b(A', '\x1b*0', '\x1bn', '\x1b~', 'lqqk x x mqqj');
    case 26:
      return pick(
        '\x1b#8',
        '\x1b[!p',
        '\x1bc',
        '\x1b=',
        '\x1b>',
        '\x1b[3J',
        '\x1b[ @',
        '\x1b[2 A',
        "\x1b[2'}",
        "\x1b[2'~",
      );
    case 27:
      return pick(
        '\x1b[1"q',
        '\x1b[0"q',
        '\x1b[?J',
        '\x1b[?1K',
        '\x1b[3b',
        '\x1b[20b',
        '\x1b[2 q',
        '\x1b[5 q',
      );
    case 28:
      return pick(
        '\x1bP1$r0m\x1b\\',
        '\x1b_app\x1b\\',
        '\x1bPq#0\x18',
        '\x1b[>c',
        '\x1b[6n',
        '\x1b[12\n3m',
        '\x1b[1;2\x1b[m',
      );
    case 29:
      return 'wide line that fills '.repeat(8).slice(0, cols + (r(3) - 1));
    case 30:
      return `${text()}\r\n`.repeat(r(rows));
    case 31:
      return `\x1b[${pick('44', '41', '0')}m${text()}\x1b[K\r\n`;
    case 32:
      return `\x1b[${1 + r(rows)};${cols - r(3)}H${pick('日', 'ab', 'x', '日本')}`;
    default:
      return `${'日本'.repeat(cols >> 2)}${pick('', 'x', '日')}`;
  }
}

function moves(seed: number, count: number, resizes: boolean): { cols: number; rows: number; list: Move[] } {
  const r = random(seed);
  let cols = 2 + r(40);
  let rows = 1 + r(12);
  const first = { cols, rows };
  // Where lines don't wrap, what becomes of a wide character at their end depends on how output is cut in xterm.js.
  const odd = seed % 2 === 0 ? /\x1b\[\?[0-9;]*7[0-9;]*l/ : /[\u1100-\u{fffff}]/u;
  const list: Move[] = [];
  for (let i = 0; i < count; i++) {
    if (resizes && r(12) === 0) {
      cols = 2 + r(60);
      rows = 1 + r(20);
      list.push({ cols, rows });
    } else {
      const text = piece(r, cols, rows);
      if (!odd.test(text)) list.push({ data: Buffer.from(text) });
    }
  }
  return { ...first, list };
}

const quoted = (list: Move[]) =>
  list
    .map(m => ('data' in m ? JSON.stringify(Buffer.from(m.data).toString()) : `${m.cols}x${m.rows}`))
    .join(' ');

/** Plays moves straight; repaints another terminal after each `every` of them, which goes on to the end. */
async function play(seed: number, count: number, resizes: boolean): Promise<void> {
  const { cols, rows, list } = moves(seed, count, resizes);
  const straight = xterm(cols, rows);
  model.start(cols, rows);
  for (const [i, m] of list.entries()) {
    if ('data' in m) {
      try {
        write(straight, m.data);
      } catch {
        break; // erasing up to the last cell of all is too much for xterm.js 6.0
      }
      model.write(m.data);
    } else {
      straight.resize(m.cols, m.rows);
      model.resize(m.cols, m.rows);
    }
    // Lower while it was not shown, the alternate screen of xterm.js keeps lines above, and loses count of them.
    if (inside(straight)._bufferService.buffers.alt.ybase > 0) break;
    const { paint } = await model.paint();
    const late = xterm(straight.cols, straight.rows);
    write(late, paint);
    const wrong = difference(state(straight), state(late)).filter(
      // After a change of size a mark finds nothing to join in a painted terminal.
      w => !(resizes && w.startsWith('.joins') && w.endsWith('painted 0')),
    );
    if (wrong.length > 0) {
      const told = `seed ${seed}, after move ${i} of ${cols}x${rows}\n${quoted(list.slice(Math.max(0, i - Number(process.env.PAINT_TOLD ?? 12)), i + 1))}\n`;
      expect.fail(
        `${told}painted with ${JSON.stringify(Buffer.from(paint).toString())}\n${wrong.slice(0, 6).join('\n')}`,
      );
    }
    late.dispose();
  }
  straight.dispose();
}

/** What a program prints to whom types these keys, on a terminal of its own. */
interface Program {
  name: string;
  command: string[];
  keys?: string[];
}

const progress = String.raw`
printf '[+] Running 0/4\n'
for step in 1 2 3 4 5 6 7 8; do
  printf '\e[5A\e[?25l'
  printf '\e[34m[+] Running %d/4\e[0m\e[K\n' $((step / 2))
  for s in redis rng hasher wörker日本; do
    printf ' \e[33m⠿\e[0m %s \e[%dC\e[2mPulling\e[0m %d.%ds\e[K\n' $s $((step * 2)) $step $step
  done
  [ $step = 1 ] && printf '\n'
done
printf '\e[?25h'; for i in 1 2 3 4 5 6 7 8 9; do seq -s ' ' $i 200; printf '\e(0lqqqk\e(B\r\n'; done`;

const file = 'docs/protocol.md';
const programs: Program[] = [
  { name: 'top', command: ['top', '-d', '1'], keys: ['1', 'm', 'z', 'x', 'V', 'h', 'q', 'q'] },
  {
    name: 'vim',
    command: [
      'vim',
      '-u',
      'NONE',
      '-N',
      '--cmd',
      'syntax on | set number hlsearch ruler mouse=a title',
      file,
    ],
    keys: [
      '/the\r',
      'nnn',
      ':split\r',
      'Go日本語 é wide\x1b',
      ':vsplit\r\x17l',
      'ggdG',
      'u',
      '\x06\x06',
      ':q!\r',
      ':qa!\r',
    ],
  },
  {
    name: 'less',
    command: ['less', '-N', '-R', file],
    keys: [' ', ' ', '/frame\r', 'n', 'G', 'g', '-S\r', '\x1b[C', 'q'],
  },
  { name: 'htop', command: ['htop', '-d', '10'], keys: ['t', '\x1b[B\x1b[B', '\x1bOS', 'q'] },
  {
    name: 'tmux',
    command: ['tmux', '-L', 'painting', '-f', '/dev/null', 'new-session', 'bash --norc'],
    keys: [
      'seq 200\r',
      '\x02%',
      'top -n 1\r',
      '\x02"',
      'echo 日本 é\r',
      '\x02z',
      '\x02[\x1b[5~',
      'q',
      'tmux -L painting kill-server\r',
    ],
  },
  { name: 'progress bars', command: ['bash', '-c', progress] },
  {
    name: 'a shell',
    command: ['bash', '--norc', '-i'],
    keys: [
      'ls --color=always -l /\r',
      'echo a long line {1..60}',
      '\x1b[D\x1b[D\x7f',
      '\x01',
      '\r',
      'clear\r',
      'printf "\\e]8;;http://a.example\\e\\\\link\\e]8;;\\e\\\\\\n"\r',
    ],
  },
];

/** The next place at or after one where output may be cut, as the agent cuts it. */
function whole(data: Uint8Array, at: number): number {
  let cut = at;
  while (cut < data.length && (data[cut]! & 0xc0) === 0x80) cut++;
  return cut;
}

/** Paints at places all over a recording; each painted terminal then goes on to the end. */
async function follow(data: Uint8Array, cols: number, rows: number, cuts: number[]): Promise<void> {
  const straight = xterm(cols, rows);
  const late: { at: number; term: ReturnType<typeof xterm> }[] = [];
  model.start(cols, rows);
  let at = 0;
  for (const cut of [...cuts.map(c => whole(data, c)).sort((a, b) => a - b), data.length]) {
    const next = data.subarray(at, cut);
    model.write(next);
    for (const term of [straight, ...late.map(l => l.term)]) write(term, next);
    at = cut;
    const { paint, behind } = await model.paint();
    expect(behind).toBe(0);
    const term = xterm(cols, rows);
    write(term, paint);
    late.push({ at, term });
    const now = state(straight);
    for (const l of late) {
      const wrong = difference(now, state(l.term));
      if (wrong.length > 0)
        expect.fail(`painted at ${l.at}, compared at ${at}: ${wrong.slice(0, 5).join('\n')}`);
    }
  }
  for (const term of [straight, ...late.map(l => l.term)]) term.dispose();
}

const seeds = Number(process.env.PAINT_SEEDS ?? 25);
const start = Number(process.env.PAINT_START ?? 1);

describe('a repaint', () => {
  it('knows the width of every character', async () => {
    const { widths } = await model.ask({ widths: true });
    const ours = Buffer.from(widths ?? '', 'base64');
    const unicode = inside(xterm(2, 1)).unicodeService;
    expect(ours.length).toBe(0x110000);
    for (let c = 0; c < ours.length; c++)
      if (ours[c] !== unicode.wcwidth(c)) expect.fail(`U+${c.toString(16)}`);
  });

  it('is exact after anything a program may print', async () => {
    for (let seed = start; seed < start + seeds; seed++) await play(seed, 120, false);
  }, 600_000);

  it('is exact after anything and any change of size', async () => {
    for (let seed = start; seed < start + seeds; seed++) await play(seed + 100_000, 80, true);
  }, 600_000);

  it.each(programs)(
    'is exact at any byte of what $name prints',
    async ({ name, command, keys }) => {
      const r = random(name.length);
      for (const [cols, rows] of [
        [80, 24],
        [47, 11],
      ] as const) {
        const { output } = await model.ask({ record: { command, keys: keys ?? [], cols, rows, quiet: 300 } });
        const data = Buffer.from(output ?? '', 'base64');
        expect(data.length).toBeGreaterThan(500);
        await follow(
          data,
          cols,
          rows,
          Array.from({ length: 14 }, () => r(data.length)),
        );
      }
    },
    300_000,
  );
});
