/**
 * <slip-terminal>: one live shell of a node, with its head (name, copy, paste,
 * find, close) and the line that says so when something is wrong with it.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { isHandChord, isLeaveChord } from '../keys';
import { page } from '../page';
import { type LinkState, TerminalLink } from '../terminal/link';
import { XtermScreen } from '../terminal/screen';
import { icon } from '../words';
import { copyText } from './copy';
import { Light } from './light';

const encoder = new TextEncoder();

export class SlipTerminal extends Light {
  static override properties = { node: {}, shell: {}, shown: { type: Boolean }, alone: { type: Boolean } };
  declare node: string;
  declare shell: string;
  declare shown: boolean;
  declare alone: boolean;
  /** The tab's name towards shells; set before the element enters the page. */
  client = '';
  link: TerminalLink | undefined;
  private screen: XtermScreen | undefined;
  private asked: { text: string; lines: number } | undefined;
  private note = '';
  private finding = false;
  private noteTimer: ReturnType<typeof setTimeout> | undefined;

  get number(): string {
    return this.shell.replace(/^t/, '');
  }

  get state(): LinkState {
    return this.link?.state ?? 'starting';
  }

  protected override firstUpdated(): void {
    this.dataset.testid = `terminal-${this.node}-${this.shell}`;
    const host = this.querySelector<HTMLElement>('.screen')!;
    host.addEventListener('paste', e => this.checkPaste(e), { capture: true });
    const screen = new XtermScreen(host, {
      typed: (data, binary) => this.typed(data, binary),
      key: e => this.key(e),
    });
    this.screen = screen;
    screen.term.textarea?.setAttribute('aria-label', `Terminal ${this.number} of ${this.node}`);
    this.link = new TerminalLink(
      this.node,
      this.shell,
      this.client,
      screen,
      () => this.linkChanged(),
      () => this.shown && !document.hidden,
    );
    let soon: ReturnType<typeof setTimeout> | undefined;
    const resized = new ResizeObserver(() => {
      clearTimeout(soon);
      soon = setTimeout(() => this.refit(), 60);
    });
    resized.observe(host);
    this.until(() => resized.disconnect());
    this.on(window, 'online', () => this.link?.hurry());
    this.on(document, 'visibilitychange', () => !document.hidden && this.link?.hurry());
    this.on(host, 'focusin', () => {
      this.link?.resize(host.classList.contains('boxed'));
      this.dispatchEvent(new CustomEvent('slip-focus', { bubbles: true }));
      this.requestUpdate();
    });
    this.on(host, 'focusout', () => this.requestUpdate());
    this.until(() => {
      this.link?.close();
      screen.dispose();
    });
    this.openWhenReady();
  }

  /** Nodes that still start are not asked: the page is told when they are there. */
  private openWhenReady(): void {
    const { room } = page();
    const state = () => room.person?.lab.state;
    if (state() === 'ready') {
      void this.link?.open();
      return;
    }
    const stop = room.listen(() => {
      if (this.link)
        this.link.message =
          state() === undefined ? '' : room.person?.lab.message || `${this.node} is starting …`;
      this.requestUpdate();
      if (state() !== 'ready') return;
      stop();
      void this.link?.open();
    });
    this.until(stop);
  }

  /** Puts the keyboard into the shell. */
  focusShell(): void {
    this.screen?.term.focus();
  }

  get hasFocus(): boolean {
    return this.querySelector('.screen')?.contains(document.activeElement) ?? false;
  }

  /** What the terminal shows, with what scrolled out above, as text. */
  text(): string {
    return this.screen?.text() ?? '';
  }

  /**
   * Types a text as if pasted, then Enter when asked. Several lines go as one
   * paste where the program can tell a paste from typing; else line by line.
   */
  run(text: string, enter: boolean): void {
    const term = this.screen?.term;
    if (!term) return;
    const lines = text.replace(/\r\n/g, '\n').replace(/\n$/, '');
    const several = lines.includes('\n');
    if (several && term.modes.bracketedPasteMode)
      this.send(`\x1b[200~${lines.replaceAll('\x1b', '')}\x1b[201~`);
    else this.send(lines.replaceAll('\n', '\r'));
    if (enter) this.send('\r');
    term.scrollToBottom();
  }

  /** Sends bytes as typed; used by the row of keys on a phone. */
  send(data: string): void {
    if (this.link && !this.link.type(encoder.encode(data))) {
      this.tell('Not typed: there is no connection, and as much as may wait is waiting.');
    }
  }

  refit(): void {
    if (!this.screen || this.offsetParent === null) return;
    this.screen.letterbox();
    if (this.hasFocus || this.shown) this.link?.resize();
  }

  private typed(data: string, binary: boolean): void {
    if (!this.link) return;
    const bytes = binary ? Uint8Array.from(data, c => c.charCodeAt(0)) : encoder.encode(data);
    if (!this.link.type(bytes))
      this.tell('Not typed: there is no connection, and as much as may wait is waiting.');
    this.dispatchEvent(new CustomEvent('slip-typed', { bubbles: true }));
  }

  private tell(note: string): void {
    this.note = note;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => {
      this.note = '';
      this.requestUpdate();
    }, 6000);
    this.requestUpdate();
  }

  private linkChanged(): void {
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent('slip-link', { bubbles: true }));
  }

  /** Keys that are the page's even here; everything else is the shell's. */
  private key(e: KeyboardEvent): boolean {
    if (isLeaveChord(e) || isHandChord(e)) return true; // the page hears them on document
    if (e.type !== 'keydown' || !e.ctrlKey || !e.shiftKey || e.altKey) return false;
    switch (e.code) {
      case 'KeyC':
        e.preventDefault();
        this.copy();
        return true;
      case 'KeyV':
        return true; // the browser pastes by itself
      case 'KeyF':
        e.preventDefault();
        this.find();
        return true;
    }
    return false;
  }

  copy(): void {
    const text = this.screen?.term.getSelection() ?? '';
    if (text === '') {
      this.tell(
        'Nothing is selected: mark text with the mouse first. With Shift where a program uses the mouse.',
      );
      return;
    }
    void copyText(text).then(ok =>
      this.tell(ok ? 'Copied.' : 'The browser does not allow copying here; use its menu.'),
    );
  }

  async paste(): Promise<void> {
    try {
      this.offer(await navigator.clipboard.readText());
    } catch {
      this.tell(
        'The browser does not let the page read what you copied: press Ctrl+Shift+V, or use the right mouse button.',
      );
    }
    this.focusShell();
  }

  private checkPaste(e: ClipboardEvent): void {
    const text = e.clipboardData?.getData('text') ?? '';
    const several = text.replace(/\r?\n$/, '').includes('\n');
    if (!several || this.screen?.term.modes.bracketedPasteMode) return;
    e.preventDefault();
    e.stopImmediatePropagation();
    this.offer(text);
  }

  private offer(text: string): void {
    const lines = text.replace(/\r?\n$/, '').split('\n').length;
    if (lines > 1 && !this.screen?.term.modes.bracketedPasteMode) {
      this.asked = { text, lines };
      this.requestUpdate();
    } else {
      this.screen?.term.paste(text);
    }
  }

  private answer(yes: boolean): void {
    if (yes && this.asked) this.screen?.term.paste(this.asked.text);
    this.asked = undefined;
    this.requestUpdate();
    this.focusShell();
  }

  find(): void {
    this.finding = !this.finding;
    this.requestUpdate();
    if (this.finding)
      void this.updateComplete.then(() => this.querySelector<HTMLInputElement>('.find input')?.focus());
    else this.focusShell();
  }

  private search(e: KeyboardEvent): void {
    const field = e.target as HTMLInputElement;
    if (e.key === 'Escape') this.find();
    else if (e.key === 'Enter' && e.shiftKey) this.screen?.search.findPrevious(field.value);
    else if (e.key === 'Enter' || e.type === 'input') {
      this.screen?.search.findNext(field.value, { incremental: e.type === 'input' });
    }
    e.stopPropagation();
  }

  /** Asks the page to close this shell. */
  private shut(): void {
    this.dispatchEvent(new CustomEvent('slip-close', { bubbles: true }));
  }

  private again(): void {
    this.dispatchEvent(new CustomEvent('slip-again', { bubbles: true }));
  }

  private banner(): TemplateResult | typeof nothing {
    const { asked, link } = this;
    if (asked) {
      return html`<p class="line warn" role="alert">
        ${asked.lines} lines, and the program here runs each as it arrives.
        <button class="small" @click=${() => this.answer(true)}>Paste</button>
        <button class="small quiet" @click=${() => this.answer(false)}>Don't</button>
      </p>`;
    }
    switch (this.state) {
      case 'starting':
        return html`<p class="line" role="status">${link?.message || `Opening a shell on ${this.node} …`}</p>`;
      case 'slow':
        return html`<p class="line warn" role="status">No answer from the node just now. What you type waits and is sent in order.</p>`;
      case 'lost':
        return html`<p class="line warn" role="status">
          The connection is cut. Your shell keeps running; what you type waits and is sent when it is back.
        </p>`;
      case 'refused':
        return html`<p class="line bad" role="alert">${link?.message}</p>`;
      case 'exited':
        return html`<p class="line" role="status">
          This shell has ended (code ${link?.exitCode}).
          <button class="small" @click=${() => this.again()}>Open a new one</button>
        </p>`;
    }
    return this.note ? html`<p class="line" role="status">${this.note}</p>` : nothing;
  }

  protected override render(): TemplateResult {
    this.toggleAttribute('data-alone', this.alone);
    return html`
      <div class="term-head">
        <span class="term-name">${this.node} <b>${this.number}</b></span>
        <span class="term-tools">
          <button class="icon-button" title="Copy what is selected (Ctrl+Shift+C)" @mousedown=${stay} @click=${this.copy}>
            ${icon('copy')}<span class="vh">Copy</span></button>
          <button class="icon-button" title="Paste (Ctrl+Shift+V)" @mousedown=${stay} @click=${this.paste}>
            ${icon('paste')}<span class="vh">Paste</span></button>
          <button class="icon-button" title="Find (Ctrl+Shift+F)" @click=${this.find}>
            ${icon('find')}<span class="vh">Find</span></button>
          ${
            this.alone
              ? nothing
              : html`<button class="icon-button" title="Close this shell" @click=${this.shut}>
                  ${icon('cross')}<span class="vh">Close terminal ${this.number} of ${this.node}</span></button>`
          }
        </span>
      </div>
      <div class="screen"></div>
      ${
        this.finding
          ? html`<div class="find"><input type="search" placeholder="Find, Enter for the next" aria-label="Find in this terminal"
              @keydown=${this.search} @input=${this.search} /></div>`
          : nothing
      }
      ${this.banner()}
    `;
  }
}

/** Keeps the selection and the focus where they are when a button is pressed. */
const stay = (e: Event) => e.preventDefault();
