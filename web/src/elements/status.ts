/** <slip-status>: the sticky note on an attendee's laptop. One control, three states, a key for each. */
import { html, type TemplateResult } from 'lit';
import { post, sentence } from '../api';
import { page } from '../page';
import type { Status } from '../protocol';
import { type Icon, icon } from '../words';
import { define, Light } from './light';

const states: { status: Status; word: string; icon: Icon; key: string }[] = [
  { status: 'working', word: 'working', icon: 'ring', key: 'W' },
  { status: 'done', word: 'done', icon: 'check', key: 'V' },
  { status: 'help', word: 'help', icon: 'hand', key: 'U' },
];

const said: Record<Status, string> = {
  working: 'You are shown as working.',
  done: 'You are shown as done.',
  help: 'Your hand is up: the instructor sees it. Press again to take it down.',
};

export class SlipStatus extends Light {
  private wish: Status | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(
      page().room.listen(what => {
        if (what !== 'snapshot' && what !== 'event') return;
        if (this.wish === page().room.person?.status) this.wish = undefined;
        this.requestUpdate();
      }),
    );
  }

  get status(): Status {
    return this.wish ?? page().room.person?.status ?? 'working';
  }

  async set(status: Status): Promise<void> {
    this.wish = status;
    this.requestUpdate();
    try {
      await post('/api/status', { status });
      page().say(said[status], true);
    } catch (err) {
      this.wish = undefined;
      page().say(sentence(err), true);
    }
    this.requestUpdate();
  }

  /** Raises the hand, or takes it down. */
  hand(): void {
    void this.set(this.status === 'help' ? 'working' : 'help');
  }

  protected override render(): TemplateResult {
    return html`<div class="status" role="radiogroup" aria-label="How are you doing?">
      ${states.map(
        s => html`<button role="radio" class=${s.status} data-testid=${`status-${s.status}`} aria-checked=${this.status === s.status}
          title=${`${s.word} (${s.key})`} @click=${() => void this.set(s.status === 'help' && this.status === 'help' ? 'working' : s.status)}>
          ${icon(s.icon)}<span>${s.word}</span></button>`,
      )}</div>`;
  }
}

define('slip-status', SlipStatus);
