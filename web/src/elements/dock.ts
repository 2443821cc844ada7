/**
 * <slip-dock>: the terminals of a lab. One tab for each node; a node's shells
 * stand one above the other. A node's first shell opens when its tab is first
 * shown, and lives on in the node whatever the page does.
 */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { get, remove } from '../api';
import { page, type Run } from '../page';
import { keep, recall } from '../prefs';
import type { TerminalInfo } from '../protocol';
import { icon } from '../words';
import { define, Light } from './light';
import { SlipTerminal } from './terminal';
import './dock.css';

/** Shells of one node that the page shows at once. */
const mostShells = 4;

interface Open {
  node: string;
  id: string;
  /** Grows when a shell is opened anew under its old name. */
  life: number;
}

export class SlipDock extends Light {
  static override properties = { current: { state: true } };
  declare current: string;
  /** This tab's name towards shells. */
  client = '';
  private open: Open[] = [];
  private last = new Map<string, string>();
  private asked = new Set<string>();
  private side = recall<boolean>('side-by-side', false);

  constructor() {
    super();
    this.current = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(page().room.listen(what => this.roomChanged(what)));
    this.addEventListener('slip-focus', e => this.focused(e.target as SlipTerminal));
    this.addEventListener('slip-link', () => this.requestUpdate());
    this.addEventListener('slip-close', e => void this.shut(e.target as SlipTerminal));
    this.addEventListener('slip-again', e => void this.anew(e.target as SlipTerminal));
    const kept = recall('node', '', () => sessionStorage);
    this.show(page().nodes.includes(kept) ? kept : (page().nodes[0] ?? ''));
  }

  private roomChanged(what: string): void {
    if (what === 'nodes') {
      for (const t of this.shells()) if (this.ready(t.node)) t.link?.hurry();
    }
    if (what === 'nodes' || what === 'snapshot') this.requestUpdate();
    const doing = page().room.doing;
    if (what === 'doing' && doing?.node && doing.terminal) this.reveal(doing.node, doing.terminal);
  }

  private ready(node: string): boolean {
    return page().room.nodes[node]?.state === 'ready';
  }

  private shells(): SlipTerminal[] {
    return [...this.querySelectorAll<SlipTerminal>('slip-terminal')];
  }

  /** The shell used last on the node in front, for status and keys. */
  get active(): SlipTerminal | undefined {
    const here = this.shells().filter(t => t.node === this.current);
    return here.find(t => t.shell === this.last.get(this.current)) ?? here[0];
  }

  /** Brings a node to the front and opens its first shell. */
  show(node: string): void {
    if (!node) return;
    this.current = node;
    keep('node', node, () => sessionStorage);
    this.ensure(node, 't1');
    if (!this.asked.has(node)) {
      this.asked.add(node);
      void this.adopt(node);
    }
    this.requestUpdate();
  }

  /** Shows a shell in which something is done for the person; the keyboard stays where it is. */
  private reveal(node: string, id: string): void {
    if (!page().nodes.includes(node)) return;
    this.show(node);
    if (this.ensure(node, id)) this.last.set(node, id);
    this.requestUpdate();
  }

  /** Finds shells that were opened before a reload, or from another window. */
  private async adopt(node: string): Promise<void> {
    try {
      await page().room.until(r => r.person?.lab.state === 'ready');
      const known = await get<TerminalInfo[] | null>(`/api/nodes/${node}/terminals`);
      for (const t of known ?? []) if (!t.exited && /^t\d+$/.test(t.id)) this.ensure(node, t.id);
      this.requestUpdate();
    } catch {
      this.asked.delete(node); // the node may not be there yet; its first shell says so
    }
  }

  private ensure(node: string, id: string): boolean {
    if (this.open.some(o => o.node === node && o.id === id)) return true;
    if (this.open.filter(o => o.node === node).length >= mostShells) return false;
    this.open = [...this.open, { node, id, life: 0 }].sort(
      (a, b) => a.node.localeCompare(b.node) || Number(a.id.slice(1)) - Number(b.id.slice(1)),
    );
    return true;
  }

  private focused(t: SlipTerminal): void {
    if (this.last.get(t.node) === t.shell) return;
    this.last.set(t.node, t.shell);
    this.requestUpdate();
  }

  private async shut(t: SlipTerminal): Promise<void> {
    this.open = this.open.filter(o => o.node !== t.node || o.id !== t.shell);
    this.last.delete(t.node);
    this.requestUpdate();
    await remove(`/api/nodes/${t.node}/terminals/${t.shell}`).catch(() => {});
    await this.updateComplete;
    this.active?.focusShell();
  }

  private async anew(t: SlipTerminal): Promise<void> {
    await remove(`/api/nodes/${t.node}/terminals/${t.shell}`).catch(() => {});
    this.open = this.open.map(o => (o.node === t.node && o.id === t.shell ? { ...o, life: o.life + 1 } : o));
    this.requestUpdate();
    await this.updateComplete;
    this.focusShell();
  }

  /** Opens one more shell on the node in front. */
  async add(): Promise<void> {
    const used = new Set(this.open.filter(o => o.node === this.current).map(o => o.id));
    let n = 1;
    while (used.has(`t${n}`)) n++;
    if (!this.ensure(this.current, `t${n}`)) {
      page().say(`A node shows at most ${mostShells} terminals. Close one first.`, true);
      return;
    }
    this.last.set(this.current, `t${n}`);
    this.requestUpdate();
    await this.updateComplete;
    this.active?.focusShell();
  }

  focusShell(): void {
    this.active?.focusShell();
  }

  /** Types a command from a slide. */
  async run(command: Run): Promise<string> {
    const node = page().nodes.includes(command.node) ? command.node : (page().nodes[0] ?? '');
    this.show(node);
    if (command.terminal > 0) {
      const id = `t${command.terminal}`;
      if (!this.ensure(node, id))
        return `Close a terminal of ${node} first: the command belongs into one more.`;
      this.last.set(node, id);
    }
    this.requestUpdate();
    await this.updateComplete;
    const shell = this.active;
    if (!shell) return `There is no terminal on ${node} yet.`;
    await shell.updateComplete;
    await settled(shell);
    shell.run(command.text, command.enter);
    shell.focusShell();
    const where = `${node}, terminal ${shell.number}`;
    return command.enter ? `Typed on ${where}.` : `Typed on ${where}: read it, then press Enter yourself.`;
  }

  private tab(node: string): TemplateResult {
    const state = page().room.nodes[node];
    const here = this.current === node;
    const count = this.open.filter(o => o.node === node).length;
    const bad = state !== undefined && state.state !== 'ready';
    const title = state?.message || (state ? `${node}: ${nodeWord(state.state, state.engine)}` : node);
    return html`<button role="tab" id=${`tab-${node}`} data-testid=${`tab-${node}`} class="tab" title=${title}
      aria-selected=${here} aria-controls=${`panel-${node}`} tabindex=${here ? 0 : -1}
      @click=${() => this.pick(node)}>
      ${node}${count > 1 ? html`<small>${count}</small>` : nothing}
      ${bad ? html`<small class="node-state">${nodeWord(state.state)}</small>` : nothing}
    </button>`;
  }

  private chosen(node: string): string {
    return this.last.get(node) ?? this.open.find(o => o.node === node)?.id ?? '';
  }

  /** A click on a tab shows the node; one more, where only one shell fits, the node's next shell. */
  private pick(node: string): void {
    const ids = this.open.filter(o => o.node === node).map(o => o.id);
    if (node === this.current && ids.length > 1 && matchMedia('(max-width: 720px)').matches) {
      this.last.set(node, ids[(ids.indexOf(this.chosen(node)) + 1) % ids.length]!);
    }
    this.show(node);
    void this.updateComplete.then(() => this.focusShell());
  }

  private tabKeys(e: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const { nodes } = page();
    const next = nodes[(nodes.indexOf(this.current) + step + nodes.length) % nodes.length];
    if (next) this.show(next);
    e.preventDefault();
    e.stopPropagation();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
  }

  private turn(): void {
    this.side = !this.side;
    keep('side-by-side', this.side);
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const { nodes } = page();
    const many = this.open.filter(o => o.node === this.current).length > 1;
    return html`
      <div class="tabs">
        <div role="tablist" aria-label="Nodes" @keydown=${this.tabKeys}>${nodes.map(n => this.tab(n))}</div>
        <button class="icon-button" data-testid="add-terminal" title="One more terminal on this node" @click=${this.add}>
          ${icon('plus')}<span class="vh">One more terminal on ${this.current}</span></button>
        ${
          many
            ? html`<button class="icon-button" title="Beside or above each other" @click=${this.turn}>
                ${icon('grid')}<span class="vh">Terminals ${this.side ? 'above' : 'beside'} each other</span></button>`
            : nothing
        }
      </div>
      ${nodes.map(
        node => html`<div role="tabpanel" id=${`panel-${node}`} aria-labelledby=${`tab-${node}`}
          class="shells ${this.side ? 'beside' : ''}" ?hidden=${node !== this.current}>
          ${repeat(
            this.open.filter(o => o.node === node),
            o => `${o.node} ${o.id} ${o.life}`,
            o => html`<slip-terminal .client=${this.client} .node=${o.node} .shell=${o.id}
              .shown=${node === this.current} .alone=${o.id === 't1' && !many}
              class=${many && o.id === this.chosen(node) ? 'chosen' : ''}></slip-terminal>`,
          )}
        </div>`,
      )}
    `;
  }
}

/** Waits until a shell is there or says why not, at most 20 s. */
function settled(shell: SlipTerminal): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (shell.state === 'starting') return;
      shell.removeEventListener('slip-link', look);
      clearTimeout(limit);
      // The prompt comes right after the shell: give it a moment, so that what is typed stands behind it.
      setTimeout(resolve, shell.link?.hello?.offset ? 0 : 250);
    };
    const limit = setTimeout(resolve, 20_000);
    shell.addEventListener('slip-link', look);
    look();
  });
}

function nodeWord(state: string, engine?: string): string {
  const words: Record<string, string> = {
    preparing: 'starting',
    failed: 'failed',
    gone: 'away',
    ready: 'ready',
  };
  const word = words[state] ?? state;
  return engine ? `${word}, Docker ${engine === 'running' ? 'runs' : engine}` : word;
}

define('slip-terminal', SlipTerminal);
define('slip-dock', SlipDock);
