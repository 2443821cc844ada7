/**
 * <slip-graph>: how fast the person's DockerCoins is, as a line, and the web
 * page of their own node, small or over the whole window.
 */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { page } from '../page';
import { keep, recall } from '../prefs';
import type { Port } from '../protocol';
import { graphPort, type Speed } from '../room';
import { icon } from '../words';
import { define, Light } from './light';

/** A phone has no room for a graph that nobody asked for. */
const narrow = () => matchMedia('(max-width: 720px)').matches;

type Size = 'line' | 'panel' | 'full';

export class SlipGraph extends Light {
  private size: Size = 'line';
  private seen = '';

  override connectedCallback(): void {
    super.connectedCallback();
    this.dataset.testid = 'graph';
    this.until(page().room.listen(what => this.changed(what)));
  }

  private changed(what: string): void {
    if (what !== 'speed' && what !== 'ports' && what !== 'snapshot') return;
    const address = this.address;
    if (address && address !== this.seen) {
      this.seen = address;
      // The first time one's graph is there it shows itself; after that the person's choice counts.
      if (recall<Size>('graph', narrow() ? 'line' : 'panel') !== 'line') this.size = 'panel';
    }
    if (!address && this.size === 'full') this.size = 'panel';
    this.requestUpdate();
  }

  private get place(): { node: string; port: Port } | undefined {
    for (const node of page().nodes) {
      const port = page().room.ports[node]?.find(p => p.port === graphPort);
      if (port) return { node, port };
    }
    return undefined;
  }

  private get address(): string {
    const port = this.place?.port;
    return port ? (port.frame ?? port.url) : '';
  }

  private resize(size: Size): void {
    this.size = size;
    if (size !== 'full') keep('graph', size);
    this.classList.toggle('full', size === 'full');
    this.requestUpdate();
  }

  get isFull(): boolean {
    return this.size === 'full';
  }

  /** Fills the page with the graph, or makes it small again. */
  toggleFull(): void {
    if (this.address) this.resize(this.size === 'full' ? 'panel' : 'full');
  }

  protected override render(): TemplateResult | typeof nothing {
    const { room } = page();
    const { address } = this;
    const last = room.speed.at(-1);
    if (!address && !last) return nothing;
    const open = this.size !== 'line' && address !== '';
    return html`
      ${
        open
          ? html`<iframe title="The web page of DockerCoins on ${this.place?.node}" src=${address}
              sandbox="allow-scripts" referrerpolicy="no-referrer" data-testid="graph-frame"></iframe>`
          : nothing
      }
      <div class="graph-line">
        <span class="soft">hashes/s</span>
        ${sparkline(room.speed, 120, 20)}
        <b class="number" data-testid="speed">${last ? last.value.toFixed(1) : '–'}</b>
        ${room.theory ? html`<span class="soft">theory ${round(room.theory)}${room.why ? ` (${room.why})` : ''}</span>` : nothing}
        <span class="grow"></span>
        ${
          address
            ? html`
              <button class="icon-button" data-testid="graph-toggle" title=${open ? 'Hide the graph' : 'Show the graph'}
                @click=${() => this.resize(open ? 'line' : 'panel')}>
                ${icon(open ? 'minus' : 'plus')}<span class="vh">${open ? 'Hide' : 'Show'} the graph</span></button>
              <button class="icon-button" data-testid="graph-full" title=${this.size === 'full' ? 'Small again (Esc)' : 'Fill the page'}
                @click=${() => this.toggleFull()}>
                ${icon(this.size === 'full' ? 'shrink' : 'grow')}<span class="vh">${this.size === 'full' ? 'Small again' : 'Fill the page'}</span></button>`
            : nothing
        }
      </div>`;
  }
}

const round = (n: number) => (Number.isInteger(n) ? String(n) : n.toFixed(1));

/** A line of the last samples; the newest is at the right edge. */
export function sparkline(samples: readonly Speed[], width: number, height: number): TemplateResult {
  const shown = samples.slice(-90);
  const top = Math.max(1, ...shown.map(s => s.value)) * 1.1;
  const x = (i: number) => width - 2 - ((shown.length - 1 - i) * (width - 4)) / 89;
  const y = (v: number) => height - 1.5 - (v / top) * (height - 3);
  const points = shown.map((s, i) => `${x(i).toFixed(1)},${y(s.value).toFixed(1)}`).join(' ');
  const end = shown.at(-1);
  return html`<svg class="spark" width=${width} height=${height} viewBox="0 0 ${width} ${height}" aria-hidden="true">
    ${svg`<path class="base" d="M0 ${height - 1}H${width}"></path><polyline points=${points}></polyline>`}
    ${end ? svg`<circle cx=${x(shown.length - 1)} cy=${y(end.value)} r="2"></circle>` : nothing}
  </svg>`;
}

define('slip-graph', SlipGraph);
