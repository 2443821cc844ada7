/**
 * <slip-finder>: the ways to a slide that are not "next": overview by
 * chapter, go to by number or name, search in the text; and the list of keys.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { get, sentence } from '../api';
import { find } from '../deck';
import { keyList } from '../keys';
import { page } from '../page';
import { keep, recall, terminalSize } from '../prefs';
import type { SlideInfo } from '../protocol';
import { cellIcons, cellOf, cellWords, icon } from '../words';
import { define, Light } from './light';
import './finder.css';

type Mode = 'overview' | 'go-to' | 'search' | 'help';

interface Hit {
  slide: string;
  title: string;
  where?: string;
  before?: string;
  match?: string;
  after?: string;
}

export class SlipFinder extends Light {
  static override properties = { here: {} };
  /** Name of the slide that is shown. */
  declare here: string;
  /** Which keys the list shows. */
  who: 'attendee' | 'presenter' = 'attendee';
  private mode: Mode = 'overview';
  private hits: Hit[] = [];
  private typed = '';
  private chosen = 0;
  private error = '';
  private asked = 0;

  constructor() {
    super();
    this.here = '';
  }

  private get box(): HTMLDialogElement {
    return this.querySelector('dialog')!;
  }

  get isOpen(): boolean {
    return this.box?.open ?? false;
  }

  open(mode: Mode, typed = ''): void {
    this.mode = mode;
    this.typed = typed;
    this.chosen = 0;
    this.hits = [];
    this.error = '';
    if (mode === 'go-to') this.filter();
    this.requestUpdate();
    void this.updateComplete.then(() => {
      if (!this.box.open) this.box.showModal();
      const field = this.querySelector<HTMLInputElement>('input[type=search]');
      if (field) {
        field.value = typed;
        field.focus();
      }
      this.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
      if (mode === 'overview') this.querySelector<HTMLElement>('[aria-current]')?.focus();
    });
  }

  close(): void {
    if (this.box.open) this.box.close();
  }

  private go(name: string): void {
    this.close();
    this.dispatchEvent(new CustomEvent('slip-go', { detail: name, bubbles: true }));
  }

  private filter(): void {
    const { slides } = page().deck.deck;
    const want = this.typed.trim().toLowerCase();
    const first = find(slides, want);
    const rest = want
      ? slides.filter(s => s !== first && (s.name.includes(want) || s.title.toLowerCase().includes(want)))
      : slides;
    this.hits = [...(first ? [first] : []), ...rest]
      .slice(0, 50)
      .map(s => ({ slide: s.name, title: `${s.n}  ${s.title}` }));
  }

  private async search(): Promise<void> {
    const asked = ++this.asked;
    if (this.typed.trim().length < 2) {
      this.hits = [];
      this.requestUpdate();
      return;
    }
    try {
      const hits = await get<Hit[] | null>(`/api/search?q=${encodeURIComponent(this.typed.trim())}`);
      if (asked !== this.asked) return;
      this.hits = hits ?? [];
      this.error = '';
    } catch (err) {
      this.error = sentence(err);
    }
    this.requestUpdate();
  }

  private input(e: Event): void {
    this.typed = (e.target as HTMLInputElement).value;
    this.chosen = 0;
    if (this.mode === 'go-to') {
      this.filter();
      this.requestUpdate();
    } else void this.search();
  }

  private keys(e: KeyboardEvent): void {
    e.stopPropagation();
    const last = this.hits.length - 1;
    if (e.key === 'ArrowDown') this.chosen = Math.min(this.chosen + 1, last);
    else if (e.key === 'ArrowUp') this.chosen = Math.max(this.chosen - 1, 0);
    else if (e.key === 'Enter') {
      const hit = this.hits[this.chosen];
      if (hit) this.go(hit.slide);
    } else return;
    e.preventDefault();
    this.requestUpdate();
    void this.updateComplete.then(() =>
      this.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }),
    );
  }

  protected override render(): TemplateResult {
    const titles: Record<Mode, string> = {
      overview: 'Overview',
      'go-to': 'Go to a slide',
      search: 'Search',
      help: 'Keys',
    };
    return html`<dialog class="finder ${this.mode}" aria-label=${titles[this.mode]} @click=${this.outside} @keydown=${this.escape}>
      <div class="finder-body">
        <header><h2>${titles[this.mode]}</h2><span class="grow"></span>
          <button class="icon-button" title="Close (Esc)" @click=${this.close}>${icon('cross')}<span class="vh">Close</span></button></header>
        ${this.body()}
      </div></dialog>`;
  }

  /** At once, not when the browser gets to it: the next key is the deck's again. */
  private escape(e: KeyboardEvent): void {
    if (e.key !== 'Escape') return;
    e.preventDefault();
    e.stopPropagation();
    this.close();
  }

  private outside(e: Event): void {
    if (e.target === this.box) this.close();
  }

  private body(): TemplateResult {
    switch (this.mode) {
      case 'overview':
        return this.overview();
      case 'help':
        return this.help();
      default:
        return this.list();
    }
  }

  private list(): TemplateResult {
    const empty =
      this.mode === 'search' && this.typed.trim().length < 2
        ? 'Type two letters or more: slides and commands are searched.'
        : `Nothing found for “${this.typed}”.`;
    return html`
      <input type="search" aria-label=${this.mode === 'search' ? 'Words to search' : 'Number or name'} autocomplete="off"
        placeholder=${this.mode === 'search' ? 'Words' : 'Number or name'} @input=${this.input} @keydown=${this.keys} />
      ${this.error ? html`<p class="line bad" role="alert">${this.error}</p>` : nothing}
      ${
        this.hits.length === 0
          ? html`<p class="soft">${empty}</p>`
          : html`<ul role="listbox" class="hits">${this.hits.map(
              (
                hit,
                i,
              ) => html`<li role="option" aria-selected=${i === this.chosen} @click=${() => this.go(hit.slide)}>
                <b>${hit.title}</b>${hit.match && hit.where !== 'title' ? html`<span>${hit.where === 'notes' ? 'notes: ' : ''}${hit.before}<mark>${hit.match}</mark>${hit.after}</span>` : nothing}</li>`,
            )}</ul>`
      }`;
  }

  private overview(): TemplateResult {
    const { chapters, slides } = page().deck.deck;
    return html`<div class="chapters">${chapters.map((c, i) => {
      const own = slides.filter(s => s.chapter === i);
      return own.length === 0
        ? nothing
        : html`<section><h3>${c.title}${c.minutes ? html` <span class="soft">${Math.round(c.minutes)} min</span>` : nothing}</h3>
          <ol>${own.map(s => this.entry(s))}</ol></section>`;
    })}</div>`;
  }

  private entry(s: SlideInfo): TemplateResult {
    const person = page().room.person;
    return html`<li><button aria-current=${s.name === this.here ? 'true' : nothing} @click=${() => this.go(s.name)}>
      <span class="n">${s.n}</span><span>${s.title || s.name}</span>
      ${(s.exercises ?? []).map(id => {
        const cell = cellOf(person?.exercises[id]);
        return html`<span class="cell ${cell}" title=${cellWords[cell]}>${icon(cellIcons[cell])}<span class="vh">${cellWords[cell]}</span></span>`;
      })}</button></li>`;
  }

  private help(): TemplateResult {
    const reader = recall('screen-reader', false);
    const size = terminalSize();
    return html`
      <table class="keys"><tbody>${keyList
        .filter(k => !k.who || k.who === this.who)
        .map(
          k =>
            html`<tr><th scope="row">${k.keys.split('  ').map(part => html`<kbd>${part}</kbd> `)}</th><td>${k.act}</td></tr>`,
        )}</tbody></table>
      <p class="soft">Letters are the page's only while no terminal has the keyboard.</p>
      ${
        this.who === 'attendee'
          ? html`<p class="settings">
            <label>Letters in terminals <input type="number" min="8" max="32" .value=${String(size)}
              @change=${(e: Event) => keep('terminal-size', Math.min(32, Math.max(8, Number((e.target as HTMLInputElement).value) || 13)))} /></label>
            <label><input type="checkbox" ?checked=${reader}
              @change=${(e: Event) => keep('screen-reader', (e.target as HTMLInputElement).checked)} /> Screen reader mode of terminals</label>
            <span class="soft">From the next reload on; your shells stay.</span></p>`
          : nothing
      }`;
  }
}

define('slip-finder', SlipFinder);
