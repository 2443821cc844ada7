// Exercises beyond ticking by themselves: done for people in their own terminals, stopped by a key, decided by an
// instructor, and tried by an author.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { addresses, exercise, goTo, join, picture, Shell, solved } from './slipway';

test.describe.configure({ mode: 'serial' });

let room: BrowserContext;
let eve: Page;
let teacher: Page;
let shell: Shell;
const name = `Eve ${Date.now() % 100_000}`;

test.beforeAll(async ({ browser }) => {
  room = await browser.newContext();
  eve = await room.newPage();
  teacher = await (await browser.newContext()).newPage();
  shell = new Shell(eve, 'node1', 1);
});

test.afterAll(async () => {
  await room.close();
  await teacher.context().close();
});

test('“Do it for me” types the solution where one can watch', async () => {
  await join(eve, name);
  await shell.shows(/docker@node1 ~\s+\$/, 90_000);
  await shell.element.locator('.screen').click();
  await eve.keyboard.type('half a line'); // is wiped, not run
  await goTo(eve, 'get-the-code');
  const box = exercise(eve, 'get-the-code');
  await box.getByTestId('do-it').click();
  await expect(box.getByTestId('doing')).toContainText('Typing for you');
  await picture(eve, 'doing');
  await shell.shows(/git clone [\s\S]*dockercoins/);
  await solved(eve, 'get-the-code');
  await expect(box.getByTestId('doing')).toBeHidden();
  expect(await shell.text()).not.toContain('half: command not found');
});

test('“Bring me here” does what comes before, and a key stops it', async () => {
  await goTo(eve, 'all-up');
  const box = exercise(eve, 'all-up');
  await box.getByTestId('bring-me').click();
  await expect(box.getByTestId('doing')).toBeVisible();
  await shell.shows(/docker compose up rng/, 60_000);
  await shell.element.locator('.screen').click();
  await eve.keyboard.press('Space');
  await expect(box.getByTestId('doing-ended')).toContainText('because you typed');
  await picture(eve, 'stopped');
  await eve.keyboard.press('Control+c');
  await goTo(eve, 'ten-workers'); // what it builds on is said, and nothing is locked
  await expect(exercise(eve, 'ten-workers').getByTestId('needs')).toContainText('Into the background');
  await expect(exercise(eve, 'ten-workers').getByTestId('run').first()).toBeEnabled();
});

test('an instructor decides with a reason, and takes it back', async () => {
  await teacher.goto(addresses().instructor);
  await teacher.waitForURL(/\/board/);
  const row = teacher.getByRole('row', { name });
  await row.getByRole('button', { name }).click();
  const side = teacher.getByTestId('details');
  await expect(side).toContainText('done for them');
  const part = side.locator('section.detail', { hasText: 'Ten workers' });
  await part.getByTestId('override').click();
  await part.getByTestId('reason').fill('Shown at her desk');
  await part.getByTestId('decide').click();
  await expect(part.getByTestId('decided')).toContainText('Shown at her desk');
  await picture(teacher, 'decided');
  await part.getByTestId('take-back').click();
  await expect(part.getByTestId('decided')).toBeHidden();
  await part.getByTestId('judge-again').click();
  await expect(part).toContainText('Looked again.');
});

test('an author tries an expression against nodes of their own', async () => {
  await teacher.goto(`http://${addresses().listen}/try`);
  const own = new Shell(teacher, 'node1', 1);
  await own.shows(/docker@node1 ~\s+\$/, 90_000);
  await own.type('touch ~/here && echo made-it');
  await own.shows(/^made-it/m);
  await teacher.getByTestId('expression').fill('node1.ran("^touch") && node1.file("~/here").exists');
  await teacher.getByTestId('try').click();
  await expect(teacher.getByTestId('verdict')).toHaveAttribute('data-state', 'passing');
  await teacher.getByTestId('expression').fill('node1.servce("rng").running == 1');
  await teacher.getByTestId('try').click();
  await expect(teacher.getByTestId('problems')).toContainText('did you mean "service"');
  await teacher.getByTestId('expression').fill('node1.containers.size() == 7');
  await teacher.getByTestId('try').click();
  await expect(teacher.getByTestId('verdict')).not.toHaveAttribute('data-state', 'passing');
  await picture(teacher, 'try');
});
