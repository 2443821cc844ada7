/**
 * <slip-split>: the bar between slides and terminals. It moves with the mouse
 * and with the arrow keys; where it stands is remembered.
 */
import { keep, recall } from '../prefs';

const least = 0.2;
const most = 0.8;

export class SlipSplit extends HTMLElement {
  private share = 0.44;

  connectedCallback(): void {
    this.share = recall('split', 0.44);
    this.tabIndex = 0;
    this.setAttribute('role', 'separator');
    this.setAttribute('aria-orientation', 'vertical');
    this.setAttribute('aria-label', 'Width of the slides');
    this.title = 'Drag, or use the arrow keys; double click puts it back';
    this.addEventListener('pointerdown', e => this.drag(e));
    this.addEventListener('keydown', e => this.key(e));
    this.addEventListener('dblclick', () => this.set(0.44));
    this.set(this.share);
  }

  private set(share: number): void {
    this.share = Math.min(most, Math.max(least, share));
    this.parentElement?.style.setProperty('--split', `${(this.share * 100).toFixed(2)}%`);
    this.setAttribute('aria-valuenow', String(Math.round(this.share * 100)));
    keep('split', this.share);
  }

  private key(e: KeyboardEvent): void {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    e.stopPropagation();
    this.set(this.share + by);
  }

  private drag(down: PointerEvent): void {
    const box = this.parentElement!.getBoundingClientRect();
    this.setPointerCapture(down.pointerId);
    this.classList.add('dragged');
    const follow = (e: PointerEvent) => this.set((e.clientX - box.left) / box.width);
    const end = () => {
      this.removeEventListener('pointermove', follow);
      this.classList.remove('dragged');
    };
    this.addEventListener('pointermove', follow);
    this.addEventListener('pointerup', end, { once: true });
    this.addEventListener('pointercancel', end, { once: true });
    down.preventDefault();
  }
}
