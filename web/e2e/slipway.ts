// What the browser tests know of the installation they run against: where it
// leaves its addresses, and how an operator starts it again.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, type Locator, type Page } from '@playwright/test';

interface Addresses {
  pid: number;
  listen: string;
  instructor: string;
  join: string;
  joinCode: string;
  self: string;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/browser-test, not Playwright alone`);
  return value;
}

const place = required('SLIPWAY_TEST_PLACE').split(' ');
const stateFile = required('SLIPWAY_TEST_STATE');

export const addresses = (): Addresses => JSON.parse(readFileSync(stateFile, 'utf8')) as Addresses;

/** Starts the server again as the operator would, on the port it had. */
export function up(...more: string[]): void {
  execFileSync('../bin/slipway', ['up', `--listen=${addresses().listen}`, ...place, ...more], {
    stdio: 'pipe',
    timeout: 60_000,
  });
}

/** Kills the server as a crash would. */
export function crash(): void {
  process.kill(addresses().pid, 'SIGKILL');
}

/** Joins as a person does: address, name, Enter. */
export async function join(page: Page, name: string): Promise<void> {
  await page.goto(addresses().join);
  await page.getByLabel('Your name').fill(name);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/w\//);
}

/** One terminal of the page. */
export class Shell {
  readonly element: Locator;
  constructor(
    readonly page: Page,
    readonly node: string,
    readonly number = 1,
  ) {
    this.element = page.getByTestId(`terminal-${node}-t${number}`);
  }

  /** All that it shows, with what scrolled away. */
  text(): Promise<string> {
    return this.element.evaluate(e => (e as HTMLElement & { text(): string }).text());
  }

  async shows(what: RegExp | string, timeout = 20_000): Promise<void> {
    const pattern = typeof what === 'string' ? new RegExp(what.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : what;
    await expect.poll(() => this.text(), { timeout }).toMatch(pattern);
  }

  /** Types as a person does: a click into the terminal, then keys. */
  async type(line: string): Promise<void> {
    await this.element.locator('.screen').click();
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }

  /** The process id of the shell behind it. */
  async pid(mark: string): Promise<string> {
    await this.type(`echo ${mark}=$$`);
    await this.shows(new RegExp(`^${mark}=\\d+`, 'm'));
    return new RegExp(`^${mark}=(\\d+)`, 'm').exec(await this.text())![1]!;
  }
}

/** Goes to a slide through the page's own "go to" box. */
export async function goTo(page: Page, slide: string): Promise<void> {
  await page.getByTestId('where').click();
  await page.keyboard.type(slide);
  await page.keyboard.press('Enter');
  await expect(page.locator('article.slide:visible').first()).toHaveAttribute('data-name', slide);
}

export const exercise = (page: Page, id: string) => page.getByTestId(`exercise-${id}`);

export async function solved(page: Page, id: string, timeout = 60_000): Promise<void> {
  await expect(exercise(page, id)).toHaveAttribute('data-state', 'solved', { timeout });
}

/** Keeps a picture for a person to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pictures/${name}.png` });
}
