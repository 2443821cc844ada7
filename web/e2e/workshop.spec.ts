// The main job from end to end, by typing and clicking as people do: an attendee joins, works on real nodes,
// sees exercises tick, comes back after a reload and a crash of the server; the instructor watches and
// leads; the replay has it all. The tests build on each other.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { addresses, crash, exercise, goTo, join, picture, Shell, solved, up } from './slipway';

test.describe.configure({ mode: 'serial' });

let room: BrowserContext; // the attendee's browser
let ada: Page;
let teacher: Page;
let first: Shell; // node1, terminal 1
let second: Shell; // node1, terminal 2
let secondPid = '';
// Markup in a name must stay text; the number tells this run from earlier ones of the same session.
const name = `Ada <b>${Date.now() % 100_000}`;

test.beforeAll(async ({ browser }) => {
  room = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  ada = await room.newPage();
  teacher = await (await browser.newContext()).newPage();
  first = new Shell(ada, 'node1', 1);
  second = new Shell(ada, 'node1', 2);
});

test.afterAll(async () => {
  await room.close();
  await teacher.context().close();
});

test('a wrong code and a bad name are told in the page', async () => {
  await ada.goto(`http://${addresses().listen}/j/AAAA-AAAA`);
  await ada.getByLabel('Your name').fill('Ada');
  await ada.keyboard.press('Enter');
  await expect(ada.getByRole('alert')).toContainText(/code/i);
  await ada.getByLabel('Code').fill(addresses().joinCode.toLowerCase().replace('-', ' '));
  await ada.getByLabel('Your name').fill('x'.repeat(61));
  await ada.keyboard.press('Enter');
  await expect(ada.getByRole('alert')).toContainText(/too long/);
  await picture(ada, 'join');
});

test('joining leads to slides and a prompt on the first node', async () => {
  await join(ada, name);
  await first.shows(/\[[\d.]+\] \(local\) docker@node1 ~\s+\$/, 60_000);
  await picture(ada, 'welcome');
});

test('a command in a slide is typed with a click, and copied with another', async () => {
  await goTo(ada, 'hello-node');
  const snippets = exercise(ada, 'hello-node').locator('slip-snippet');
  await snippets.nth(2).getByTestId('copy').click();
  expect((await ada.evaluate(() => navigator.clipboard.readText())).trim()).toBe('docker version');

  await snippets.nth(0).getByTestId('run').click();
  await first.shows(/docker@node2/);
  await snippets.nth(1).getByTestId('run').click();
  await first.shows(/logout[\s\S]*docker@node1 ~\s+\$/);
  await snippets.nth(2).getByTestId('run').click();
  await solved(ada, 'hello-node');
  await expect(ada.getByTestId('solved')).toContainText('1');
  await picture(ada, 'first-tick');
});

test('a check that does not hold yet says why', async () => {
  await goTo(ada, 'get-the-code');
  const box = exercise(ada, 'get-the-code');
  await first.type('git clone /srv/dockercoins.git elsewhere');
  await first.shows(/Cloning into 'elsewhere'/);
  await expect(box.locator('li[data-check="0"]')).toHaveAttribute('data-state', 'failing');
  await expect(box.locator('li[data-check="0"]')).toContainText('~/dockercoins');
  await picture(ada, 'not-yet');
  await first.type('git clone /srv/dockercoins.git && cd dockercoins');
  await solved(ada, 'get-the-code');
});

test('DockerCoins runs, and its graph is in the page', async () => {
  await goTo(ada, 'all-up');
  await exercise(ada, 'all-up').locator('slip-snippet').first().getByTestId('run').click();
  await first.shows(/units of work done/, 120_000);
  await solved(ada, 'all-up');

  const frame = ada.frameLocator('[data-testid="graph-frame"]');
  if (!(await ada.getByTestId('graph-frame').isVisible())) await ada.getByTestId('graph-toggle').click();
  await expect(frame.locator('body')).toContainText('hashes/second');
  await expect
    .poll(async () => Number.parseFloat((await frame.locator('body').innerText()).match(/([\d.]+)\s*hashes\/second/)?.[1] ?? '0'), {
      timeout: 40_000,
    })
    .toBeGreaterThan(2.9);
  await expect.poll(async () => Number.parseFloat(await ada.getByTestId('speed').innerText()), { timeout: 40_000 }).toBeCloseTo(3.3, 0);
  await goTo(ada, 'see-the-graph');
  await solved(ada, 'see-the-graph');
  await picture(ada, 'graph');
});

test('a published port opens on an address of its own', async () => {
  const link = ada.getByTestId('ports').getByRole('link', { name: /8001/ });
  const [page] = await Promise.all([room.waitForEvent('page'), link.click()]);
  await expect(page.locator('body')).toContainText('rng');
  expect(new URL(page.url()).host).not.toBe(addresses().listen);
  await page.close();
});

test('a reload brings back the same shells with the same screen', async () => {
  await ada.getByTestId('tab-node1').click();
  await ada.getByTestId('add-terminal').click();
  await second.shows(/\$ ?$/m);
  secondPid = await second.pid('before');
  const screen = (await second.text()).trimEnd();
  await ada.reload();
  await second.shows(`before=${secondPid}`);
  expect((await second.text()).trimEnd()).toBe(screen);
  expect(await second.pid('reloaded')).toBe(secondPid);
  await first.shows(/units of work done/);
});

test('a killed server costs nobody a shell', async () => {
  crash();
  await expect(ada.getByTestId('link-state')).not.toContainText('connected', { timeout: 5_000 });
  await second.element.locator('.screen').click();
  await ada.keyboard.type('echo typed-in-the-$((1+1))nd-life'); // waits in the page, in order
  up();
  await expect(ada.getByTestId('link-state')).toContainText('connected', { timeout: 30_000 });
  await ada.keyboard.press('Enter');
  await second.shows(/^typed-in-the-2nd-life/m);
  expect((await second.text()).match(/^typed-in-the-2nd-life/gm)).toHaveLength(1);
  expect(await second.pid('killed')).toBe(secondPid);
});

test('the board shows the room, and the presenter moves it', async () => {
  await teacher.goto(addresses().instructor);
  await teacher.waitForURL(/\/board/);
  const row = teacher.getByRole('row', { name });
  await expect(row).toBeVisible();
  await expect(row.locator('[data-exercise="all-up"]')).toHaveAttribute('data-state', 'solved');
  await picture(teacher, 'board');

  await teacher.goto(`http://${addresses().listen}/present`);
  await expect(teacher.getByTestId('notes')).toBeVisible();
  await teacher.keyboard.press('Home');
  const slide = ada.locator('article.slide:visible').first();
  await ada.getByTestId('back-to-live').click(); // she went ahead by herself; now she follows
  await expect(slide).toHaveAttribute('data-name', 'welcome');
  await teacher.keyboard.press('ArrowRight');
  await expect(slide).not.toHaveAttribute('data-name', 'welcome');
  await teacher.keyboard.press('End');
  const deck = (await (await teacher.request.get(`http://${addresses().listen}/api/deck`)).json()) as { slides: { name: string }[] };
  await expect(slide).toHaveAttribute('data-name', deck.slides.at(-1)!.name);
  await picture(teacher, 'presenter');
});

test('a broken state is seen on the board within seconds', async () => {
  await teacher.goto(`http://${addresses().listen}/board`);
  const cell = teacher.getByRole('row', { name }).locator('[data-exercise="all-up"]');
  await expect(cell).toHaveAttribute('data-state', 'solved');
  await second.type('docker stop --time 1 $(docker ps -q --filter name=rng)');
  await expect(cell).toHaveAttribute('data-state', 'regressed', { timeout: 15_000 });
});

test('the replay has slides, terminals and the solved moments on one axis', async () => {
  const replay = await room.newPage();
  await replay.goto(`http://${addresses().listen}/replay`);
  await expect(replay.getByTestId('mark-hello-node')).toBeVisible();
  await replay.getByTestId('mark-all-up').click();
  await expect.poll(() => replay.getByTestId('replay-terminal').first().evaluate(e => (e as HTMLElement & { text(): string }).text())).toContain('docker compose up');
  await expect(replay.locator('article.slide:visible').first()).toHaveAttribute('data-name', 'all-up');
  const clock = replay.getByTestId('clock');
  const paused = await clock.innerText();
  await replay.keyboard.press('Space');
  await expect(clock).not.toHaveText(paused);
  await picture(replay, 'replay');
  await replay.close();
});

test('slides read on a phone and without JavaScript', async ({ browser }) => {
  const cookies = await room.cookies();
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  await plain.addCookies(cookies);
  const page = await plain.newPage();
  await page.goto(`http://${addresses().listen}/w/orchestration/all-up`);
  await expect(page.locator('article.slide[data-name="all-up"]').getByRole('heading').first()).toBeVisible();
  await page.getByRole('link', { name: /next/i }).first().click();
  await expect(page).toHaveURL(/the-graph/);
  await plain.close();

  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.addCookies(cookies);
  const small = await phone.newPage();
  await small.goto(`http://${addresses().listen}/w/orchestration/ten-workers`);
  await expect(small.getByRole('heading').first()).toBeVisible();
  expect(await small.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await picture(small, 'phone');
  await phone.close();
});

test('nothing of a page comes from another host', async ({ browser }) => {
  const context = await browser.newContext();
  await context.addCookies(await room.cookies());
  const page = await context.newPage();
  const foreign: string[] = [];
  page.on('request', r => {
    const host = new URL(r.url()).hostname;
    if (!['127.0.0.1', 'localhost'].includes(host) && !host.endsWith('.localhost') && !r.url().startsWith('data:')) foreign.push(r.url());
  });
  await page.goto(`http://${addresses().listen}/w/orchestration/all-up`);
  await expect(page.getByTestId('link-state')).toContainText('connected');
  expect(foreign).toEqual([]);
  await context.close();
});

test('an ended session says so at the door, and replays stay open', async ({ browser }) => {
  await teacher.goto(`http://${addresses().listen}/board`);
  teacher.on('dialog', d => void d.accept());
  const code = addresses().join;
  await teacher.getByTestId('end-session').click();
  const sure = teacher.getByTestId('end-session-sure');
  if (await sure.isVisible()) await sure.click();
  const late = await (await browser.newContext()).newPage();
  await late.goto(code);
  await late.getByLabel('Your name').fill('Late');
  await late.keyboard.press('Enter');
  await expect(late.getByRole('alert')).toContainText(/ended|over/i);
  await late.context().close();
  await ada.goto(`http://${addresses().listen}/replay`);
  await expect(ada.getByTestId('mark-all-up')).toBeVisible();
});

test('self-paced: one command leads straight into a workshop of one’s own', async ({ browser }) => {
  up('--self-paced');
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(addresses().self);
  await page.waitForURL(/\/w\/orchestration\//);
  const shell = new Shell(page, 'node1', 1);
  await shell.shows(/docker@node1/, 60_000);
  await picture(page, 'self-paced');
  await context.close();
});
