/** Sign in with a key that stands behind the # of the address, where no server and no log ever sees it. */
import './tokens.css';
import './door.css';
import { html, nothing, render } from 'lit';
import { post, sentence } from './api';
import { root } from './boot';
import { startTheme } from './prefs';

/** The key in an address's fragment, '' when there is none. Pure. */
export function keyIn(fragment: string): string {
  return new URLSearchParams(fragment.replace(/^#/, '')).get('key') ?? '';
}

export function keyPage(path: string, title: string): void {
  startTheme();
  const main = root();
  main.replaceChildren();
  let error = '';
  let busy = false;

  const enter = async (key: string) => {
    busy = true;
    error = '';
    draw();
    try {
      const { go } = await post<{ go: string }>(path, { key });
      location.replace(go);
    } catch (err) {
      busy = false;
      error = sentence(err);
      draw();
    }
  };

  const submit = (e: SubmitEvent) => {
    e.preventDefault();
    const key = String(new FormData(e.target as HTMLFormElement).get('key') ?? '').trim();
    if (key) void enter(key);
  };

  const draw = () =>
    render(
      html`<div class="door"><span class="brand">Slipway</span><h1>${title}</h1>
        ${error ? html`<p class="line bad" role="alert">${error}</p>` : nothing}
        ${
          busy
            ? html`<p role="status">One moment …</p>`
            : html`<form @submit=${submit}><label>Key <small>from the address that <code>slipway up</code> printed</small>
                <input name="key" type="password" maxlength="128" autocomplete="off" /></label>
                <button class="primary">Go on</button></form>`
        }</div>`,
      main,
    );

  const key = keyIn(location.hash);
  // The key leaves the address bar and the history before anything else happens.
  if (key) history.replaceState(null, '', location.pathname);
  if (key) void enter(key);
  else draw();
}
