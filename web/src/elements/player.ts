/**
 * <slip-player>: a run as it was: the slide, the terminals and the exercises'
 * state at one moment of one axis, which plays, pauses and jumps.
 */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { get, sentence } from '../api';
import { takesKeys } from '../keys';
import { page } from '../page';
import { toggleTheme } from '../prefs';
import { apply, newProgress } from '../progress';
import type { JournalEvent } from '../protocol';
import { Stage } from '../stage';
import { density, eventsUpTo, Playhead, parseMoment, spread } from '../terminal/cast';
import { clock, icon } from '../words';
import { define, Light } from './light';
import type { SlipReplayTerminal } from './replay-terminal';
import './replay-terminal';

export interface Run {
  start: number;
  end: number;
  title: string;
  events: JournalEvent[];
  slides: { at: number; slide: string; step: number }[];
  terminals: { node: string; id: string; start: number; end: number; url: string }[];
  exercises: { id: string; title: string; solvedAt: number }[];
  speed: [number, number][];
}

interface Mark {
  at: number;
  kind: 'exercise' | 'slide';
  id: string;
  title: string;
}

const speeds = [0.5, 1, 2, 4, 8, 16];

export class SlipPlayer extends Light {
  private run: Run | undefined;
  private head = new Playhead(0, []);
  private marks: Mark[] = [];
  private moments: { at: number }[] = [];
  private strip: number[] = [];
  private stage: Stage | undefined;
  private chosen = '';
  private error = '';
  private help = false;
  private folded = -1;
  private last = 0;
  private shownSlide = '';
  /** Width of the axis in pixels. */
  private width = 1000;

  override connectedCallback(): void {
    super.connectedCallback();
    this.on(document, 'keydown', e => this.key(e as KeyboardEvent));
    this.addEventListener('slip-cast', () => this.index());
    let frame = 0;
    const beat = (now: number) => {
      frame = requestAnimationFrame(beat);
      const passed = Math.min(1, (now - this.last) / 1000);
      this.last = now;
      if (this.head.tick(passed)) this.show();
    };
    frame = requestAnimationFrame(beat);
    this.until(() => cancelAnimationFrame(frame));
    void this.load();
  }

  private async load(): Promise<void> {
    const { boot } = page().room;
    const who = boot.participant ? `?participant=${encodeURIComponent(boot.participant)}` : '';
    try {
      const [run] = await Promise.all([get<Run>(`/api/replay${who}`), page().deck.load()]);
      this.run = { ...run, end: Math.max(run.end, run.start + 1000) };
    } catch (err) {
      this.error = sentence(err);
      this.requestUpdate();
      return;
    }
    this.prepare(this.run);
    this.requestUpdate();
    await this.updateComplete;
    const axis = this.querySelector<HTMLElement>('.axis')!;
    const measured = new ResizeObserver(() => {
      this.width = axis.clientWidth;
      this.requestUpdate();
    });
    measured.observe(axis);
    this.until(() => measured.disconnect());
    const host = this.querySelector<HTMLElement>('.stage');
    if (host) this.stage = new Stage(page().deck, host, () => {});
    const name = location.hash.slice(1);
    const named = this.marks.find(m => m.id === name);
    this.head.jump(parseMoment(new URLSearchParams(location.search).get('t')) ?? named?.at ?? this.head.at);
    this.show();
  }

  private seconds(ms: number): number {
    return ((ms || 0) - (this.run?.start ?? 0)) / 1000;
  }

  private prepare(run: Run): void {
    const info = page().deck;
    const slides: Mark[] = [];
    for (const s of run.slides ?? []) {
      if (slides.at(-1)?.id === s.slide) continue;
      slides.push({
        at: this.seconds(s.at),
        kind: 'slide',
        id: s.slide,
        title: info.info(s.slide)?.title ?? s.slide,
      });
    }
    const solved = (run.exercises ?? [])
      .filter(e => e.solvedAt > 0)
      .map((e): Mark => ({ at: this.seconds(e.solvedAt), kind: 'exercise', id: e.id, title: e.title }));
    this.marks = [...slides, ...solved].sort((a, b) => a.at - b.at);
    this.index();
  }

  /** Gathers the moments at which something happens, anew when a recording has come. */
  private index(): void {
    const { run } = this;
    if (!run) return;
    const typed = this.terminals().flatMap(t => {
      const from = this.seconds(run.terminals.find(x => x.url === t.address)?.start ?? run.start);
      return (t.cast?.events ?? []).map(e => ({ at: from + e.at }));
    });
    this.moments = [...typed, ...this.marks].map(m => ({ at: m.at })).sort((a, b) => a.at - b.at);
    const length = this.seconds(run.end);
    this.strip = density(typed, length, 240);
    const { at, playing, speed, foldIdle } = this.head;
    this.head = Object.assign(new Playhead(length, this.moments), { at, playing, speed, foldIdle });
    this.show();
  }

  private terminals(): SlipReplayTerminal[] {
    return [...this.querySelectorAll<SlipReplayTerminal>('slip-replay-terminal')];
  }

  /** Brings slide, terminals and exercises to the moment. */
  private show(): void {
    const { run, stage } = this;
    if (!run || !stage) {
      this.requestUpdate();
      return;
    }
    const now = run.start + this.head.at * 1000;
    this.fold(now);
    const i = eventsUpTo(run.slides, now);
    const place = run.slides[Math.max(0, i - 1)];
    const key = place ? `${place.slide} ${place.step}` : '';
    if (place && key !== this.shownSlide) {
      this.shownSlide = key;
      void stage.go({ slide: place.slide, step: place.step }).catch(() => {});
    }
    for (const t of this.terminals()) {
      const track = run.terminals.find(x => x.url === t.address);
      if (track) t.seek((now - track.start) / 1000);
    }
    this.requestUpdate();
  }

  private fold(now: number): void {
    const events = this.run?.events ?? [];
    let n = 0;
    while (n < events.length && Date.parse(events[n]!.at) <= now) n++;
    if (n === this.folded) return;
    const { room } = page();
    if (this.folded < 0 || n < this.folded) {
      room.progress = newProgress();
      this.folded = 0;
    }
    for (let i = this.folded; i < n; i++) apply(room.progress, events[i]!);
    this.folded = n;
    room.tell('event');
  }

  /** The terminal in front: the chosen one, else the one that spoke last. */
  private get front(): string {
    const { run } = this;
    if (!run) return '';
    if (this.chosen) return this.chosen;
    let best = run.terminals[0]?.url ?? '';
    let newest = Number.NEGATIVE_INFINITY;
    for (const t of this.terminals()) {
      const track = run.terminals.find(x => x.url === t.address);
      if (!track || !t.cast) continue;
      const from = this.seconds(track.start);
      const n = eventsUpTo(t.cast.events, this.head.at - from);
      const at = n > 0 ? from + t.cast.events[n - 1]!.at : Number.NEGATIVE_INFINITY;
      if (at > newest) {
        newest = at;
        best = t.address;
      }
    }
    return best;
  }

  private jump(to: number): void {
    this.head.jump(to);
    this.show();
    this.address();
  }

  private address(): void {
    if (this.head.playing) return;
    const query = new URLSearchParams(location.search);
    query.set('t', String(Math.round(this.head.at * 10) / 10));
    history.replaceState(null, '', `${location.pathname}?${query}`);
  }

  private toggle(): void {
    if (!this.head.playing && this.head.at >= this.head.length) this.head.jump(0);
    this.head.playing = !this.head.playing;
    this.last = performance.now();
    this.show();
    this.address();
  }

  private faster(by: 1 | -1): void {
    const i = speeds.indexOf(this.head.speed) + by;
    this.head.speed = speeds[Math.min(speeds.length - 1, Math.max(0, i))] ?? 1;
    this.requestUpdate();
  }

  private step(direction: 1 | -1): void {
    this.head.playing = false;
    const n = eventsUpTo(this.moments, this.head.at);
    let i = direction > 0 ? n : n - 1;
    while (direction < 0 && i >= 0 && this.moments[i]!.at >= this.head.at) i--;
    this.jump(this.moments[i]?.at ?? this.head.at);
  }

  /** Keys as in asciinema's player. */
  private key(e: KeyboardEvent): void {
    if (takesKeys(e.target) && !(e.target as Element).closest('.xterm')) return;
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const marks = this.marks.map(m => m.at);
    const tenth = this.head.length / 10;
    const acts: Record<string, () => void> = {
      ' ': () => this.toggle(),
      ArrowRight: () => this.jump(this.head.at + (e.shiftKey ? tenth : 5)),
      ArrowLeft: () => this.jump(this.head.at - (e.shiftKey ? tenth : 5)),
      '[': () => this.toMark(marks, -1),
      ']': () => this.toMark(marks, 1),
      '.': () => this.step(1),
      ',': () => this.step(-1),
      '>': () => this.faster(1),
      '<': () => this.faster(-1),
      Home: () => this.jump(0),
      End: () => this.jump(this.head.length),
      i: () => this.foldPauses(),
      d: () => toggleTheme(),
      f: () =>
        void (document.fullscreenElement
          ? document.exitFullscreen()
          : document.documentElement.requestFullscreen?.()),
      '?': () => {
        this.help = !this.help;
        this.requestUpdate();
      },
    };
    const act = /^[0-9]$/.test(e.key) ? () => this.jump(Number(e.key) * tenth) : acts[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  }

  private toMark(marks: number[], direction: 1 | -1): void {
    this.head.mark(marks, direction);
    this.jump(this.head.at);
  }

  private foldPauses(): void {
    this.head.foldIdle = !this.head.foldIdle;
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const { run } = this;
    return html`
      <header class="bar"><b class="brand">Slipway</b><span class="title">${run?.title ?? page().room.boot.title}</span><span class="chapter">Replay</span>
        <span class="grow"></span>
        ${run ? html`<span class="soft">${new Date(run.start + this.head.at * 1000).toLocaleString()}</span>` : nothing}
        <button class="icon-button" title="Dark or light (D)" @click=${toggleTheme}>${icon('sun')}<span class="vh">Dark or light</span></button>
      </header>
      ${this.error ? html`<p class="line bad" role="alert">${this.error}</p>` : nothing}
      ${run ? this.body(run) : this.error ? nothing : html`<p class="empty soft">Fetching the replay …</p>`}
      ${run ? this.bar(run) : nothing}`;
  }

  private body(run: Run): TemplateResult {
    const { front } = this;
    return html`<div class="replay-body">
      <section class="slides"><div class="stage" tabindex="-1"></div></section>
      <section class="dock" aria-label="Terminals">
        ${
          run.terminals.length === 0
            ? html`<p class="empty soft">No terminal was used in this run. Terminals that are used are recorded and appear here.</p>`
            : html`<div class="tabs"><div role="tablist">${run.terminals.map(
                t =>
                  html`<button role="tab" class="tab" aria-selected=${t.url === front} @click=${() => this.choose(t.url)}>${t.node} ${t.id.replace(/^t/, '')}</button>`,
              )}</div><span class="grow"></span>
              <button class="small quiet" aria-pressed=${this.chosen === ''} title="Show the terminal that was used last" @click=${() => this.choose('')}>${
                this.chosen === '' ? html`${icon('check')} the one in use` : 'the one in use'
              }</button></div>`
        }
        <div class="replay-shells">${repeat(
          run.terminals,
          t => t.url,
          t =>
            html`<slip-replay-terminal class=${t.url === front ? 'front' : 'back'} .address=${t.url} .name=${`${t.node} ${t.id.replace(/^t/, '')}`}></slip-replay-terminal>`,
        )}</div>
        ${this.speedLine(run)}
      </section></div>`;
  }

  private choose(url: string): void {
    this.chosen = url;
    this.requestUpdate();
  }

  private speedLine(run: Run): TemplateResult | typeof nothing {
    if (!run.speed?.length) return nothing;
    const now = run.start + this.head.at * 1000;
    const recent = run.speed.filter(([at]) => at <= now).at(-1);
    const top = Math.max(1, ...run.speed.map(([, v]) => v)) * 1.1;
    const x = (at: number) => ((at - run.start) / (run.end - run.start)) * 1000;
    const points = run.speed
      .map(([at, v]) => `${x(at).toFixed(1)},${(39 - (v / top) * 38).toFixed(1)}`)
      .join(' ');
    return html`<div class="replay-speed"><span class="soft">hashes/s</span>
      <svg viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">${svg`<polyline points=${points}></polyline>
        <line x1=${x(now)} x2=${x(now)} y1="0" y2="40"></line>`}</svg>
      <b class="number">${recent && now - recent[0] < 30_000 ? recent[1].toFixed(1) : '–'}</b></div>`;
  }

  private bar(run: Run): TemplateResult {
    const { at, length, playing, speed, foldIdle } = this.head;
    const share = (s: number) => `${((100 * s) / Math.max(length, 0.001)).toFixed(3)}%`;
    const here = [...this.marks].reverse().find(m => m.kind === 'slide' && m.at <= at + 0.01);
    return html`<footer class="player">
      ${this.help ? this.keyHelp() : nothing}
      <div class="axis" @pointerdown=${this.scrub}>
        <svg class="strip" viewBox="0 0 ${this.strip.length} 1" preserveAspectRatio="none" aria-hidden="true">
          ${this.strip.map((d, i) => (d > 0 ? svg`<rect x=${i} y=${1 - d} width="1" height=${d}></rect>` : nothing))}</svg>
        ${this.marks
          .filter(m => m.kind === 'slide')
          .map(
            m =>
              html`<button class="slide-mark" style="left:${share(m.at)}" title=${`${m.title}, ${clock(m.at * 1000)}`} @click=${() => this.jump(m.at)}><span class="vh">${m.title}</span></button>`,
          )}
        <i class="played" style="width:${share(at)}"></i>
        ${this.badges(length).map(
          ({ mark: m, left }) => html`<i class="exercise-tick" style="left:${share(m.at)}"></i>
            <button class="exercise-mark" data-testid=${`mark-${m.id}`} style="left:${left.toFixed(1)}px" title=${`solved: ${m.title}, ${clock(m.at * 1000)}`}
              @click=${() => this.jump(m.at)}>${icon('check')}<span class="vh">${m.title} solved</span></button>`,
        )}
        <i class="knob" role="slider" tabindex="0" aria-label="Moment" aria-valuemin="0" aria-valuemax=${Math.round(length)}
          aria-valuenow=${Math.round(at)} aria-valuetext=${clock(at * 1000)} style="left:${share(at)}"></i>
      </div>
      <div class="controls">
        <button class="icon-button play" data-testid="play" title="Play or pause (Space)" @click=${this.toggle}>${icon(playing ? 'pause' : 'play', !playing)}<span class="vh">${playing ? 'Pause' : 'Play'}</span></button>
        <button class="icon-button" title="Mark before ([)" @click=${() =>
          this.toMark(
            this.marks.map(m => m.at),
            -1,
          )}>${icon('left')}<span class="vh">Mark before</span></button>
        <button class="icon-button" title="Next mark (])" @click=${() =>
          this.toMark(
            this.marks.map(m => m.at),
            1,
          )}>${icon('right')}<span class="vh">Next mark</span></button>
        <span class="number"><b data-testid="clock">${clock(at * 1000)}</b> <span class="soft">/ ${clock(length * 1000)}</span></span>
        <label class="soft">Speed <select aria-label="Speed" .value=${String(speed)} @change=${(e: Event) => {
          this.head.speed = Number((e.target as HTMLSelectElement).value);
          (e.target as HTMLElement).blur();
          this.requestUpdate();
        }}>${speeds.map(s => html`<option value=${s} ?selected=${s === speed}>${s}×</option>`)}</select></label>
        <button class="small quiet" aria-pressed=${foldIdle} @click=${this.foldPauses}>${icon(foldIdle ? 'check' : 'ring')} pass over pauses</button>
        <span class="grow"></span><span class="here">${here?.title ?? ''}</span>
        <span class="soft">${this.marks.filter(m => m.kind === 'exercise').length} of ${run.exercises.length} solved</span>
        <button class="icon-button" title="Keys (?)" @click=${() => {
          this.help = !this.help;
          this.requestUpdate();
        }}>${icon('question')}<span class="vh">Keys</span></button>
      </div></footer>`;
  }

  /** Where the badges of solved exercises stand: at their moments, moved aside where they would cover each other. */
  private badges(length: number): { mark: Mark; left: number }[] {
    const solved = this.marks.filter(m => m.kind === 'exercise');
    const places = spread(
      solved.map(m => (m.at / Math.max(length, 0.001)) * this.width),
      this.width,
      20,
    );
    return solved.map((mark, i) => ({ mark, left: places[i]! }));
  }

  private keyHelp(): TemplateResult {
    const keys = [
      ['Space', 'play, pause'],
      ['← →', '5 seconds'],
      ['Shift+← →', 'a tenth'],
      ['[ ]', 'mark before, next mark'],
      ['0 … 9', 'to a tenth'],
      [', .', 'one event'],
      ['< >', 'slower, faster'],
      ['I', 'pass over pauses'],
      ['F', 'full screen'],
    ];
    return html`<p class="player-keys">${keys.map(([k, what]) => html`<span><kbd>${k}</kbd> ${what}</span> `)}</p>`;
  }

  private scrub(down: PointerEvent): void {
    if ((down.target as Element).closest('button')) return;
    const axis = down.currentTarget as HTMLElement;
    axis.setPointerCapture(down.pointerId);
    const to = (e: PointerEvent) => {
      const box = axis.getBoundingClientRect();
      this.jump(((e.clientX - box.left) / box.width) * this.head.length);
    };
    to(down);
    const end = () => axis.removeEventListener('pointermove', to);
    axis.addEventListener('pointermove', to);
    axis.addEventListener('pointerup', end, { once: true });
    axis.addEventListener('pointercancel', end, { once: true });
    down.preventDefault();
  }
}

define('slip-player', SlipPlayer);
