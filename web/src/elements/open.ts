/** <slip-open>: a published port of a node, as a link on a slide. It opens in a tab of its own. */
import { html, render } from 'lit';
import { page } from '../page';

/** Opens a published port; the answer is what became of it, in words. */
export function openPort(node: string, port: number): string {
  const known = page().room.ports[node]?.find(p => p.port === port);
  if (!known) return `Nothing is published on port ${port} of ${node} yet.`;
  open(known.url, '_blank', 'noopener');
  return `Port ${port} of ${node} is open in a tab of its own.`;
}

export class SlipOpen extends HTMLElement {
  private undo: (() => void) | undefined;

  connectedCallback(): void {
    this.undo = page().room.listen(what => {
      if (what === 'ports') this.draw();
    });
    if (this.querySelector('a, button') === null) this.replaceChildren();
    this.draw();
  }

  disconnectedCallback(): void {
    this.undo?.();
  }

  private draw(): void {
    const node = this.dataset.node ?? 'node1';
    const port = Number(this.dataset.port);
    const known = page().room.ports[node]?.find(p => p.port === port);
    const words = `Open port ${port} of ${node}`;
    render(
      known
        ? html`<a href=${known.url} target="_blank" rel="noopener noreferrer">${words}</a>`
        : html`<span class="soft" title="It becomes a link as soon as something is published there.">${words}</span>`,
      this,
    );
  }
}
