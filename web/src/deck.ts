/** The deck as the page knows it: where slides are, moves between them, their text when it is needed. */
import { get } from './api';
import type { Deck, ExerciseInfo, Place, SlideInfo } from './protocol';

/** Where a move leads from a place. Pure; ends of the deck hold. */
export function move(
  slides: readonly SlideInfo[],
  from: Place,
  how: 'next' | 'previous' | 'next-slide' | 'previous-slide' | 'first' | 'last',
): Place {
  const last = slides.length - 1;
  if (last < 0) return from;
  const i = slides.findIndex(s => s.name === from.slide);
  const at = (n: number, step: number): Place => ({ slide: slides[n]!.name, step });
  const here = slides[i];
  switch (how) {
    case 'first':
      return at(0, 0);
    case 'last':
      return at(last, 0);
    case 'next':
      if (here && from.step < here.steps) return at(i, from.step + 1);
      return i < last ? at(i + 1, 0) : here ? at(i, here.steps) : at(0, 0);
    case 'previous':
      if (here && from.step > 0) return at(i, from.step - 1);
      return i > 0 ? at(i - 1, slides[i - 1]!.steps) : at(0, 0);
    case 'next-slide':
      return at(Math.min(i + 1, last), 0);
    case 'previous-slide':
      return at(Math.max(i - 1, 0), 0);
  }
}

/** Finds a slide by number, name, the name of an exercise on it, or the beginning of either name or title. */
export function find(slides: readonly SlideInfo[], typed: string): SlideInfo | undefined {
  const want = typed.trim().toLowerCase();
  if (want === '') return undefined;
  if (/^\d+$/.test(want)) {
    const n = Math.min(Math.max(Number(want), 1), slides.length);
    return slides[n - 1];
  }
  return (
    slides.find(s => s.name === want) ??
    slides.find(s => s.exercises?.includes(want)) ??
    slides.find(s => s.name.startsWith(want) || s.title.toLowerCase().startsWith(want)) ??
    slides.find(s => s.title.toLowerCase().includes(want))
  );
}

const emptyDeck: Deck = { name: '', title: '', minutes: 0, chapters: [], slides: [], exercises: [] };

/** Slides fetched and kept at once; a long deck never fills the page's memory. */
const mostKept = 400;

/** The deck's list and, in chunks, the HTML of its slides. */
export class DeckStore {
  deck: Deck = emptyDeck;
  private html = new Map<string, string>();
  private asked = new Map<number, Promise<void>>();

  async load(): Promise<void> {
    const d = await get<Deck>('/api/deck');
    this.deck = {
      ...d,
      chapters: d.chapters ?? [],
      slides: d.slides ?? [],
      exercises: d.exercises ?? [],
    };
  }

  /** Forgets all slides, because the author changed the deck. */
  async reload(): Promise<void> {
    this.html.clear();
    this.asked.clear();
    await this.load();
  }

  info(name: string): SlideInfo | undefined {
    return this.deck.slides.find(s => s.name === name);
  }

  exercise(id: string): ExerciseInfo | undefined {
    return this.deck.exercises.find(e => e.id === id);
  }

  known(name: string): string | undefined {
    return this.html.get(name);
  }

  remember(name: string, html: string): void {
    this.html.set(name, html);
  }

  /** The HTML of a slide; what lies around it is fetched with it. */
  async slide(name: string): Promise<string> {
    const kept = this.html.get(name);
    const i = this.deck.slides.findIndex(s => s.name === name);
    if (kept !== undefined) {
      void this.chunk(Math.floor((i + 5) / 20)).catch(() => {});
      return kept;
    }
    if (i < 0) throw new Error(`There is no slide ${name}.`);
    await this.chunk(Math.floor(i / 20));
    return this.html.get(name) ?? '';
  }

  private chunk(n: number): Promise<void> {
    if (n < 0 || n * 20 >= this.deck.slides.length) return Promise.resolve();
    const under = this.asked.get(n);
    if (under) return under;
    const wait = get<{ name: string; html: string }[]>(`/api/slides?from=${n * 20 + 1}&count=20`).then(
      slides => {
        if (this.html.size > mostKept) {
          this.html.clear();
          this.asked.clear();
        }
        for (const s of slides) this.html.set(s.name, s.html);
      },
    );
    this.asked.set(n, wait);
    wait.catch(() => this.asked.delete(n));
    return wait;
  }
}

/** Makes the article of a slide from the server's HTML, with or without an article around it. */
export function article(name: string, html: string, info?: SlideInfo): HTMLElement {
  const holder = document.createElement('template');
  holder.innerHTML = html;
  const only = holder.content.firstElementChild;
  if (only instanceof HTMLElement && only.matches('article.slide')) return only;
  const made = document.createElement('article');
  made.className = 'slide';
  made.dataset.name = name;
  if (info?.classes?.length) made.classList.add(...info.classes);
  if (info?.background) made.style.backgroundImage = `url(${JSON.stringify(info.background)})`;
  made.append(holder.content);
  return made;
}

/** Shows the parts of a slide that belong to a step. */
export function showStep(slide: Element, step: number): void {
  if (slide instanceof HTMLElement) slide.dataset.step = String(step);
  for (const part of slide.querySelectorAll<HTMLElement>('[data-step]')) {
    const later = Number(part.dataset.step) > step;
    part.classList.toggle('later', later);
    part.classList.toggle('now', Number(part.dataset.step) === step && step > 0);
  }
}
