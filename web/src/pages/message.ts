/** One sentence that says what is wrong and what to do. */
import '../tokens.css';
import '../door.css';
import { html, nothing, render } from 'lit';
import { readBoot, root } from '../boot';
import { startTheme } from '../prefs';

startTheme();
const boot = readBoot();
const main = root();
const sentence = boot.message ?? main.querySelector('[role=alert], p')?.textContent ?? '';
const heading = boot.heading ?? main.querySelector('h1')?.textContent ?? '';
const link = main.querySelector<HTMLAnchorElement>('p a[href]');
const action =
  boot.action ??
  (link ? { text: link.textContent ?? 'Go on', href: link.getAttribute('href') ?? '/' } : undefined);

if (sentence) {
  main.replaceChildren();
  render(
    html`<div class="door"><span class="brand">Slipway</span>
      ${heading ? html`<h1>${heading}</h1>` : nothing}
      <p role="alert">${sentence}</p>
      ${action ? html`<p><a class="pill" href=${action.href}>${action.text}</a></p>` : nothing}</div>`,
    main,
  );
}
