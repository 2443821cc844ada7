/**
 * <slip-exercise>: a task on a slide. Around the author's text it shows how it
 * stands: each check with a mark, a word and, while it does not hold, what was
 * seen and one thing to try; hints one after the other; the way out.
 */
import { html, nothing, render, type TemplateResult } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { post, sentence } from '../api';
import { keyBytes, keyName } from '../keys';
import { page } from '../page';
import type { Achievement, Act, CheckVerdict } from '../protocol';
import { checkIcons, checkWords, coded, icon } from '../words';
import { openPort } from './open';

export class SlipExercise extends HTMLElement {
  private head: HTMLElement | undefined;
  private foot: HTMLElement | undefined;
  private undo: (() => void) | undefined;
  private hints: string[] = [];
  private acts: Act[] | undefined;
  private error = '';
  private busy = false;

  get name(): string {
    return this.dataset.id ?? '';
  }

  private get mine(): Achievement | undefined {
    return page().room.person?.exercises[this.name];
  }

  connectedCallback(): void {
    if (!this.head) {
      this.querySelector(':scope > header')?.remove(); // the one for people without scripts
      this.head = document.createElement('header');
      this.prepend(this.head);
      this.foot = document.createElement('footer');
      this.append(this.foot);
      this.setAttribute('role', 'group');
      this.dataset.testid = `exercise-${this.name}`;
      for (const li of this.querySelectorAll<HTMLElement>('li[data-check]')) {
        const says = document.createElement('span');
        says.className = 'says';
        says.append(...li.childNodes);
        const mark = document.createElement('span');
        mark.className = 'mark';
        const more = document.createElement('div');
        more.className = 'more';
        li.append(mark, says, more);
      }
    }
    this.undo = page().room.listen(what => {
      if (what === 'snapshot' || what === 'event' || what === 'doing') this.draw();
    });
    this.draw();
  }

  disconnectedCallback(): void {
    this.undo?.();
  }

  private get state(): string {
    const a = this.mine;
    if (!a) return 'pending';
    return a.state === 'passing' ? 'solved' : a.state;
  }

  private draw(): void {
    if (!this.head || !this.foot) return;
    const { state } = this;
    if (state === 'solved' && this.dataset.state && this.dataset.state !== 'solved') {
      page().say(`Exercise solved: ${this.dataset.title ?? this.name}.`);
    }
    this.dataset.state = state;
    this.setAttribute('aria-label', `Exercise: ${this.dataset.title ?? this.name}`);
    render(this.heading(state), this.head);
    for (const li of this.querySelectorAll<HTMLElement>('li[data-check]')) {
      this.drawCheck(li, this.mine?.checks?.[Number(li.dataset.check)]);
    }
    if (page().nodes.length > 0) render(this.footing(), this.foot);
  }

  private heading(state: string): TemplateResult {
    const minutes = Number(this.dataset.minutes ?? 0);
    const words: Record<string, string> = {
      solved: 'solved',
      regressed: 'no longer solved',
      unknown: "can't tell now",
    };
    const optional = this.dataset.optional !== undefined && this.dataset.optional !== 'false';
    return html`
      <span class="kind">Exercise</span>
      <strong>${this.dataset.title ?? this.name}</strong>
      ${optional ? html`<span class="soft">optional</span>` : nothing}
      <span class="grow"></span>
      ${
        words[state]
          ? html`<span class="state state-${state}">${icon(checkIcons[state as 'solved'])} ${words[state]}</span>`
          : minutes
            ? html`<span class="soft">${minutes} min</span>`
            : nothing
      }`;
  }

  private drawCheck(li: HTMLElement, v: CheckVerdict | undefined): void {
    const state = v?.state ?? 'pending';
    if (li.dataset.state && li.dataset.state !== 'passing' && state === 'passing') li.classList.add('fresh');
    li.dataset.state = state;
    render(
      html`${icon(checkIcons[state])}<span class="vh">${checkWords[state]}:</span>`,
      li.querySelector<HTMLElement>('.mark')!,
    );
    const why = state === 'failing' || state === 'unknown' ? v : undefined;
    render(
      why?.reason || why?.try
        ? html`<b>${checkWords[state]}</b>${why.reason ? html` – ${coded(why.reason)}` : nothing}
            ${why.try ? html`<span class="try">${coded(why.try)}</span>` : nothing}`
        : nothing,
      li.querySelector<HTMLElement>('.more')!,
    );
  }

  /** What it builds on and is not solved: advice, not a lock. */
  private get missing(): { id: string; title: string }[] {
    const { deck } = page();
    const mine = page().room.person?.exercises ?? {};
    return (deck.exercise(this.name)?.needs ?? [])
      .filter(id => mine[id]?.state !== 'solved')
      .map(id => ({ id, title: deck.exercise(id)?.title ?? id }));
  }

  private needs(): TemplateResult | typeof nothing {
    const { missing } = this;
    if (missing.length === 0 || this.state === 'solved') return nothing;
    return html`<p class="needs soft" data-testid="needs">This builds on ${missing.map(
      (one, i) => html`${i > 0 ? ', ' : ''}<b>${one.title}</b>`,
    )}, not solved yet. You may go on as you like.</p>`;
  }

  /** What is being done for the person here, and how it ended. */
  private progress(): TemplateResult | typeof nothing {
    const { doing, ended } = page().room;
    if (doing?.for === this.name) {
      const title = page().deck.exercise(doing.exercise)?.title ?? doing.exercise;
      const where = doing.node ? `${doing.node}, terminal ${/\d+/.exec(doing.terminal ?? '')?.[0] ?? 1}` : '';
      const now =
        doing.act > doing.acts && doing.acts > 0
          ? 'waiting for the tick'
          : html`step ${doing.act}${doing.acts ? ` of ${doing.acts}` : ''}${where ? ` on ${where}` : ''}`;
      return html`<div class="hint doing" role="status" data-testid="doing">
        <p><b>Typing for you:</b> ${title} – ${now} <button class="small" data-testid="stop-doing" @click=${() => void this.attempt(() => post('/api/doing/stop'))}>Stop</button></p>
        ${doing.text ? html`<pre><code>${doing.text}</code></pre>` : nothing}
        <p class="soft">Watch the terminal. A key of yours there stops it.</p></div>`;
    }
    if (ended?.exercise === this.name && ended.text) {
      return html`<p class="line" role="status" data-testid="doing-ended">Not all of it was done: ${coded(ended.text)}.</p>`;
    }
    return nothing;
  }

  private ways(solved: boolean): TemplateResult | typeof nothing {
    const { room, deck } = page();
    if (room.doing || room.progress.ended) return nothing;
    const info = deck.exercise(this.name);
    const earlier =
      this.missing.length > 0 ||
      deck.deck.exercises.some(
        e =>
          e.chapter === info?.chapter &&
          !e.optional &&
          e.solution &&
          deck.deck.exercises.indexOf(e) < deck.deck.exercises.indexOf(info) &&
          !room.person?.exercises[e.id]?.solvedAt,
      );
    return html`${
      info?.solution && !solved
        ? html`<button class="link" data-testid="do-it" ?disabled=${this.busy} title="Types it into your own terminals, where you can watch"
            @click=${() => void this.have(false)}>Do it for me</button>`
        : nothing
    }${
      info && earlier && !solved
        ? html`<button class="link" data-testid="bring-me" ?disabled=${this.busy} title="Does what comes before this exercise, in your own terminals"
            @click=${() => void this.have(true)}>Bring me here</button>`
        : nothing
    }`;
  }

  private have(bring: boolean): Promise<void> {
    page().room.ended = undefined;
    return this.attempt(() => post(`/api/exercises/${this.name}/do`, { bring })).then(() =>
      this.foot?.scrollIntoView({ block: 'nearest' }),
    );
  }

  private footing(): TemplateResult {
    const all = Number(this.dataset.hints ?? 0);
    const open = this.hints.length;
    const solved = this.state === 'solved';
    const override = this.mine?.override;
    return html`
      ${override ? html`<p class="line" data-testid="override">${icon('check')} Your instructor counts this as solved: ${override}</p>` : nothing}
      ${this.needs()}
      ${this.hints.map((text, i) => html`<div class="hint"><b>Hint ${i + 1}</b>${unsafeHTML(text)}</div>`)}
      ${this.acts ? this.solution(this.acts) : nothing}
      ${this.progress()}
      ${this.error ? html`<p class="line bad" role="alert">${this.error}</p>` : nothing}
      <div class="ways">
        ${
          open < all
            ? html`<button class="link" data-testid="hint" ?disabled=${this.busy} @click=${() => void this.hint()}>
                ${open === 0 ? (all > 1 ? `Hint (${all})` : 'Hint') : `Next hint (${open} of ${all} open)`}</button>`
            : nothing
        }
        ${
          this.acts || page().deck.exercise(this.name)?.solution === false
            ? nothing
            : html`<button class="link" data-testid="solution" ?disabled=${this.busy} @click=${() => void this.solve()}>
                ${solved ? 'Show how we do it' : 'Show me how'}</button>`
        }
        ${this.ways(solved)}
        ${
          solved || !this.querySelector('[data-check]')
            ? nothing
            : html`<button class="link" data-testid="judge" ?disabled=${this.busy} @click=${() => void this.judge()}>Look again now</button>`
        }
      </div>`;
  }

  private solution(acts: Act[]): TemplateResult {
    return html`<div class="hint solution"><b>One way to do it</b> <span class="soft">Each line is typed for you when you click it, in this order.</span>
      <ol>${acts.map(
        act => html`<li><button class="act" @click=${() => void this.perform(act)}>
          <code>${act.kind === 'key' ? keyName(act.text) : act.kind === 'open' ? `open port ${act.text}` : act.text.trimEnd()}</code>
          <span class="soft">${act.node}${numberOf(act) > 1 ? `, terminal ${numberOf(act)}` : ''}</span></button></li>`,
      )}</ol></div>`;
  }

  private async perform(act: Act): Promise<void> {
    if (act.kind === 'open') {
      page().say(openPort(act.node, Number(act.text)), true);
      return;
    }
    const key = act.kind === 'key';
    const text = key ? keyBytes(act.text) : act.text;
    page().say(
      await page().run({
        node: act.node,
        terminal: numberOf(act),
        text,
        enter: !key && !act.dangerous,
      }),
    );
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = '';
    this.draw();
    try {
      await act();
    } catch (err) {
      this.error = sentence(err);
    }
    this.busy = false;
    this.draw();
  }

  private hint(): Promise<void> {
    return this.attempt(async () => {
      const number = this.hints.length + 1;
      const { html: text } = await post<{ html: string }>(`/api/exercises/${this.name}/hint`, { number });
      this.hints.push(text);
    });
  }

  private solve(): Promise<void> {
    return this.attempt(async () => {
      const { acts } = await post<{ acts: Act[] }>(`/api/exercises/${this.name}/solution`);
      this.acts = acts ?? [];
    });
  }

  private judge(): Promise<void> {
    return this.attempt(() => post(`/api/exercises/${this.name}/judge`));
  }
}

const numberOf = (act: Act) => Number(/\d+/.exec(act.terminal ?? '')?.[0] ?? 1);
