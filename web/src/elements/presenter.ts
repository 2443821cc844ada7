/**
 * <slip-presenter>: what the person in front sees. Keys move the room once
 * they hold the driver's seat; notes stand beside the slide, with the next
 * one, the clock against the plan, the room's count and the hands.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { ApiError, get, post, sentence } from '../api';
import { article, move, showStep } from '../deck';
import { samePlace } from '../follow';
import { type Action, actionOf, pressesControl, takesKeys } from '../keys';
import { page } from '../page';
import { keep, recall, tab } from '../prefs';
import type { Person, Place } from '../protocol';
import { Stage } from '../stage';
import { cellOf, clock, duration, icon, timeOf } from '../words';
import { pageAct } from './attendee';
import type { SlipFinder } from './finder';
import { define, Light } from './light';

/** What the clock has counted: work and questions apart. */
interface Clock {
  began: number;
  /** Milliseconds spent in questions. */
  questions: number;
  /** When the questions now began; 0 when none. */
  since: number;
}

export class SlipPresenter extends Light {
  stage!: Stage;
  private notes = '';
  private notesOf = '';
  private note = '';
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private clock: Clock = recall('clock', { began: 0, questions: 0, since: 0 }, tab);
  private digits = '';
  private sending: Promise<unknown> = Promise.resolve();

  private get room() {
    return page().room;
  }

  private get drives(): boolean {
    return this.room.progress.driver !== undefined && this.room.progress.driver === this.room.me?.id;
  }

  protected override firstUpdated(): void {
    this.stage = new Stage(page().deck, this.querySelector<HTMLElement>('.stage.now-slide')!, p =>
      this.moved(p),
    );
    this.until(this.room.listen(what => this.heard(what)));
    this.on(document, 'keydown', e => this.key(e as KeyboardEvent));
    this.addEventListener('slip-go', e => this.go({ slide: (e as CustomEvent<string>).detail, step: 0 }));
    const tick = setInterval(() => this.requestUpdate(), 1000);
    this.until(() => clearInterval(tick));
    void this.begin();
  }

  private async begin(): Promise<void> {
    try {
      await page().deck.load();
      const { boot } = this.room;
      const live = this.room.progress.place;
      const first = live.slide || boot.slide || page().deck.deck.slides[0]?.name || '';
      await this.stage.go({ slide: first, step: live.slide ? live.step : (boot.step ?? 0) });
    } catch (err) {
      this.say(sentence(err));
      setTimeout(() => void this.begin(), 2000);
    }
    this.requestUpdate();
  }

  private heard(what: string): void {
    if (what === 'reload')
      void page()
        .deck.reload()
        .then(() => this.stage.go({ ...this.stage.place }));
    const { place } = this.room.progress;
    // Someone else drives, or another window of mine does: this one shows where the room is.
    if ((what === 'snapshot' || (what === 'event' && !this.drives)) && place.slide)
      void this.stage.go(place).catch(() => {});
    if (what !== 'speed') this.requestUpdate();
  }

  private moved(place: Place): void {
    document.title = `${page().deck.info(place.slide)?.title ?? place.slide} · Presenter`;
    if (this.notesOf !== place.slide) void this.fetchNotes(place.slide);
    this.showNext();
    this.requestUpdate();
  }

  private async fetchNotes(slide: string): Promise<void> {
    this.notesOf = slide;
    try {
      const { html: text } = await get<{ html: string }>(`/api/notes?slide=${encodeURIComponent(slide)}`);
      if (this.notesOf === slide) this.notes = text;
    } catch (err) {
      this.notes = '';
      this.notesOf = '';
      this.say(sentence(err));
    }
    this.requestUpdate();
  }

  /** The next press of the key, small. */
  private showNext(): void {
    const host = this.querySelector<HTMLElement>('.stage.next-slide');
    if (!host) return;
    const next = move(page().deck.deck.slides, this.stage.place, 'next');
    if (samePlace(next, this.stage.place)) {
      const end = document.createElement('p');
      end.className = 'empty soft';
      end.textContent = 'The end of the deck.';
      host.replaceChildren(end);
      return;
    }
    void page()
      .deck.slide(next.slide)
      .then(text => {
        const made = article(next.slide, text, page().deck.info(next.slide));
        made.inert = true;
        showStep(made, next.step);
        host.replaceChildren(made);
      })
      .catch(() => host.replaceChildren());
  }

  say(text: string): void {
    this.note = text;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => {
      this.note = '';
      this.requestUpdate();
    }, 6000);
    this.requestUpdate();
  }

  /** Moves this page, and the room when this person drives. */
  private go(to: Place): void {
    void this.stage
      .go(to)
      .then(() => this.send())
      .catch(() => this.say('That slide could not be fetched; try again in a moment.'));
  }

  private send(): void {
    const place = { ...this.stage.place };
    if (!this.clock.began) this.reset();
    this.sending = this.sending.then(async () => {
      try {
        if (!this.room.progress.driver) await post('/api/drive');
        await post('/api/slide', place);
      } catch (err) {
        this.say(
          err instanceof ApiError && err.kind === 'conflict'
            ? `${err.message} Take the seat to move the room.`
            : sentence(err),
        );
      }
    });
  }

  private async drive(): Promise<void> {
    try {
      await post('/api/drive');
      await post('/api/slide', this.stage.place);
      this.say('You move the room now.');
    } catch (err) {
      this.say(sentence(err));
    }
  }

  private reset(): void {
    this.clock = { began: Date.now(), questions: 0, since: 0 };
    this.saveClock();
  }

  private questions(): void {
    const now = Date.now();
    if (this.clock.since) {
      this.clock.questions += now - this.clock.since;
      this.clock.since = 0;
    } else this.clock.since = now;
    this.saveClock();
  }

  private saveClock(): void {
    keep('clock', this.clock, tab);
    this.requestUpdate();
  }

  private key(e: KeyboardEvent): void {
    if (e.defaultPrevented || takesKeys(e.target) || pressesControl(e, e.target)) return;
    if (e.key.toLowerCase() === 'q' && !e.ctrlKey && !e.metaKey && !e.altKey) {
      this.questions();
      return;
    }
    const act = actionOf(e);
    if (act && this.act(act)) e.preventDefault();
  }

  private act(act: Action): boolean {
    const digit = /^digit-(\d)$/.exec(act);
    const { slides } = page().deck.deck;
    if (digit) {
      this.digits = (this.digits + digit[1]).slice(-4);
      this.say(`Go to slide ${this.digits}: press Enter`);
      return true;
    }
    if (act === 'commit') {
      const to = this.digits
        ? slides[Math.min(Math.max(Number(this.digits), 1), slides.length) - 1]
        : undefined;
      this.digits = '';
      if (to) this.go({ slide: to.name, step: 0 });
      return to !== undefined;
    }
    this.digits = '';
    switch (act) {
      case 'next':
      case 'previous':
      case 'next-slide':
      case 'previous-slide':
      case 'first':
      case 'last':
        this.go(move(slides, this.stage.place, act));
        return true;
      case 'overview':
      case 'go-to':
      case 'search':
      case 'help':
      case 'escape': {
        const box = this.querySelector<SlipFinder>('slip-finder');
        if (box) {
          box.who = 'presenter';
          box.here = this.stage.place.slide;
          box.open(act === 'escape' ? 'overview' : act);
        }
        return true;
      }
      case 'reset-timer':
        this.reset();
        return true;
      case 'clone':
        open('/projector', '_blank');
        return true;
      case 'presenter':
        return false;
      default:
        return pageAct(act, this);
    }
  }

  protected override render(): TemplateResult {
    return html`
      ${this.header()}
      ${this.note ? html`<p class="line warn" role="status">${this.note}</p>` : nothing}
      <div class="presenter-body">
        <section class="notes" aria-label="Notes" data-testid="notes">
          ${this.notes ? html`<div class="notes-text">${unsafeHTML(this.notes)}</div>` : html`<p class="soft">No notes for this slide.</p>`}
        </section>
        <section class="previews">
          <div class="preview"><div class="stage now-slide"></div></div>
          <p class="soft next-label">Next</p>
          <div class="preview"><div class="stage next-slide"></div></div>
        </section>
        <section class="room" aria-label="The room">${this.count()}${this.hands()}</section>
      </div>
      <slip-finder></slip-finder>`;
  }

  private header(): TemplateResult {
    const { slides } = page().deck.deck;
    const info = this.stage ? page().deck.info(this.stage.place.slide) : undefined;
    const driver = this.room.progress.driver;
    const who = driver ? this.room.progress.people[driver]?.name : '';
    return html`<header class="bar">
      <button class="icon-button" title="Previous (←)" @click=${() => this.act('previous')}>${icon('left')}<span class="vh">Previous</span></button>
      <b class="number" data-testid="where">${info?.n ?? '–'}/${slides.length || '–'}</b>
      <button class="icon-button" data-testid="next" title="Next (→)" @click=${() => this.act('next')}>${icon('right')}<span class="vh">Next</span></button>
      <span class="soft">${info && info.steps > 0 ? `step ${this.stage.place.step} of ${info.steps}` : ''}</span>
      ${
        this.drives
          ? html`<span class="state state-solved" data-testid="driving">${icon('dot')} you move the room</span>`
          : html`<button class="pill" data-testid="drive" @click=${this.drive}>${who ? `${who} moves the room: take over` : 'Move the room'}</button>`
      }
      <span class="grow"></span>${this.clocks()}
      ${this.room.online === false ? html`<span class="state state-failing">${icon('cross')} no connection</span>` : nothing}
      <a class="pill quiet" href="/board">Board</a>
      <button class="icon-button" title="Keys (?)" @click=${() => this.act('help')}>${icon('question')}<span class="vh">Keys</span></button>
    </header>`;
  }

  private clocks(): TemplateResult {
    const now = Date.now();
    const { began, questions, since } = this.clock;
    const asked = questions + (since ? now - since : 0);
    const spent = began ? now - began - asked : 0;
    const plan = this.planned();
    const late = Math.round((spent - plan) / 60_000);
    const words = !began ? '' : late > 0 ? `${late} min behind` : late < 0 ? `${-late} min ahead` : 'on time';
    return html`
      <b class="number wall">${new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}</b>
      <span class="number" data-testid="spent" title="Time without questions; T begins anew">${clock(spent)}<span class="soft"> of ${Math.round(plan / 60_000)} min planned</span></span>
      ${words ? html`<b class=${late > 5 ? 'late' : ''}>${words}</b>` : nothing}
      <button class="pill ${since ? '' : 'quiet'}" aria-pressed=${since > 0} title="Stops the plan's clock (Q)" @click=${this.questions}>
        ${icon(since ? 'play' : 'pause')} ${since ? `questions ${clock(asked)}` : asked ? `questions (${clock(asked)})` : 'questions'}</button>`;
  }

  /** Milliseconds that the plan gives to what lies before this slide. */
  private planned(): number {
    const { slides, chapters } = page().deck.deck;
    const i = this.stage ? slides.findIndex(s => s.name === this.stage.place.slide) : -1;
    const here = slides[i];
    if (!here) return 0;
    const before = chapters.slice(0, here.chapter).reduce((sum, c) => sum + c.minutes, 0);
    const own = slides.filter(s => s.chapter === here.chapter);
    const place = own.indexOf(here) / Math.max(1, own.length);
    return (before + place * (chapters[here.chapter]?.minutes ?? 0)) * 60_000;
  }

  private get people(): Person[] {
    return Object.values(this.room.progress.people).filter(p => p.role === 'attendee');
  }

  private count(): TemplateResult {
    const ids = this.stage ? (page().deck.info(this.stage.place.slide)?.exercises ?? []) : [];
    const { people } = this;
    if (people.length === 0) return html`<p class="soft">Nobody has joined yet.</p>`;
    const done = people.filter(p => p.status === 'done').length;
    return html`${ids.map(id => {
      const e = page().deck.exercise(id);
      const cells = people.map(p => cellOf(p.exercises[id]));
      const solved = cells.filter(c => c === 'solved' || c === 'hinted').length;
      const trying = cells.filter(c => c === 'trying' || c === 'regressed').length;
      return html`<div class="room-count" data-testid=${`count-${id}`}><h3>${e?.title ?? id}</h3>
        <div class="meter" role="img" aria-label=${`${solved} of ${people.length} solved`}><i style="width:${(100 * solved) / people.length}%"></i><i class="trying" style="width:${(100 * trying) / people.length}%"></i></div>
        <p><b class="number">${solved}</b> of ${people.length} solved${trying ? html`, <b class="number">${trying}</b> trying` : nothing}</p></div>`;
    })}
      <p class="soft">${people.length} ${people.length === 1 ? 'person' : 'people'}, ${done} done</p>`;
  }

  private hands(): TemplateResult {
    const up = this.people
      .filter(p => p.status === 'help')
      .sort((a, b) => timeOf(a.statusSince) - timeOf(b.statusSince));
    return html`<h3>${icon('hand')} Hands</h3>${
      up.length === 0
        ? html`<p class="soft">No hand is up.</p>`
        : html`<ol class="hand-list">${up.map(p => html`<li><b>${p.name}</b> <span class="soft">${duration(Date.now() - timeOf(p.statusSince))}</span></li>`)}</ol>`
    }`;
  }
}

define('slip-presenter', SlipPresenter);
