/**
 * For comparing our model of a terminal with the real one: the model as a
 * program that answers questions, xterm.js without a page, and all of its
 * state that a program could ever notice, as plain values.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import headless from '@xterm/headless';

export type Xterm = InstanceType<typeof headless.Terminal>;

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Answer {
  paint?: string;
  behind: number;
  widths?: string;
  output?: string;
}

/** The model in a process of its own. */
export class Model {
  private readonly folder = mkdtempSync(join(tmpdir(), 'paint-'));
  private readonly child: ChildProcess;
  private readonly waiting: ((a: Answer) => void)[] = [];

  constructor() {
    const program = join(this.folder, 'paint');
    execFileSync('go', ['build', '-o', program, './terminal/screen/internal/paint'], { cwd: root });
    this.child = spawn(program, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout! }).on('line', line =>
      this.waiting.shift()?.(JSON.parse(line)),
    );
  }

  tell(step: object): void {
    this.child.stdin!.write(`${JSON.stringify(step)}\n`);
  }

  ask(step: object): Promise<Answer> {
    const answer = new Promise<Answer>(done => this.waiting.push(done));
    this.tell(step);
    return answer;
  }

  start(cols: number, rows: number): void {
    this.tell({ new: [cols, rows] });
  }

  write(data: Uint8Array): void {
    this.tell({ data: Buffer.from(data).toString('base64') });
  }

  resize(cols: number, rows: number): void {
    this.tell({ resize: [cols, rows] });
  }

  async paint(most = 4 << 20): Promise<{ paint: Uint8Array; behind: number }> {
    const a = await this.ask({ paint: most });
    return { paint: Buffer.from(a.paint ?? '', 'base64'), behind: a.behind };
  }

  close(): void {
    this.child.stdin!.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** xterm.js as the page has it, without the page. */
export function xterm(cols: number, rows: number): Xterm {
  const term = new headless.Terminal({ cols, rows, scrollback: 5000, allowProposedApi: true });
  term.loadAddon(new Unicode11Addon() as never);
  term.unicode.activeVersion = '11';
  return term;
}

// biome-ignore lint/suspicious/noExplicitAny: its inside has no types that we could import
export const inside = (term: Xterm): any => (term as any)._core;

export function write(term: Xterm, data: Uint8Array): void {
  inside(term).writeSync(data);
}

const colours = 0x3ffffff;

/** A colour without the bits of an older one that xterm.js leaves where nobody looks. */
const colour = (c: number): number =>
  ((c & 0x3000000) === 0x3000000 ? c : c & (0x3000000 | ((c & 0x3000000) === 0 ? 0 : 0xff))) & colours;
const flags = (c: number): number => (c & ~colours & ~0x10000000) >>> 0;

// biome-ignore lint/suspicious/noExplicitAny: as above
function cell(line: any, x: number): string {
  const fg = line.getFg(x);
  const bg = line.getBg(x);
  let extra = fg & 0x10000000 ? ' 1#0' : '';
  if (bg & 0x10000000) {
    const e = line._extendedAttrs[x];
    // An underline that a link draws is no underline of the text.
    const style = fg & 0x10000000 ? (e._ext & 0x1c000000) >>> 26 || 1 : 0;
    extra =
      ` ${style || ''}${style ? `#${colour(e._ext).toString(16)}` : ''} ${e.urlId ? '∞' : ''}`.trimEnd();
  }
  const under = fg & 0x10000000 ? '_' : '';
  const text = line.getString(x);
  return `${text}|${line.getWidth(x)}|${colour(fg).toString(16)}+${flags(fg).toString(16)}${under}|${colour(bg).toString(16)}+${flags(bg).toString(16)}${extra}`;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function half(core: any, line: any, x: number): boolean {
  const second = (at: number) => line.getWidth(at) === 0 && !line.hasContent(at);
  const wide = (at: number) => line.getWidth(at) === 2;
  if (second(x)) return x === 0 || !wide(x - 1);
  if (!wide(x) || x === core.cols - 2) return wide(x) && line.getWidth(x + 1) === 2;
  return x === core.cols - 1 || !second(x + 1);
}

const emptyCell = '|1|0+0|0+0';

// biome-ignore lint/suspicious/noExplicitAny: as above
function buffer(core: any, b: any): object {
  const lines: string[] = [];
  for (let y = 0; y < b.lines.length; y++) {
    const line = b.lines.get(y);
    const cells: string[] = [];
    for (let x = 0; x < core.cols; x++) {
      // Half of a wide character that a narrower terminal cut: nothing can print that.
      const cut = half(core, line, x);
      cells.push(cut ? emptyCell : cell(line, x));
    }
    // A cursor comes behind the last column only by printing there, so it is no longer empty.
    const here = core._bufferService.buffers.active === b && b.ybase + b.y === y && b.x >= core.cols;
    if (here) cells.push((cells.pop() ?? '').replace(/^\|/, ' |'));
    while (cells.at(-1) === emptyCell) cells.pop();
    lines.push(`${line.isWrapped && core.rows > 1 ? '↩' : ''}${cells.join(' ')}`);
  }
  const tabs = Object.keys(b.tabs).filter(x => Number(x) < core.cols && b.tabs[x]);
  if (!b._hasScrollback) {
    return { lines, region: [b.scrollTop, b.scrollBottom], tabs: tabs.join() };
  }
  return { lines, base: b.ybase, region: [b.scrollTop, b.scrollBottom], tabs: tabs.join() };
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function saved(core: any, b: any): object {
  const { savedX, savedY, savedCurAttrData: a, savedCharset } = b;
  return {
    x: Math.min(savedX, core.cols - 1),
    y: Math.min(Math.max(savedY - b.ybase, 0), core.rows - 1),
    fg: colour(a.fg),
    bg: colour(a.bg),
    flags: [flags(a.fg), flags(a.bg)],
    charset: JSON.stringify(savedCharset),
  };
}

/** All that a program could notice, or a person see. */
export function state(term: Xterm): Record<string, unknown> {
  const core = inside(term);
  const { normal, alt, active } = core._bufferService.buffers;
  const handler = core._inputHandler;
  const { charset, glevel, _charsets } = core._charsetService;
  const pen = handler._curAttrData;
  const told = (pen.bg & 0x10000000) !== 0;
  const dec = { ...core.coreService.decPrivateModes };
  return {
    screen: active === alt ? 'alternate' : 'normal',
    normal: buffer(core, normal),
    alternate: active === alt ? buffer(core, alt) : undefined,
    cursor: [active.x, active.y],
    saved: [saved(core, normal), saved(core, alt)],
    pen: [colour(pen.fg), flags(pen.fg), colour(pen.bg), flags(pen.bg), told && pen.extended.urlId > 0],
    underline:
      told && pen.fg & 0x10000000
        ? [(pen.extended._ext & 0x1c000000) >>> 26 || 1, colour(pen.extended._ext)]
        : [],
    charsets: [charset, ...[0, 1, 2, 3].map(g => _charsets[g])].map(c => (c ? JSON.stringify(c) : '')),
    level: glevel,
    modes: { ...core.coreService.modes, ...dec, hidden: core.coreService.isCursorHidden },
    options: [core.options.convertEol, core.options.cursorBlink],
    mouse: [core.coreMouseService.activeProtocol, core.coreMouseService.activeEncoding],
    title: handler._windowTitle,
    joins: (handler._parser.precedingJoinState >> 1) & 3,
    parser: handler._parser.currentState,
  };
}

/** Where two states differ, in a form that a person can read. */
export function difference(a: unknown, b: unknown, path = ''): string[] {
  if (Object.is(a, b)) return [];
  if (a && b && typeof a === 'object' && typeof b === 'object') {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap(k =>
      difference((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k], `${path}.${k}`),
    );
  }
  if (a === undefined && b === undefined) return [];
  return [`${path}: straight ${JSON.stringify(a)}, painted ${JSON.stringify(b)}`];
}
