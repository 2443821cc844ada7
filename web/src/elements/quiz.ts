/** <slip-quiz>: a question on a slide, answered in place. The right answer stays with the server. */
import { html, nothing, render } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { post, sentence } from '../api';
import { page } from '../page';
import { icon } from '../words';

export class SlipQuiz extends HTMLElement {
  private foot: HTMLElement | undefined;
  private undo: (() => void) | undefined;
  private correct: boolean | undefined;
  private explain = '';
  private error = '';

  get name(): string {
    return this.dataset.id ?? '';
  }

  connectedCallback(): void {
    if (!this.foot) this.build();
    this.undo = page().room.listen(what => {
      if (what === 'snapshot' || what === 'event') this.draw();
    });
    this.draw();
  }

  disconnectedCallback(): void {
    this.undo?.();
  }

  private build(): void {
    this.dataset.testid = `quiz-${this.name}`;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', `Question: ${this.dataset.title || this.name}`);
    const several = this.dataset.multiple === 'true';
    for (const li of this.querySelectorAll<HTMLElement>('li[data-choice]')) {
      const label = document.createElement('label');
      const box = document.createElement('input');
      box.type = several ? 'checkbox' : 'radio';
      box.name = `quiz-${this.name}`;
      box.value = li.dataset.choice ?? '';
      label.append(box, ...li.childNodes);
      li.append(label);
    }
    const place = this.querySelector('.answer');
    if (place) {
      const field = document.createElement('input');
      field.type = 'text';
      field.className = 'answer-field';
      field.setAttribute('aria-label', 'Your answer');
      field.autocomplete = 'off';
      field.addEventListener('keydown', e => {
        if (e.key === 'Enter') void this.answer();
      });
      place.replaceChildren(field);
    }
    this.addEventListener('input', () => {
      this.correct = undefined;
      this.error = '';
      this.draw();
    });
    this.foot = document.createElement('footer');
    this.append(this.foot);
  }

  private async answer(): Promise<void> {
    const field = this.querySelector<HTMLInputElement>('.answer-field');
    const choices = [...this.querySelectorAll<HTMLInputElement>('li input:checked')].map(i =>
      Number(i.value),
    );
    if (field ? field.value.trim() === '' : choices.length === 0) {
      this.error = field ? 'Type an answer first.' : 'Choose an answer first.';
      this.draw();
      return;
    }
    try {
      const body = field ? { answer: field.value.trim() } : { choices };
      const said = await post<{ correct: boolean; explain?: string }>(
        `/api/exercises/${this.name}/quiz`,
        body,
      );
      this.correct = said.correct;
      this.explain = said.explain ?? '';
      this.error = '';
      page().say(this.correct ? 'Right.' : 'Not quite. Look again.');
    } catch (err) {
      this.error = sentence(err);
    }
    this.draw();
  }

  private draw(): void {
    if (!this.foot) return;
    const right = this.correct ?? page().room.person?.exercises[this.name]?.quiz;
    this.dataset.state = right === undefined ? 'pending' : right ? 'solved' : 'failing';
    if (page().nodes.length === 0) return; // on a screen for everybody nobody answers
    render(
      html`
        <button class="small" data-testid="answer" @click=${() => void this.answer()}>Answer</button>
        ${
          right === undefined
            ? nothing
            : right
              ? html`<span class="state state-solved" role="status">${icon('check')} right</span>`
              : html`<span class="state state-failing" role="status">${icon('ring')} not quite: look again, then answer anew</span>`
        }
        ${this.explain ? html`<div class="explain">${unsafeHTML(this.explain)}</div>` : nothing}
        ${this.error ? html`<span class="state state-failing" role="alert">${this.error}</span>` : nothing}`,
      this.foot,
    );
  }
}
