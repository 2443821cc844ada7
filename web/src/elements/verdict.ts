/**
 * <slip-verdict>: what an instructor or a helper may do about one exercise of
 * one person: look again, and (instructors) count it as solved with a reason.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { post, sentence } from '../api';
import { page } from '../page';
import { define, Light } from './light';

export class SlipVerdict extends Light {
  static override properties = { person: {}, exercise: {}, override: {}, quiz: { type: Boolean } };
  declare person: string;
  declare exercise: string;
  /** The reason of a decision that holds. */
  declare override: string;
  /** A question alone: there is nothing to look at. */
  declare quiz: boolean;
  private asking = false;
  private said = '';

  constructor() {
    super();
    this.person = '';
    this.exercise = '';
    this.override = '';
    this.quiz = false;
  }

  private async act(what: 'judge' | 'override', body: unknown, done: string): Promise<void> {
    try {
      await post(`/api/participants/${this.person}/exercises/${this.exercise}/${what}`, body);
      this.said = done;
      this.asking = false;
    } catch (err) {
      this.said = sentence(err);
    }
    this.requestUpdate();
  }

  private decide(e: SubmitEvent): void {
    e.preventDefault();
    const reason = String(new FormData(e.target as HTMLFormElement).get('reason') ?? '').trim();
    if (reason) void this.act('override', { reason }, 'It counts as solved.');
  }

  private ask(on: boolean): void {
    this.asking = on;
    this.said = '';
    this.requestUpdate();
    if (on) void this.updateComplete.then(() => this.querySelector('input')?.focus());
  }

  protected override render(): TemplateResult {
    const instructor = page().room.me?.role === 'instructor';
    return html`
      ${
        this.override
          ? html`<p class="soft" data-testid="decided">Counted as solved: ${this.override}
            ${instructor ? html`<button class="link" data-testid="take-back" @click=${() => void this.act('override', { reason: '' }, 'Taken back.')}>Take it back</button>` : nothing}</p>`
          : nothing
      }
      ${
        this.asking
          ? html`<form class="decide" @submit=${this.decide}><input name="reason" maxlength="280" required placeholder="Why it counts as solved" aria-label="Why it counts as solved" data-testid="reason" />
            <button class="small" data-testid="decide">Count it</button> <button type="button" class="link" @click=${() => this.ask(false)}>Not now</button></form>`
          : html`<p class="ways">${
              this.quiz || this.override
                ? nothing
                : html`<button class="link" data-testid="judge-again" @click=${() => void this.act('judge', {}, 'Looked again.')}>Look again</button>`
            }
            ${
              instructor && !this.override
                ? html`<button class="link" data-testid="override" @click=${() => this.ask(true)}>Count as solved …</button>`
                : nothing
            }
            ${this.said ? html`<span class="soft" role="status">${this.said}</span>` : nothing}</p>`
      }`;
  }
}

define('slip-verdict', SlipVerdict);
