/** <slip-replay-terminal>: one recording, drawn as it was at any moment. */
import { html, nothing, type TemplateResult } from 'lit';
import { type Cast, CastPlayer, parseCast } from '../terminal/cast';
import { XtermScreen } from '../terminal/screen';
import { define, Light } from './light';

const encoder = new TextEncoder();

export class SlipReplayTerminal extends Light {
  static override properties = { address: {}, name: {} };
  declare address: string;
  declare name: string;
  cast: Cast | undefined;
  private player: CastPlayer | undefined;
  private screen: XtermScreen | undefined;
  private wanted = 0;
  private error = '';

  protected override firstUpdated(): void {
    this.dataset.testid = 'replay-terminal';
    const host = this.querySelector<HTMLElement>('.screen')!;
    const screen = new XtermScreen(
      host,
      { typed: () => {}, key: e => !(e.ctrlKey && e.shiftKey && e.code === 'KeyC') },
      true,
    );
    this.screen = screen;
    const resized = new ResizeObserver(() => screen.letterbox());
    resized.observe(host);
    this.until(() => {
      resized.disconnect();
      screen.dispose();
    });
    void this.load();
  }

  private async load(): Promise<void> {
    try {
      const answer = await fetch(this.address);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.cast = parseCast(await answer.text());
    } catch {
      this.error = 'This recording could not be read.';
      this.requestUpdate();
      return;
    }
    const screen = this.screen!;
    this.player = new CastPlayer(this.cast, {
      reset: (cols, rows) => {
        screen.reset();
        screen.resize(cols, rows);
      },
      write: data => screen.draw(encoder.encode(data), true, () => {}),
      resize: (cols, rows) => screen.resize(cols, rows),
    });
    this.player.seek(this.wanted);
    this.dispatchEvent(new CustomEvent('slip-cast', { bubbles: true }));
  }

  /** Draws the moment `at`, in seconds since this recording began. */
  seek(at: number): void {
    this.wanted = at;
    this.player?.seek(at);
  }

  /** What it shows, as text. */
  text(): string {
    return this.screen?.text() ?? '';
  }

  protected override render(): TemplateResult {
    return html`<div class="term-head"><span class="term-name">${this.name}</span></div><div class="screen"></div>
      ${this.error ? html`<p class="line bad" role="alert">${this.error}</p>` : nothing}`;
  }
}

define('slip-replay-terminal', SlipReplayTerminal);
