// The arithmetic behind the graph. Nothing in this file touches the page.
//
// A sample is {hashes, coins, now, real}: what webui answered at one moment,
// with now in seconds by the server's own clock.
"use strict";

const KEEP = 250; // samples on the graph: a little over four minutes
const AVERAGE = 10; // seconds behind the number in large type

// sampleOf turns an answer of /json into a sample. Before the first worker
// there is no counter at all, which counts as zero.
function sampleOf(answer) {
  return { hashes: Number(answer.hashes ?? 0), coins: answer.coins, now: answer.now, real: true };
}

// append returns the last samples with one more. The very first one is copied
// backwards, a second apart, so that the graph starts full and flat.
function append(samples, sample) {
  if (samples.length === 0) {
    return Array.from({ length: KEEP }, (_, i) => {
      const age = KEEP - 1 - i;
      return { ...sample, now: sample.now - age, real: age === 0 };
    });
  }
  if (sample.now <= samples[samples.length - 1].now) return samples; // the clock stood still
  return [...samples, sample].slice(-KEEP);
}

// speeds returns hashes per second between each sample and the next.
// A counter that was reset (a new redis) shows as zero.
function speeds(samples) {
  return samples.slice(1).map((sample, i) =>
    Math.max(0, (sample.hashes - samples[i].hashes) / (sample.now - samples[i].now)));
}

// steady returns hashes per second over the last ten seconds, or null when
// there are not enough real samples yet. Workers report in lumps, so it takes
// the slope of the straight line that fits best.
function steady(samples) {
  const newest = samples[samples.length - 1];
  const recent = samples.filter((s) => s.real && newest.now - s.now <= AVERAGE + 0.5);
  if (recent.length < 4) return null;
  const meanNow = recent.reduce((sum, s) => sum + s.now, 0) / recent.length;
  const meanHashes = recent.reduce((sum, s) => sum + s.hashes, 0) / recent.length;
  let over = 0;
  let under = 0;
  for (const s of recent) {
    over += (s.now - meanNow) * (s.hashes - meanHashes);
    under += (s.now - meanNow) ** 2;
  }
  return Math.max(0, over / under);
}

// averages returns the steady speed as it was at each sample, for the line.
function averages(samples) {
  return samples.map((_, i) => steady(samples.slice(Math.max(0, i - AVERAGE - 1), i + 1)));
}

// roof returns a round number at or above value: 5, 10, 20, 50, 100...
function roof(value) {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 5]) {
      if (step * power >= Math.max(value, 5)) return step * power;
    }
  }
}

// short writes 950 as 950, 1500 as 1.5K, 2000000 as 2M.
function short(value) {
  for (const [size, letter] of [[1e6, "M"], [1e3, "K"]]) {
    if (value >= size) return `${Math.round(value / size * 10) / 10}${letter}`;
  }
  return String(Math.round(value * 10) / 10);
}
