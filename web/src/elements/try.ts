/**
 * <slip-try>: an expression of a check, judged against nodes of one's own, with
 * what each of its parts was. The nodes are there to bring about what a check
 * is to see.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { post, sentence } from '../api';
import { page } from '../page';
import { clientName, keep, recall } from '../prefs';
import type { CheckVerdict } from '../protocol';
import { checkIcons, coded, icon } from '../words';
import type { SlipDock } from './dock';
import { define, Light } from './light';

interface Tried {
  problems?: string[];
  verdict?: CheckVerdict & { seen: { part: string; value: string }[] };
}

const verdictWords: Record<string, string> = {
  passing: 'It holds.',
  failing: 'It does not hold.',
  unknown: "It can't be told now.",
};

export class SlipTry extends Light {
  private text = recall('try', 'node1.service("rng").running == 1');
  private answer: Tried | undefined;
  private note = '';
  private busy = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(page().room.listen(() => this.requestUpdate()));
    void post('/api/lab/retry').catch(err => this.say(sentence(err))); // asks for nodes of one's own
    void this.open();
  }

  private async open(): Promise<void> {
    await page().room.until(r => r.person?.lab.state === 'ready');
    await import('./dock');
    const dock = document.createElement('slip-dock') as SlipDock;
    dock.client = clientName();
    this.querySelector('.dock-place')?.replaceWith(dock);
  }

  private say(text: string): void {
    this.note = text;
    this.requestUpdate();
  }

  private async judge(e?: Event): Promise<void> {
    e?.preventDefault();
    this.text = this.querySelector('textarea')?.value ?? this.text;
    keep('try', this.text);
    this.busy = true;
    this.say('Looking …');
    try {
      this.answer = await post<Tried>('/api/try', { expression: this.text });
      this.note = '';
    } catch (err) {
      this.note = sentence(err);
    }
    this.busy = false;
    this.requestUpdate();
  }

  private key(e: KeyboardEvent): void {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void this.judge(e);
  }

  protected override render(): TemplateResult {
    const { room } = page();
    const lab = room.person?.lab;
    return html`<header class="bar"><b class="brand">Slipway</b><span class="title">Try checks</span><span class="grow"></span>
        <a class="pill quiet" href="/board">Board</a></header>
      <div class="try-body">
        <section class="try-side" aria-label="Expression">
          <form @submit=${(e: Event) => void this.judge(e)}>
            <label>An expression, as it stands behind <code>that:</code> of a check
              <textarea spellcheck="false" data-testid="expression" .value=${this.text} @keydown=${this.key}></textarea></label>
            <button ?disabled=${this.busy} data-testid="try">Judge it</button> <span class="soft"><kbd>Ctrl+Enter</kbd></span>
          </form>
          ${this.note ? html`<p class="line" role="status">${this.note}</p>` : nothing}
          ${this.answer ? this.result(this.answer) : nothing}
        </section>
        <section class="dock" aria-label="Terminals">
          ${lab?.state === 'ready' ? nothing : html`<p class="line" role="status">${lab?.message || 'Nodes of your own are being prepared.'}</p>`}
          <div class="dock-place"></div>
        </section>
      </div>`;
  }

  private result(answer: Tried): TemplateResult {
    if (answer.problems) {
      return html`<div role="alert" data-testid="problems">${answer.problems.map(p => html`<p class="line bad">${coded(p)}</p>`)}</div>`;
    }
    const v = answer.verdict;
    if (!v) return html``;
    return html`<p data-testid="verdict" data-state=${v.state} class="state-${v.state}">${icon(checkIcons[v.state])} <b>${verdictWords[v.state] ?? v.state}</b> ${coded(v.reason ?? '')}</p>
      <table aria-label="What was seen"><tbody>${v.seen.map(s => html`<tr><td><code>${s.part}</code></td><td>${s.value}</td></tr>`)}</tbody></table>`;
  }
}

define('slip-try', SlipTry);
