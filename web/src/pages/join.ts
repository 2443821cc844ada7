/** The join page: a code, a name, what is recorded, go. */
import '../tokens.css';
import '../door.css';
import { html, nothing, render } from 'lit';
import { ApiError, post, sentence } from '../api';
import { readBoot, root } from '../boot';
import { keep, recall, startTheme } from '../prefs';

startTheme();
const boot = readBoot();
const main = root();
const existing = main.querySelector<HTMLAnchorElement>('p a[href]')?.getAttribute('href');
let error = '';
let busy = false;

async function join(e: SubmitEvent): Promise<void> {
  e.preventDefault();
  const data = new FormData(e.target as HTMLFormElement);
  const name = String(data.get('name') ?? '').trim();
  const code = String(data.get('code') ?? '').trim();
  if (code === '' || name === '') {
    fail(
      code === ''
        ? 'Please type the code that the instructor shows.'
        : 'Please give a name, so that the instructor knows whom to help.',
    );
    return;
  }
  busy = true;
  error = '';
  draw();
  try {
    const answer = await post<{ go: string }>('/api/join', { code, name });
    keep('name', name.slice(0, 60));
    location.assign(answer.go);
  } catch (err) {
    busy = false;
    fail(err instanceof ApiError ? err.message : sentence(err));
  }
}

function fail(message: string): void {
  error = message;
  draw();
}

function draw(): void {
  render(
    html`<div class="door">
      <span class="brand">Slipway</span>
      <h1>${boot.session?.title ?? boot.title ?? 'Join the workshop'}</h1>
      ${existing && boot.me ? html`<p class="line">You are in already, as ${boot.me.name}. <a href=${existing}>Go on</a></p>` : nothing}
      <form @submit=${join} novalidate>
        <label>Code <small>as the instructor shows it</small>
          <input class="code" name="code" maxlength="32" autocomplete="off" autocapitalize="characters" spellcheck="false"
            .value=${boot.code ?? ''} placeholder="ABCD-2345" /></label>
        <label>Your name <small>as the instructor will see it</small>
          <input name="name" maxlength="200" autocomplete="name" .value=${recall('name', '')} /></label>
        ${error ? html`<p class="line bad" role="alert">${error}</p>` : nothing}
        <button class="primary" ?disabled=${busy}>${busy ? 'One moment …' : 'Join'}</button>
      </form>
      <p class="recorded">${
        boot.recorded ??
        'What your terminals show and which exercises you solve is kept with this session, for your own replay. The instructor sees your name and your progress. Keys you press are not kept.'
      }</p>
    </div>`,
    main,
  );
}

main.replaceChildren();
draw();
const empty = main.querySelector<HTMLInputElement>(boot.code ? 'input[name=name]' : 'input[name=code]');
empty?.focus();
