// Tests of webui/files/speed.js, run by node --test from the dockercoins folder.
import test from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

runInThisContext(readFileSync("webui/files/speed.js", "utf8") +
  "\nglobalThis.page = { sampleOf, append, speeds, steady, averages, roof, short };");
const { sampleOf, append, speeds, steady, averages, roof, short } = globalThis.page;

const answer = (hashes, now) => ({ coins: 0, hashes, now });
const feed = (answers) => answers.reduce((all, a) => append(all, sampleOf(a)), []);

test("the first sample is copied backwards, a second apart", () => {
  const samples = feed([answer("12", 1000.5)]);
  assert.equal(samples.length, 250);
  assert.equal(samples[0].now, 1000.5 - 249);
  assert.equal(samples[248].now, 999.5);
  assert.deepEqual(speeds(samples), Array(249).fill(0));
});

test("no counter yet counts as zero", () => {
  assert.equal(sampleOf(answer(null, 1)).hashes, 0);
  assert.equal(sampleOf(answer("7", 1)).hashes, 7);
});

test("250 samples are kept", () => {
  const samples = feed(Array.from({ length: 400 }, (_, i) => answer(String(i), i)));
  assert.equal(samples.length, 250);
  assert.equal(samples[249].hashes, 399);
  assert.deepEqual(speeds(samples), Array(249).fill(1));
});

test("speed is a difference over the time between, and never negative", () => {
  const samples = feed([answer("0", 0), answer("30", 2), answer("0", 3), answer("5", 3)]);
  assert.deepEqual(speeds(samples).slice(-2), [15, 0]);
});

test("one worker's lumps of four average to 3.3", () => {
  for (let phase = 0; phase < 1.2; phase += 0.05) {
    const samples = feed(Array.from({ length: 60 }, (_, i) =>
      answer(String(4 * Math.floor((i + phase) / 1.2)), i + 0.1)));
    const speed = steady(samples);
    assert.ok(Math.abs(speed - 10 / 3) < 0.17, `phase ${phase}: ${speed}`);
  }
});

test("the average waits for real samples", () => {
  const samples = feed([answer("0", 0), answer("1", 1), answer("2", 2)]);
  assert.equal(steady(samples), null);
  assert.equal(steady(append(samples, sampleOf(answer("3", 3)))), 1);
});

test("the line of averages ends in the large number", () => {
  const samples = feed(Array.from({ length: 300 }, (_, i) => answer(String(i * i), i)));
  const line = averages(samples);
  assert.equal(line.length, 250);
  assert.equal(line[249], steady(samples));
});

test("the axis ends in a round number, in thousands and millions", () => {
  assert.deepEqual([0, 4, 5, 5.1, 18, 30, 70, 2100].map(roof), [5, 5, 5, 10, 20, 50, 100, 5000]);
  assert.deepEqual([0, 2.5, 10, 999, 1000, 1500, 2e6].map(short),
    ["0", "2.5", "10", "999", "1K", "1.5K", "2M"]);
});
