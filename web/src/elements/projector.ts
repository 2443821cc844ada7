/**
 * <slip-projector>: the slide for the whole room, without names. It follows
 * the room; I shows how to join, X how many solved the exercise.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { move } from '../deck';
import { actionOf } from '../keys';
import { page } from '../page';
import { keep, recall } from '../prefs';
import { Stage } from '../stage';
import { cellOf, icon } from '../words';
import { pageAct } from './attendee';
import { define, Light } from './light';

export class SlipProjector extends Light {
  private stage!: Stage;
  first: HTMLElement | null = null;
  private join = recall('projector-join', false);
  private tally = recall('projector-count', true);
  /** Moved by hand here, until the room moves again. */
  private strayed = false;

  protected override firstUpdated(): void {
    const { room, deck } = page();
    this.stage = new Stage(deck, this.querySelector<HTMLElement>('.stage')!, () => this.requestUpdate());
    if (this.first) this.stage.adopt(this.first, { slide: room.boot.slide ?? '', step: room.boot.step ?? 0 });
    let last = '';
    this.until(
      room.listen(what => {
        const { place } = room.progress;
        const at = `${place.slide} ${place.step}`;
        if (what === 'reload') void deck.reload().then(() => this.stage.go({ ...this.stage.place }));
        else if (place.slide && at !== last) {
          this.strayed = false;
          void this.stage.go(place).catch(() => {});
        }
        last = at;
        if (what !== 'speed') this.requestUpdate();
      }),
    );
    this.on(document, 'keydown', e => this.key(e as KeyboardEvent));
    const load = () =>
      deck.load().then(
        () => this.requestUpdate(),
        () => setTimeout(load, 2000),
      );
    void load();
  }

  private key(e: KeyboardEvent): void {
    const key = e.key.toLowerCase();
    if (!e.ctrlKey && !e.metaKey && !e.altKey && (key === 'i' || key === 'x')) {
      if (key === 'i') this.join = !this.join;
      else this.tally = !this.tally;
      keep('projector-join', this.join);
      keep('projector-count', this.tally);
      this.requestUpdate();
      return;
    }
    const act = actionOf(e);
    switch (act) {
      case 'next':
      case 'previous':
      case 'next-slide':
      case 'previous-slide':
      case 'first':
      case 'last':
        this.strayed = true;
        void this.stage.go(move(page().deck.deck.slides, this.stage.place, act)).catch(() => {});
        e.preventDefault();
        break;
      default:
        if (act && pageAct(act, this)) e.preventDefault();
    }
  }

  protected override render(): TemplateResult {
    const { room, deck } = page();
    const people = Object.values(room.progress.people).filter(p => p.role === 'attendee');
    const ids = this.stage ? (deck.info(this.stage.place.slide)?.exercises ?? []) : [];
    const code = room.progress.session?.joinCode;
    return html`<div class="stage"></div>
      <div class="corner">
        ${room.progress.announcement ? html`<p class="announcement">${room.progress.announcement}</p>` : nothing}
        ${this.join && code && !room.progress.ended ? html`<p class="join-big">${location.host} <strong class="join-code">${code}</strong></p>` : nothing}
        ${
          this.tally && people.length > 0
            ? ids.map(id => {
                const n = people.filter(p => ['solved', 'hinted'].includes(cellOf(p.exercises[id]))).length;
                return html`<div class="tally"><div class="meter"><i style="width:${(100 * n) / people.length}%"></i></div>
                  ${icon('check')} <b class="number">${n}</b> of ${people.length}</div>`;
              })
            : nothing
        }
        ${this.strayed ? html`<p class="soft">not where the room is</p>` : nothing}
      </div>`;
  }
}

define('slip-projector', SlipProjector);
