/**
 * The slide that is shown: one article in one element, swapped for another by
 * name, its steps shown, its address kept. Attendees, presenters and the
 * projector move through the deck with it.
 */
import { article, type DeckStore, move, showStep } from './deck';
import type { Place } from './protocol';

export class Stage {
  place: Place = { slide: '', step: 0 };
  private wanted = 0;

  constructor(
    readonly deck: DeckStore,
    readonly host: HTMLElement,
    private readonly moved: (place: Place) => void,
  ) {}

  /** Takes the slide that the server rendered into the page. */
  adopt(slide: HTMLElement, place: Place): void {
    this.place = place;
    const { background } = slide.dataset;
    if (background) slide.style.backgroundImage = `url(${JSON.stringify(background)})`;
    this.host.replaceChildren(slide);
    showStep(slide, place.step);
  }

  get slide(): HTMLElement | null {
    return this.host.querySelector('article.slide');
  }

  /** Shows a place; a slide that is not here yet is fetched first. The newest wish wins. */
  async go(to: Place): Promise<void> {
    const wish = ++this.wanted;
    const info = this.deck.info(to.slide);
    const place = {
      slide: to.slide,
      step: info ? Math.min(Math.max(to.step, 0), info.steps) : Math.max(to.step, 0),
    };
    if (place.slide !== this.place.slide || !this.slide) {
      const html = this.deck.known(place.slide) ?? (await this.deck.slide(place.slide));
      if (wish !== this.wanted) return;
      const next = article(place.slide, html, info);
      showStep(next, place.step);
      this.host.replaceChildren(next);
      this.host.scrollTop = 0;
      void this.deck.slide(place.slide).catch(() => {}); // and what lies around it
    } else if (this.slide) {
      showStep(this.slide, place.step);
      this.slide.querySelector('.now')?.scrollIntoView({ block: 'nearest', behavior: 'auto' });
    }
    this.place = place;
    this.moved(place);
  }

  step(how: Parameters<typeof move>[2]): Promise<void> {
    return this.go(move(this.deck.deck.slides, this.place, how));
  }
}

/** The address of a place in a workshop. */
export function addressOf(workshop: string, place: Place): string {
  return `/w/${encodeURIComponent(workshop)}/${encodeURIComponent(place.slide)}${place.step > 0 ? `?s=${place.step}` : ''}`;
}

/** The place in an address, or undefined when it is none of a workshop. Pure. */
export function placeOf(path: string, query: string): Place | undefined {
  const m = /^\/w\/[^/]+\/([^/]+)$/.exec(path);
  if (!m?.[1]) return undefined;
  const step = Number(new URLSearchParams(query).get('s') ?? 0);
  return { slide: decodeURIComponent(m[1]), step: Number.isInteger(step) && step > 0 ? step : 0 };
}
