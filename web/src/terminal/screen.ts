/**
 * xterm as the Screen of a link: fonts, colours, the size that rules, copy
 * and paste, and silence towards programs whose questions are only replayed.
 */
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { type ITheme, Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { isDark, recall, terminalSize } from '../prefs';
import type { Screen } from './link';

const darkTheme: ITheme = {
  background: '#14171a',
  foreground: '#d7dce0',
  cursor: '#6fb7d6',
  cursorAccent: '#14171a',
  selectionBackground: '#35586b',
  black: '#2b3238',
  red: '#f0827a',
  green: '#7fc98b',
  yellow: '#dcb967',
  blue: '#7fb0e6',
  magenta: '#c9a0e0',
  cyan: '#6cc5c9',
  white: '#c6ccd1',
  brightBlack: '#78838c',
  brightRed: '#ff9d94',
  brightGreen: '#9ae0a4',
  brightYellow: '#f0d08a',
  brightBlue: '#9fc8f5',
  brightMagenta: '#dcbbef',
  brightCyan: '#8fdde0',
  brightWhite: '#f3f6f8',
};

const lightTheme: ITheme = {
  background: '#fcfcfa',
  foreground: '#22282c',
  cursor: '#17607f',
  cursorAccent: '#fcfcfa',
  selectionBackground: '#c4dfec',
  black: '#22282c',
  red: '#b3261e',
  green: '#24702f',
  yellow: '#805600',
  blue: '#1f5aa8',
  magenta: '#7c3a9c',
  cyan: '#13686c',
  white: '#5b656c',
  brightBlack: '#6b757c',
  brightRed: '#c9372e',
  brightGreen: '#2c7d38',
  brightYellow: '#8d6100',
  brightBlue: '#2a6bc2',
  brightMagenta: '#8e49b0',
  brightCyan: '#1a7a7e',
  brightWhite: '#22282c',
};

export const terminalTheme = (): ITheme => (isDark() ? darkTheme : lightTheme);

export const monoFont =
  'ui-monospace, "Cascadia Mono", "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';

/** Width that the bar for scrolling needs, in pixels. */
const scrollBar = 14;

/** Whether drawing by the graphics card is there and not a slow imitation of it. */
function fastGraphics(): boolean {
  try {
    const gl = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
    const info = gl?.getExtension('WEBGL_debug_renderer_info');
    const name = info ? String(gl?.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
    gl?.getExtension('WEBGL_lose_context')?.loseContext();
    return gl !== null && !/swiftshader|llvmpipe|software|basic render/i.test(name);
  } catch {
    return false;
  }
}

export interface Dealings {
  /** Bytes a person typed, or a program's question answered. */
  typed(data: string, binary: boolean): void;
  /** A key before the terminal has it; true takes it away. */
  key(e: KeyboardEvent): boolean;
  title?(title: string): void;
}

/** One xterm in one element. */
export class XtermScreen implements Screen {
  readonly term: Terminal;
  readonly search = new SearchAddon();
  private cell: { width: number; height: number } | undefined;
  private replaying = false;
  private readonly baseSize: number;
  /** How far letters may grow to fill the place: a recording fills it, a live shell takes its size instead. */
  private readonly most: number;
  private theme = () => {
    this.term.options.theme = terminalTheme();
  };

  constructor(
    private readonly host: HTMLElement,
    deal: Dealings,
    readOnly = false,
  ) {
    this.most = readOnly ? 1.5 : 1;
    this.baseSize = terminalSize();
    this.term = new Terminal({
      allowProposedApi: true, // the Unicode addon needs it
      fontFamily: monoFont,
      fontSize: this.baseSize,
      lineHeight: 1.15,
      scrollback: 5000,
      cursorBlink: false,
      disableStdin: readOnly,
      cursorInactiveStyle: readOnly ? 'none' : 'outline',
      minimumContrastRatio: 4.5,
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      screenReaderMode: recall('screen-reader', false),
      theme: terminalTheme(),
      linkHandler: { activate: (_, address) => openLink(address) },
    });
    this.term.loadAddon(this.search);
    this.term.loadAddon(new Unicode11Addon());
    this.term.unicode.activeVersion = '11';
    this.term.loadAddon(new WebLinksAddon((_, address) => openLink(address)));
    this.silence();
    this.term.attachCustomKeyEventHandler(e => !deal.key(e));
    this.term.onData(data => deal.typed(data, false));
    this.term.onBinary(data => deal.typed(data, true));
    this.term.onTitleChange(title => deal.title?.(title));
    this.term.open(host);
    addEventListener('slip-theme', this.theme);
    if (fastGraphics()) void this.accelerate();
  }

  draw(data: Uint8Array, replay: boolean, drawn: () => void): void {
    if (!replay) {
      this.term.write(data, drawn);
      return;
    }
    // Written in order: the first callback runs right before these bytes are read.
    this.term.write('', () => {
      this.replaying = true;
    });
    this.term.write(data, () => {
      this.replaying = false;
      drawn();
    });
  }

  reset(): void {
    this.term.write('', () => this.term.reset());
  }

  resize(cols: number, rows: number): void {
    this.term.write('', () => {
      if (cols !== this.term.cols || rows !== this.term.rows) this.term.resize(cols, rows);
      this.letterbox();
    });
  }

  fit(): { cols: number; rows: number } {
    this.measure();
    const style = getComputedStyle(this.host);
    const width = this.host.clientWidth - Number.parseFloat(style.paddingLeft) - scrollBar;
    const height = this.host.clientHeight - Number.parseFloat(style.paddingTop);
    if (!this.cell || width <= 0 || height <= 0) return { cols: this.term.cols, rows: this.term.rows };
    return {
      cols: Math.min(500, Math.max(20, Math.floor(width / this.cell.width))),
      rows: Math.min(300, Math.max(4, Math.floor(height / this.cell.height))),
    };
  }

  /** When the shell is larger than this place, its letters shrink until it fits. */
  letterbox(): void {
    const own = this.fit();
    const scale = Math.min(this.most, own.cols / this.term.cols, own.rows / this.term.rows);
    const size = Math.max(5, Math.floor(this.baseSize * scale * 2) / 2);
    if (this.term.options.fontSize !== size) this.term.options.fontSize = size;
    this.host.classList.toggle('boxed', own.cols !== this.term.cols || own.rows !== this.term.rows);
  }

  /** The size of a letter at the person's size of letters, whatever the size is now. */
  private measure(): void {
    const drawn = this.host.querySelector<HTMLElement>('.xterm-screen');
    if (!drawn || drawn.offsetWidth === 0 || this.term.options.fontSize !== this.baseSize) return;
    this.cell = { width: drawn.offsetWidth / this.term.cols, height: drawn.offsetHeight / this.term.rows };
  }

  /** What is on the screen and above it, as text. */
  text(): string {
    const buffer = this.term.buffer.active;
    const lines: string[] = [];
    for (let i = 0; i < buffer.length; i++) {
      const line = buffer.getLine(i);
      if (!line) continue;
      const text = line.translateToString(true);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join('\n').trimEnd();
  }

  dispose(): void {
    removeEventListener('slip-theme', this.theme);
    this.term.dispose();
  }

  /** Questions in replayed bytes were answered long ago, or by nobody; an answer now would be typed into the shell. */
  private silence(): void {
    const quiet = () => this.replaying;
    const { parser } = this.term;
    for (const prefix of ['', '>', '=']) {
      parser.registerCsiHandler(prefix ? { prefix, final: 'c' } : { final: 'c' }, quiet);
    }
    parser.registerCsiHandler({ final: 'n' }, quiet);
    parser.registerCsiHandler({ prefix: '?', final: 'n' }, quiet);
    parser.registerCsiHandler({ intermediates: '$', final: 'p' }, quiet);
    parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, quiet);
    parser.registerCsiHandler({ prefix: '>', final: 'q' }, quiet);
    parser.registerCsiHandler({ prefix: '?', final: 'u' }, quiet);
    parser.registerCsiHandler({ final: 't' }, quiet);
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, quiet);
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, quiet);
    for (const code of [4, 10, 11, 12]) {
      parser.registerOscHandler(code, data => this.replaying && data.includes('?'));
    }
    // A program in a node has no business with the person's clipboard.
    parser.registerOscHandler(52, () => true);
  }

  private async accelerate(): Promise<void> {
    try {
      const { WebglAddon } = await import('@xterm/addon-webgl');
      const addon = new WebglAddon();
      addon.onContextLoss(() => addon.dispose());
      this.term.loadAddon(addon);
    } catch {
      // The page's own renderer draws as well, only slower.
    }
  }
}

function openLink(address: string): void {
  if (/^https?:\/\//i.test(address)) open(address, '_blank', 'noopener,noreferrer');
}
