/** What the server put into the page to begin with. */
import type { Boot } from './protocol';

export function readBoot(): Boot {
  try {
    return JSON.parse(document.getElementById('slipway-boot')?.textContent ?? '') as Boot;
  } catch {
    return { page: document.body.dataset.page ?? 'message' };
  }
}

/** The page's main element, which the server fills for people without scripts. */
export function root(): HTMLElement {
  let main = document.getElementById('app');
  if (!main) {
    main = document.createElement('main');
    main.id = 'app';
    document.body.append(main);
  }
  return main;
}
