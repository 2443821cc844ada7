/**
 * <slip-board>: everyone's progress at a glance. Rows are people, those who
 * need help most first; columns are exercises; a row opens beside the board
 * and says the same in words.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { post, sentence } from '../api';
import { actionOf, takesKeys } from '../keys';
import { page } from '../page';
import { keep, recall, toggleTheme } from '../prefs';
import type { ExerciseInfo, Person } from '../protocol';
import {
  cellIcons,
  cellOf,
  cellWords,
  checkIcons,
  checkWords,
  coded,
  duration,
  icon,
  needOf,
  timeOf,
} from '../words';
import { define, Light } from './light';
import './verdict';

type Order = 'need' | 'name' | 'joined';

export class SlipBoard extends Light {
  private order: Order = recall('board-order', 'need');
  private opened = '';
  private note = '';
  private noteTimer: ReturnType<typeof setTimeout> | undefined;
  private asking = false;
  private ended = false;

  override connectedCallback(): void {
    super.connectedCallback();
    const { room, deck } = page();
    this.until(
      room.listen(what => {
        if (what === 'reload') void deck.load().then(() => this.requestUpdate());
        else if (what !== 'speed') this.requestUpdate();
      }),
    );
    void this.loadDeck();
    const tick = setInterval(() => this.requestUpdate(), 10_000);
    this.until(() => clearInterval(tick));
    this.on(document, 'keydown', e => this.key(e as KeyboardEvent));
  }

  private async loadDeck(): Promise<void> {
    for (let ms = 500; ; ms = Math.min(8000, ms * 2)) {
      try {
        await page().deck.load();
        this.requestUpdate();
        return;
      } catch (err) {
        this.note = sentence(err);
        this.requestUpdate();
        await new Promise(resolve => setTimeout(resolve, ms));
      }
    }
  }

  private key(e: KeyboardEvent): void {
    if (takesKeys(e.target)) return;
    const act = actionOf(e);
    if (act === 'theme') toggleTheme();
    else if (act === 'presenter') open('/present', '_blank');
    else if (act === 'escape' && this.opened) {
      this.opened = '';
      this.requestUpdate();
    }
  }

  private get people(): { person: Person; why: string; score: number }[] {
    const { progress } = page().room;
    const { exercises } = page().deck.deck;
    const now = Date.now();
    const rows = progress.order
      .map(id => progress.people[id])
      .filter((p): p is Person => p?.role === 'attendee')
      .map(person => ({ person, ...needOf(person, exercises, now) }));
    if (this.order === 'need') rows.sort((a, b) => b.score - a.score);
    if (this.order === 'name') rows.sort((a, b) => a.person.name.localeCompare(b.person.name));
    return rows;
  }

  private async act(what: () => Promise<unknown>, done = ''): Promise<void> {
    try {
      await what();
      this.note = done;
    } catch (err) {
      this.note = sentence(err);
    }
    this.requestUpdate();
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => {
      this.note = '';
      this.requestUpdate();
    }, 8000);
  }

  private announce(e: SubmitEvent): void {
    e.preventDefault();
    const text = String(new FormData(e.target as HTMLFormElement).get('text') ?? '').trim();
    void this.act(
      () => post('/api/announce', { text }),
      text ? 'Everyone sees it.' : 'The announcement is gone.',
    );
  }

  private async end(): Promise<void> {
    this.asking = false;
    await this.act(
      () => post('/api/session/end'),
      'The session has ended. Replays are open; the code no longer works.',
    );
    this.ended = true;
    this.requestUpdate();
  }

  private sortBy(order: Order): void {
    this.order = order;
    keep('board-order', order);
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const rows = this.people;
    const { deck } = page().deck;
    return html`
      ${this.header(rows.length)}
      ${this.note ? html`<p class="line" role="status">${this.note}</p>` : nothing}
      <div class="board-body ${this.opened ? 'with-side' : ''}">
        <div class="board-scroll">
          ${
            rows.length === 0
              ? html`<p class="empty">Nobody has joined yet. People who open the join address and type the code appear here, one row each.</p>`
              : this.table(rows, deck.exercises)
          }
          <p class="legend">${(Object.keys(cellWords) as (keyof typeof cellWords)[]).map(
            c => html`<span><span class="cell ${c}">${icon(cellIcons[c])}</span> ${cellWords[c]}</span>`,
          )}</p>
        </div>
        ${this.opened ? this.side() : nothing}
      </div>`;
  }

  private header(count: number): TemplateResult {
    const { room } = page();
    const session = room.progress.session;
    const ended = this.ended || room.progress.ended;
    const code = session?.joinCode;
    const hands = Object.values(room.progress.people).filter(p => p.status === 'help').length;
    return html`<header class="bar board-bar">
        <b class="brand">Slipway</b><span class="title">${session?.title ?? room.boot.title}</span>
        <span class="count"><b>${count}</b> ${count === 1 ? 'person' : 'people'}</span>
        ${hands ? html`<span class="state hands">${icon('hand')} <b>${hands}</b> ${hands === 1 ? 'hand' : 'hands'} up</span>` : nothing}
        ${room.online === false ? html`<span class="state state-failing">${icon('cross')} no connection, trying again</span>` : nothing}
        <span class="grow"></span>
        <a class="pill quiet" href="/present" target="_blank" data-testid="to-presenter">Presenter</a>
        <a class="pill quiet" href="/projector" target="_blank">Projector</a>
        <button class="icon-button" title="Dark or light (D)" @click=${toggleTheme}>${icon('sun')}<span class="vh">Dark or light</span></button>
      </header>
      <div class="board-top">
        ${
          ended
            ? html`<p class="join-big"><strong>This session has ended.</strong> <span class="soft">The code no longer works. Everyone can open their replay.</span></p>`
            : code
              ? html`<p class="join-big"><span class="soft">Join at</span> <strong data-testid="join-address">${location.host}</strong>
                <span class="soft">with the code</span> <strong class="join-code" data-testid="join-code">${code}</strong></p>`
              : nothing
        }
        <span class="grow"></span>
        <form class="announce" @submit=${this.announce}><input name="text" maxlength="280" placeholder="A line for every page"
          aria-label="Announcement" .value=${room.progress.announcement ?? ''} /><button>Announce</button></form>
        ${
          ended
            ? nothing
            : this.asking
              ? html`<span>End it for everyone? <button class="small" data-testid="end-session-sure" @click=${this.end}>End the session</button>
                <button class="small quiet" @click=${() => this.ask(false)}>Not yet</button></span>`
              : html`<button class="quiet" data-testid="end-session" @click=${() => this.ask(true)}>End session …</button>`
        }
      </div>`;
  }

  private ask(on: boolean): void {
    this.asking = on;
    this.requestUpdate();
  }

  private table(
    rows: { person: Person; why: string; score: number }[],
    exercises: ExerciseInfo[],
  ): TemplateResult {
    const { chapters } = page().deck.deck;
    const groups = chapters
      .map((c, i) => ({ title: c.title, list: exercises.filter(e => e.chapter === i) }))
      .filter(g => g.list.length > 0);
    const order = (name: Order, word: string) =>
      html`<button class="link" aria-pressed=${this.order === name} @click=${() => this.sortBy(name)}>${word}</button>`;
    return html`<table class="board" data-testid="board">
      <colgroup><col class="who" /></colgroup>
      ${groups.map(g => html`<colgroup span=${g.list.length}></colgroup>`)}
      <thead>
        <tr><th rowspan="2" scope="col" class="corner">Sort by ${order('need', 'need of help')} ${order('name', 'name')} ${order('joined', 'joining')}</th>
          ${groups.map(g => html`<th scope="colgroup" colspan=${g.list.length} class="group"><span>${g.title}</span></th>`)}</tr>
        <tr>${groups.flatMap(g => g.list.map(e => this.head(e, rows)))}</tr>
      </thead>
      <tbody>${repeat(
        rows,
        r => r.person.id,
        r =>
          this.row(
            r.person,
            r.why,
            groups.flatMap(g => g.list),
          ),
      )}</tbody></table>`;
  }

  private head(e: ExerciseInfo, rows: { person: Person }[]): TemplateResult {
    const times = rows.map(r => r.person.exercises[e.id]).filter(a => a?.solvedAt);
    const share = rows.length ? Math.round((times.length / rows.length) * 100) : 0;
    return html`<th scope="col" class="ex" title=${`${e.title}: ${times.length} of ${rows.length} solved${e.minutes ? `, planned ${e.minutes} min` : ''}`}>
      <span class="ex-name">${e.title}</span>
      <span class="fill" aria-hidden="true"><i style="height:${share}%"></i></span>
      <span class="number">${times.length}<span class="vh"> of ${rows.length} solved</span></span></th>`;
  }

  private row(p: Person, why: string, exercises: ExerciseInfo[]): TemplateResult {
    const { room, deck } = page();
    const away =
      room.presence[p.id] === false || (Object.keys(room.presence).length > 0 && !room.presence[p.id]);
    const slide = deck.info(p.place.slide);
    const lab =
      p.lab.state === 'ready' ? '' : p.lab.state === 'preparing' ? 'nodes starting' : `nodes ${p.lab.state}`;
    return html`<tr class="${this.opened === p.id ? 'opened' : ''} ${p.status === 'help' ? 'help' : ''}" data-testid=${`row-${p.name}`} @click=${() => this.toggle(p.id)}>
      <th scope="row" class="who"><button class="link name" aria-expanded=${this.opened === p.id} @click=${(
        e: Event,
      ) => {
        e.stopPropagation();
        this.toggle(p.id);
      }}>${p.name}</button>
        ${p.status === 'help' ? html`<span class="cell help">${icon('hand')}<span class="vh">hand up</span></span>` : nothing}
        ${p.status === 'done' ? html`<span class="cell solved">${icon('check')}<span class="soft">done</span></span>` : nothing}
        <span class="soft where">${away ? 'away' : slide ? `slide ${slide.n}` : ''}${lab ? html`<b class="lab">${lab}</b>` : nothing}</span>
        ${why ? html`<span class="why">${coded(why)}</span>` : nothing}</th>
      ${exercises.map(e => {
        const cell = cellOf(p.exercises[e.id]);
        return html`<td class="cell ${cell}" data-testid=${`cell-${p.name}-${e.id}`} data-exercise=${e.id} data-state=${cell} title=${`${p.name}, ${e.title}: ${cellWords[cell]}`}>
          ${icon(cellIcons[cell])}<span class="vh">${cellWords[cell]}</span></td>`;
      })}</tr>`;
  }

  private toggle(id: string): void {
    this.opened = this.opened === id ? '' : id;
    this.requestUpdate();
  }

  private side(): TemplateResult | typeof nothing {
    const { room, deck } = page();
    const p = room.progress.people[this.opened];
    if (!p) return nothing;
    const slide = deck.info(p.place.slide);
    const now = Date.now();
    const here = slide?.exercises ?? [];
    const worked = deck.deck.exercises
      .filter(e => cellOf(p.exercises[e.id]) !== 'untouched' || (p.exercises[e.id] && here.includes(e.id)))
      .sort(
        (a, b) =>
          Number(here.includes(b.id)) - Number(here.includes(a.id)) || byState(p, a.id) - byState(p, b.id),
      );
    const facts: [string, unknown][] = [
      ['Status', p.status === 'help' ? `hand up for ${duration(now - timeOf(p.statusSince))}` : p.status],
      ['Page', room.presence[p.id] ? 'open' : 'closed'],
      ['Slide', slide ? `${slide.n} ${slide.title}` : 'not seen yet'],
      ['Nodes', p.lab.message || p.lab.state],
      ['Last sign', p.lastSeen ? `${duration(now - timeOf(p.lastSeen))} ago` : 'none'],
    ];
    if (p.speed) facts.push(['Speed', `${p.speed.toFixed(1)} hashes/s`]);
    return html`<aside class="side" aria-label=${`Details of ${p.name}`} data-testid="details">
      <header><h2>${p.name}</h2><span class="grow"></span>
        <button class="icon-button" title="Close (Esc)" @click=${() => this.toggle(p.id)}>${icon('cross')}<span class="vh">Close</span></button></header>
      <dl>${facts.map(([k, v]) => html`<dt>${k}</dt><dd>${v}</dd>`)}</dl>
      ${worked.length === 0 ? html`<p class="soft">No exercise begun yet.</p>` : nothing}
      ${worked.map(e => this.detail(p, e))}
      <p><a href=${`/replay?participant=${encodeURIComponent(p.id)}`} target="_blank">Open the replay</a></p></aside>`;
  }

  private detail(p: Person, e: ExerciseInfo): TemplateResult {
    const a = p.exercises[e.id]!;
    const cell = cellOf(a);
    const extra = [
      a.attempts ? `${a.attempts} ${a.attempts === 1 ? 'try' : 'tries'}` : '',
      a.hints ? `${a.hints} ${a.hints === 1 ? 'hint' : 'hints'}` : '',
      a.done ? 'done for them' : a.solution ? 'looked at the solution' : '',
      a.quiz === undefined ? '' : a.quiz ? 'question answered right' : 'question answered wrong',
    ].filter(Boolean);
    const open = cell === 'solved' || cell === 'hinted' ? [] : (a.checks ?? []);
    return html`<section class="detail"><h3><span class="cell ${cell}">${icon(cellIcons[cell])}</span> ${e.title}
      <span class="soft">${cellWords[cell]}${extra.length ? `, ${extra.join(', ')}` : ''}</span></h3>
      ${
        open.length
          ? html`<ul>${open.map(
              (
                c,
                i,
              ) => html`<li class="state-${c.state}">${icon(checkIcons[c.state])} <span>${e.checks?.[i] ?? `check ${i + 1}`}: ${checkWords[c.state]}
                ${c.reason ? html`<span class="soft">– ${coded(c.reason)}</span>` : nothing}</span></li>`,
            )}</ul>`
          : nothing
      }
      <slip-verdict .person=${p.id} .exercise=${e.id} .override=${a.override ?? ''} .quiz=${(e.checks ?? []).length === 0}></slip-verdict></section>`;
  }
}

/** What needs words first: what fails, then what is solved. */
const byState = (p: Person, id: string) =>
  ['regressed', 'trying', 'unknown', 'untouched', 'hinted', 'solved'].indexOf(cellOf(p.exercises[id]));

define('slip-board', SlipBoard);
