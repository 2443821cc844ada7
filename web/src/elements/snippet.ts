/**
 * <slip-snippet>: a command on a slide. A click on the command types it into
 * a terminal of its node; the other button copies it, byte for byte.
 */
import { html, nothing, render } from 'lit';
import { page } from '../page';
import { icon } from '../words';
import { copyText } from './copy';

export class SlipSnippet extends HTMLElement {
  private bar: HTMLElement | undefined;
  private done = '';
  private timer: ReturnType<typeof setTimeout> | undefined;

  connectedCallback(): void {
    if (this.bar) return;
    this.bar = document.createElement('div');
    this.bar.className = 'snippet-bar';
    this.append(this.bar);
    if (this.runs) {
      const pre = this.querySelector('pre');
      pre?.addEventListener('click', () => {
        // Marking text with the mouse is no click on the command.
        if (getSelection()?.toString() === '') void this.run();
      });
      pre?.setAttribute('title', this.hint);
      this.classList.add('runs');
    }
    this.draw();
  }

  get node(): string {
    return this.dataset.node ?? 'node1';
  }

  /** The text as it stands on the slide. */
  get source(): string {
    return this.querySelector('code')?.textContent ?? '';
  }

  private get runs(): boolean {
    return this.dataset.run !== 'false' && page().nodes.length > 0;
  }

  private get dangerous(): boolean {
    return this.dataset.dangerous === 'true';
  }

  private get hint(): string {
    return this.dangerous
      ? `Type this on ${this.node}; you press Enter yourself`
      : `Run this on ${this.node}`;
  }

  async run(): Promise<void> {
    this.say(`Going to ${this.node} …`, 20_000);
    const text = this.dataset.text ?? this.source;
    const said = await page().run({
      node: this.node,
      terminal: Number(this.dataset.terminal ?? 0),
      text,
      enter: !this.dangerous,
    });
    this.say(said);
  }

  private async copy(): Promise<void> {
    const ok = await copyText(this.dataset.text ?? this.source);
    this.say(ok ? 'Copied.' : 'The browser does not allow copying here: mark the text instead.');
  }

  private say(what: string, ms = 4000): void {
    this.done = what;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.done = '';
      this.draw();
    }, ms);
    page().say(what);
    this.draw();
  }

  private draw(): void {
    const other = this.node !== 'node1' && this.runs;
    render(
      html`
        ${this.done ? html`<span class="snippet-said">${this.done}</span>` : nothing}
        ${!this.done && other ? html`<span class="snippet-node">${this.node}</span>` : nothing}
        ${
          this.runs
            ? html`<button class="icon-button" data-testid="run" title=${this.hint} @click=${() => void this.run()}>
                ${icon('play', true)}<span class="vh">${this.hint}</span></button>`
            : nothing
        }
        <button class="icon-button" data-testid="copy" title="Copy" @click=${() => void this.copy()}>
          ${icon('copy')}<span class="vh">Copy the command</span></button>`,
      this.bar!,
    );
  }
}
