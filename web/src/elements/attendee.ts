/**
 * <slip-attendee>: slides on one side, terminals on the other, and the line of
 * keys and states around them. It builds itself around the slide that the
 * server rendered; terminals load after the first paint.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { post } from '../api';
import { begin, samePlace, whereTo } from '../follow';
import { type Action, actionOf, isHandChord, isLeaveChord, pressesControl, takesKeys } from '../keys';
import { page, type Run } from '../page';
import { clientName, keep, recall, tab, toggleTheme } from '../prefs';
import { solved } from '../progress';
import type { Place } from '../protocol';
import { addressOf, placeOf, Stage } from '../stage';
import { icon } from '../words';
import type { SlipDock } from './dock';
import type { SlipFinder } from './finder';
import type { SlipGraph } from './graph';
import { Light } from './light';
import type { SlipStatus } from './status';

export class SlipAttendee extends Light {
  stage!: Stage;
  /** The slide from the server, put on the stage at the first render. */
  first: HTMLElement | null = null;
  private following: boolean | undefined;
  private digits = '';
  private note = '';
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private placeTimer: ReturnType<typeof setTimeout> | undefined;
  private onPhone: 'slides' | 'terminals' = 'slides';
  private client = '';
  private lastWork = 0;

  private get room() {
    return page().room;
  }

  private get slides() {
    return page().deck.deck.slides;
  }

  private get live(): Place {
    return this.room.progress.place;
  }

  private get dock(): SlipDock | null {
    return this.querySelector('slip-dock');
  }

  protected override firstUpdated(): void {
    const { boot } = this.room;
    this.stage = new Stage(page().deck, this.querySelector<HTMLElement>('.stage')!, p => this.moved(p));
    const place = {
      slide: boot.slide ?? '',
      step: boot.step ?? placeOf(location.pathname, location.search)?.step ?? 0,
    };
    if (this.first) this.stage.adopt(this.first, place);
    const old = location.hash.slice(1);
    this.until(this.room.listen(what => this.heard(what)));
    this.on(document, 'keydown', e => this.key(e as KeyboardEvent));
    this.on(window, 'popstate', () => {
      const to = placeOf(location.pathname, location.search);
      if (to) void this.go(to, false);
    });
    this.on(window, 'beforeunload', e => {
      // Ctrl+W means "erase a word" to a shell: the browser asks first, if someone works in one.
      if (
        this.querySelector('.xterm')?.contains(document.activeElement) &&
        Date.now() - this.lastWork < 600_000
      ) {
        e.preventDefault();
      }
    });
    this.addEventListener('slip-typed', () => {
      this.lastWork = Date.now();
    });
    this.addEventListener('slip-link', () => this.requestUpdate());
    this.addEventListener('slip-go', e =>
      this.leave(() => this.go({ slide: (e as CustomEvent<string>).detail, step: 0 })),
    );
    void this.loadDeck(old);
    if (page().nodes.length > 0) {
      this.client = clientName();
      requestAnimationFrame(() => setTimeout(() => void this.loadTerminals(), 0));
    }
  }

  private async loadDeck(old: string): Promise<void> {
    for (let ms = 500; ; ms = Math.min(ms * 2, 8000)) {
      try {
        await page().deck.load();
        break;
      } catch {
        await new Promise(resolve => setTimeout(resolve, ms));
      }
    }
    if (/^\d+$/.test(old)) {
      const to = this.slides[Number(old) - 1];
      if (to) void this.go({ slide: to.name, step: 0 });
    } else if (old && page().deck.info(old)) void this.go({ slide: old, step: 0 });
    this.requestUpdate();
    void page()
      .deck.slide(this.stage.place.slide)
      .catch(() => {});
    this.report();
  }

  private async loadTerminals(): Promise<void> {
    const { SlipDock } = await import('./dock');
    await import('./graph');
    const dock = new SlipDock();
    dock.client = this.client;
    this.querySelector('.dock-place')?.replaceWith(dock);
    this.requestUpdate();
  }

  /** Types a command into a terminal, once terminals are there. */
  async run(command: Run): Promise<string> {
    this.onPhone = 'terminals';
    this.requestUpdate();
    if (!this.dock) await customElements.whenDefined('slip-dock');
    await this.updateComplete;
    for (let i = 0; !this.dock && i < 100; i++) await new Promise(resolve => setTimeout(resolve, 50));
    return this.dock ? this.dock.run(command) : 'The terminals are not there yet; try again in a moment.';
  }

  say(text: string, show = false): void {
    const polite = this.querySelector('.polite');
    if (polite) polite.textContent = text;
    if (!show) return;
    this.note = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => {
      this.note = '';
      this.requestUpdate();
    }, 5000);
    this.requestUpdate();
  }

  private heard(what: string): void {
    if (what === 'reload') {
      void page()
        .deck.reload()
        .then(() => this.stage.go({ ...this.stage.place }));
      return;
    }
    if (what === 'snapshot' && this.following === undefined) {
      const kept = recall<boolean | null>('follow', null, tab);
      this.following = begin(kept ?? undefined, this.live, this.stage.place);
    }
    if (what === 'snapshot' || what === 'event') {
      const to = this.canFollow ? whereTo(this.following, this.live, this.stage.place) : undefined;
      if (to) void this.stage.go(to).catch(() => {});
    }
    if (what !== 'speed' && what !== 'presence') this.requestUpdate();
  }

  private get canFollow(): boolean {
    return !this.room.selfPaced && this.room.me?.role === 'attendee' && !this.room.progress.ended;
  }

  /** The stage shows a place: the address, the journal and a screen reader hear of it. */
  private moved(place: Place): void {
    const { workshop = '' } = this.room.boot;
    const address = addressOf(workshop, place);
    const info = page().deck.info(place.slide);
    if (decodeURI(location.pathname + location.search) !== decodeURI(address)) {
      const sameSlide = placeOf(location.pathname, location.search)?.slide === place.slide;
      history[sameSlide ? 'replaceState' : 'pushState'](null, '', address);
      if (!sameSlide) this.say(`Slide ${info?.n ?? ''}: ${info?.title ?? place.slide}`);
    }
    document.title = `${info?.title ?? place.slide} · ${page().deck.deck.title || this.room.boot.title || 'Slipway'}`;
    this.requestUpdate();
    this.report();
  }

  private report(): void {
    clearTimeout(this.placeTimer);
    this.placeTimer = setTimeout(() => {
      if (this.stage.place.slide) void post('/api/place', this.stage.place).catch(() => {});
    }, 300);
  }

  /** A move of the person's own: from here on they don't follow, unless it leads to where the room is. */
  private leave(move: () => Promise<void>): void {
    void move()
      .then(() => this.follow(this.canFollow && samePlace(this.stage.place, this.live)))
      .catch(() => this.say('That slide could not be fetched; try again in a moment.', true));
  }

  private follow(on: boolean): void {
    if (!this.canFollow || (this.live.slide === '' && !on && this.following)) {
      this.following = this.canFollow ? on : this.following;
    } else this.following = on;
    keep('follow', this.following, tab);
    if (on) {
      const to = whereTo(true, this.live, this.stage.place);
      if (to) void this.stage.go(to).catch(() => {});
    }
    this.requestUpdate();
  }

  private async go(to: Place, own = true): Promise<void> {
    await this.stage.go(to);
    if (!own) this.follow(samePlace(this.stage.place, this.live));
  }

  private key(e: KeyboardEvent): void {
    if (isLeaveChord(e)) {
      e.preventDefault();
      this.swap();
      return;
    }
    if (isHandChord(e)) {
      e.preventDefault();
      this.querySelector<SlipStatus>('slip-status')?.hand();
      return;
    }
    if (e.defaultPrevented || takesKeys(e.target) || pressesControl(e, e.target)) return;
    const act = actionOf(e);
    if (act && this.act(act)) e.preventDefault();
  }

  private act(act: Action): boolean {
    const digit = /^digit-(\d)$/.exec(act);
    if (digit) {
      this.digits = (this.digits + digit[1]).slice(-4);
      this.say(`Go to slide ${this.digits}: press Enter`, true);
      return true;
    }
    if (act === 'commit') {
      if (!this.digits) return false;
      const to = this.slides[Math.min(Math.max(Number(this.digits), 1), this.slides.length) - 1];
      this.digits = '';
      if (to) this.leave(() => this.stage.go({ slide: to.name, step: 0 }));
      return true;
    }
    this.digits = '';
    switch (act) {
      case 'next':
      case 'previous':
      case 'next-slide':
      case 'previous-slide':
      case 'first':
      case 'last':
        this.leave(() => this.stage.step(act));
        return true;
      case 'scroll-down':
      case 'scroll-up':
        this.stage.host.scrollBy({
          top: (act === 'scroll-down' ? 0.6 : -0.6) * this.stage.host.clientHeight,
        });
        return true;
      case 'overview':
      case 'go-to':
      case 'search':
      case 'help':
        this.open(act);
        return true;
      case 'escape':
        if (this.classList.contains('black')) this.classList.remove('black');
        else if (this.graph()?.isFull) this.graph()?.toggleFull();
        else this.open('overview');
        return true;
      case 'working':
      case 'done':
        void this.querySelector<SlipStatus>('slip-status')?.set(act);
        return true;
      case 'hand':
        this.querySelector<SlipStatus>('slip-status')?.hand();
        return true;
      case 'live':
        if (this.canFollow) this.follow(true);
        return true;
      default:
        return pageAct(act, this);
    }
  }

  private open(mode: 'overview' | 'go-to' | 'search' | 'help'): void {
    const box = this.querySelector<SlipFinder>('slip-finder');
    if (!box) return;
    box.here = this.stage.place.slide;
    box.open(mode);
  }

  /** From the terminal to the slides, and back. */
  private swap(): void {
    const inTerminal =
      this.querySelector('.xterm')?.contains(document.activeElement) ||
      document.activeElement?.closest('.xterm');
    if (inTerminal) {
      this.stage.host.focus();
      this.say('On the slides.');
    } else this.dock?.focusShell();
  }

  protected override render(): TemplateResult {
    const terminals = page().nodes.length > 0;
    return html`
      ${this.header()}
      <div class="split ${terminals ? '' : 'alone'} phone-${this.onPhone}">
        <section class="slides" aria-label="Slides">
          ${this.room.progress.announcement ? html`<p class="announcement" role="status">${this.room.progress.announcement}</p>` : nothing}
          <div class="stage" tabindex="-1"></div>
          ${this.navigation()}
        </section>
        ${
          terminals
            ? html`<slip-split></slip-split>
              <section class="dock" aria-label="Terminals">
                ${this.labLine()}
                <div class="dock-place"><p class="soft">Opening your terminals …</p></div>
                ${this.phoneKeys()}
                <slip-graph></slip-graph>
                ${this.dockFoot()}
              </section>`
            : nothing
        }
      </div>
      ${terminals ? this.phoneSwitch() : nothing}
      ${this.note ? html`<p class="toast" role="presentation">${this.note}</p>` : nothing}
      <p class="vh polite" aria-live="polite"></p>
      <slip-finder></slip-finder>`;
  }

  private header(): TemplateResult {
    const { progress, person } = this.room;
    const { deck } = page().deck;
    const info = page().deck.info(this.stage?.place.slide ?? this.room.boot.slide ?? '');
    const chapter = info ? deck.chapters[info.chapter]?.title : '';
    const counted = deck.exercises.filter(e => !e.optional);
    const done = counted.filter(
      e => person?.exercises[e.id]?.solvedAt || (e.quiz && person?.exercises[e.id]?.quiz),
    ).length;
    return html`<header class="bar">
      <b class="brand">Slipway</b><span class="title">${deck.title || this.room.boot.title}</span>
      ${chapter ? html`<span class="chapter">${chapter}</span>` : nothing}
      <span class="grow"></span>
      ${
        counted.length > 0 && this.room.me?.role === 'attendee'
          ? html`<span class="count" data-testid="solved" title=${`${solved(person)} exercises solved, optional ones included`}>
            <b>${done}</b> of ${counted.length} ${icon('check')}<span class="vh">exercises solved</span></span>`
          : nothing
      }
      ${progress.ended ? html`<a class="pill" href="/replay">Session ended: see your replay</a>` : nothing}
      ${this.room.me?.role === 'attendee' && !this.room.selfPaced && !progress.ended ? html`<slip-status></slip-status>` : nothing}
      ${this.room.selfPaced ? html`<a class="pill quiet" href="/replay">Replay</a>` : nothing}
      <button class="icon-button" title="Dark or light (D)" @click=${() => this.act('theme')}>${icon('sun')}<span class="vh">Dark or light</span></button>
    </header>`;
  }

  private navigation(): TemplateResult {
    const here = this.stage?.place.slide ?? this.room.boot.slide ?? '';
    const n = page().deck.info(here)?.n;
    return html`<nav class="slide-nav" aria-label="Slides">
      <button class="icon-button" data-testid="previous" title="Previous (←)" @click=${() => this.act('previous')}>${icon('left')}<span class="vh">Previous</span></button>
      <button class="quiet where" data-testid="where" title="Go to (G)" @click=${() => this.open('go-to')}>${n ?? '–'}<span class="soft">/${this.slides.length || '–'}</span></button>
      <button class="icon-button" data-testid="next" title="Next (→)" @click=${() => this.act('next')}>${icon('right')}<span class="vh">Next</span></button>
      ${this.followState()}
      <span class="grow"></span>
      ${this.eventsState()}
      <button class="icon-button" title="Search (/)" @click=${() => this.open('search')}>${icon('find')}<span class="vh">Search</span></button>
      <button class="icon-button" title="Overview (O)" @click=${() => this.open('overview')}>${icon('grid')}<span class="vh">Overview</span></button>
      <button class="icon-button" data-testid="keys" title="Keys (?)" @click=${() => this.open('help')}>${icon('question')}<span class="vh">Keys</span></button>
    </nav>`;
  }

  private followState(): TemplateResult | typeof nothing {
    if (!this.canFollow || this.live.slide === '') return nothing;
    if (this.following) {
      return html`<button class="quiet follow on" data-testid="follow" title="Press to read on by yourself" @click=${() => this.follow(false)}>
        ${icon('dot')} following the presenter</button>`;
    }
    const n = page().deck.info(this.live.slide)?.n;
    return html`<button class="pill follow" data-testid="back-to-live" title="Go where the presenter is (R)" @click=${() => this.follow(true)}>
      ${icon('arrow')} back to live${n ? `: ${n}` : ''}</button>`;
  }

  private eventsState(): TemplateResult | typeof nothing {
    if (this.room.refused)
      return html`<span class="state state-failing" role="alert">${this.room.refused} <a href="/">Join again</a></span>`;
    if (this.room.online === false)
      return html`<span class="state state-failing" role="status">${icon('cross')} no connection, trying again</span>`;
    return nothing;
  }

  private labLine(): TemplateResult | typeof nothing {
    const lab = this.room.person?.lab;
    if (!lab || lab.state === 'ready') return nothing;
    const words: Record<string, string> = {
      preparing: 'Your nodes are starting.',
      failed: 'Your nodes did not start.',
      gone: 'Your nodes are gone.',
    };
    return html`<p class="line ${lab.state === 'failed' ? 'bad' : ''}" role="status">${lab.message || words[lab.state] || lab.state}
      ${lab.state === 'failed' ? html`<button class="small" @click=${() => void post('/api/lab/retry').catch(() => {})}>Try again</button>` : nothing}</p>`;
  }

  private dockFoot(): TemplateResult {
    const shell = this.dock?.active;
    const state = shell?.state;
    const trip = shell?.link?.roundTrip;
    const words: Record<string, string> = {
      connected: 'connected',
      slow: 'no answer',
      lost: 'connection lost',
      starting: 'connecting',
      refused: 'closed',
      exited: 'shell ended',
    };
    return html`<footer class="dock-foot">
      <span class="link-state ${state ?? 'starting'}" data-testid="link-state">${icon(state === 'connected' ? 'dot' : state === 'starting' || !state ? 'ring' : 'cross')}
        ${words[state ?? 'starting']}</span>
      ${state === 'connected' && trip !== undefined ? html`<span class="soft number" title="Time from a key to your node and back">${trip < 1 ? '<1' : Math.round(trip)} ms</span>` : nothing}
      <span class="ports" data-testid="ports">${Object.entries(this.room.ports)
        .filter(([, ports]) => ports?.length)
        .map(
          ([node, ports]) =>
            html`<span>${node}: ${ports.map(p => html`<a href=${p.url} target="_blank" rel="noopener noreferrer" title=${p.container ?? ''}>:${p.port}</a> `)}</span>`,
        )}</span>
      <span class="grow"></span>
      <span class="soft chord"><kbd>Ctrl+Alt+.</kbd> slides / terminal</span>
    </footer>`;
  }

  private phoneSwitch(): TemplateResult {
    const to = (where: 'slides' | 'terminals') => () => {
      this.onPhone = where;
      this.requestUpdate();
    };
    return html`<nav class="phone-switch" aria-label="Page">
      <button aria-pressed=${this.onPhone === 'slides'} @click=${to('slides')}>Slides</button>
      <button aria-pressed=${this.onPhone === 'terminals'} data-testid="phone-terminals" @click=${to('terminals')}>Terminals</button></nav>`;
  }

  private phoneKeys(): TemplateResult {
    const keys: [string, string][] = [
      ['Esc', '\x1b'],
      ['Tab', '\t'],
      ['^C', '\x03'],
      ['^D', '\x04'],
      ['↑', '\x1b[A'],
      ['↓', '\x1b[B'],
      ['←', '\x1b[D'],
      ['→', '\x1b[C'],
      ['|', '|'],
      ['/', '/'],
      ['-', '-'],
    ];
    return html`<div class="phone-keys" role="toolbar" aria-label="Keys">${keys.map(
      ([name, data]) =>
        html`<button @mousedown=${(e: Event) => e.preventDefault()} @click=${() => this.dock?.active?.send(data)}>${name}</button>`,
    )}</div>`;
  }

  private graph(): SlipGraph | null {
    return this.querySelector('slip-graph');
  }
}

/** What a key does on every page with slides. */
export function pageAct(act: Action, host: HTMLElement): boolean {
  switch (act) {
    case 'theme':
      toggleTheme();
      return true;
    case 'full-screen':
      if (document.fullscreenElement) void document.exitFullscreen();
      else void document.documentElement.requestFullscreen?.().catch(() => {});
      return true;
    case 'black':
      host.classList.toggle('black');
      return true;
    case 'clone':
      open(location.href, '_blank', 'noopener');
      return true;
    case 'presenter':
      if (page().room.me?.role === 'instructor') open('/present', '_blank');
      return true;
    default:
      return false;
  }
}
