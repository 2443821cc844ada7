/** A Lit element that lives in the page itself: one stylesheet, one focus order, no shadow. */
import { LitElement } from 'lit';

export class Light extends LitElement {
  private undo: (() => void)[] = [];

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Registers what must end when the element leaves the page. */
  protected until(undo: () => void): void {
    this.undo.push(undo);
  }

  /** Listens on window or document for as long as the element is in the page. */
  protected on(
    target: EventTarget,
    type: string,
    fn: (e: Event) => void,
    options?: AddEventListenerOptions,
  ): void {
    target.addEventListener(type, fn, options);
    this.until(() => target.removeEventListener(type, fn, options));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const fn of this.undo.splice(0)) fn();
  }
}

/** Registers an element once, also when a page is built again under a dev server. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
