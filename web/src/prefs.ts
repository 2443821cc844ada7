/** Small choices a person made, kept by the browser where it allows that. */

export function recall<T>(name: string, otherwise: T, store: () => Storage = () => localStorage): T {
  try {
    const kept = store().getItem('slipway.' + name);
    return kept === null ? otherwise : (JSON.parse(kept) as T);
  } catch {
    return otherwise;
  }
}

export function keep(name: string, value: unknown, store: () => Storage = () => localStorage): void {
  try {
    if (value === undefined) store().removeItem('slipway.' + name);
    else store().setItem('slipway.' + name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing still works; the choice lasts as long as the page.
  }
}

export const tab = () => sessionStorage;

/**
 * This tab's name towards terminals, which number what it types. It is taken
 * out of the tab's storage while the page lives and put back when the page
 * goes, so that a duplicated tab, whose storage is a copy, gets another name.
 */
export function clientName(): string {
  let name = recall<string>('client', '', tab);
  keep('client', undefined, tab);
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    name = Array.from(crypto.getRandomValues(new Uint8Array(12)), b => (b % 36).toString(36)).join('');
  }
  addEventListener('pagehide', () => keep('client', name, tab));
  addEventListener('pageshow', () => keep('client', undefined, tab));
  return name;
}

/** Size of terminals' letters in pixels: eighty columns fit beside the slides of a small screen. */
export const terminalSize = () => recall('terminal-size', innerWidth >= 1600 ? 15 : 13);

export type Theme = 'auto' | 'light' | 'dark';

const systemDark = () => matchMedia('(prefers-color-scheme: dark)');

/** Puts the theme on the page, always by name: the colours of code know it by name only. */
export function applyTheme(theme: Theme = recall<Theme>('theme', 'auto')): void {
  const dark = theme === 'auto' ? systemDark().matches : theme === 'dark';
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

/** Once per page: the theme that was chosen, or the system's as it changes. */
export function startTheme(): void {
  applyTheme();
  systemDark().addEventListener('change', () => {
    applyTheme();
    dispatchEvent(new Event('slip-theme'));
  });
}

export const isDark = () => document.documentElement.dataset.theme === 'dark';

/** Turns dark to light and back; the choice is kept. Listeners of 'slip-theme' on window hear of it. */
export function toggleTheme(): void {
  const next: Theme = isDark() ? 'light' : 'dark';
  keep('theme', next);
  applyTheme(next);
  dispatchEvent(new Event('slip-theme'));
}
