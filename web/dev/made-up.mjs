/** The made-up deck and room of the stand-in server. */

const t0 = Date.now() - 20 * 60_000;

export const me = role =>
  role === 'attendee'
    ? { id: 'ada', name: 'Ada', role, joined: new Date(t0).toISOString() }
    : { id: 'tess', name: 'Tess', role, joined: new Date(t0).toISOString() };

const snippet = (text, node = 'node1', more = '') =>
  `<slip-snippet data-node="${node}" data-terminal="1" data-lang="bash" data-run="true" data-dangerous="false" ${more}><pre class="chroma"><code>${text}\n</code></pre></slip-snippet>`;

export const slides = {
  welcome: '<h1>Docker orchestration</h1><p>Run one application on one node, then on five.</p>',
  agenda:
    '<h2>What we do today</h2><ul><li>One application, one node</li><li data-step="1">Find the bottleneck</li><li data-step="2">Scale one service</li></ul><div class="note" data-step="2"><p>There is a break at 11:00.</p></div>',
  'rng-up': `<h2>Start one service</h2><p>Begin with <code>rng</code>, in the foreground.</p>${snippet('docker compose up rng')}`,
  'ten-workers': `<h2>Ten workers</h2><p>The worker asks <code>rng</code> for bytes, <code>hasher</code> for a digest, and counts. Scale it, and watch the graph.</p>
${snippet('docker compose up -d --scale worker=10')}
<slip-exercise data-id="ten-workers" data-minutes="8" data-title="Ten workers" data-optional="false" data-hints="2">
<header class="exercise-head"><h3>Ten workers</h3><span class="minutes">8 min</span></header>
<p>Bring the number of workers to ten, and look at the speed for a minute.</p>
<ul class="checks"><li data-check="0">ten workers run on node1</li><li data-check="1">the speed is between 9 and 10.5 hashes/s</li><li data-check="2">no worker of an earlier try is left</li></ul>
</slip-exercise>
<p>Then look at the other side, from <code>node2</code>:</p>
${snippet('curl -s node1:8001/4 | xxd\nfor i in 1 2 3; do\n  httping -c 3 node1:8001\ndone', 'node2')}
<slip-snippet data-node="node1" data-lang="bash" data-run="true" data-dangerous="true"><pre class="chroma"><code>docker compose down --volumes
</code></pre></slip-snippet>`,
  'why-not-ten': `<h2>Why three times and not ten?</h2>
<slip-quiz data-id="why" data-kind="choice" data-multiple="false" data-minutes="2" data-title="Why three times" data-hints="0"><p>Ten workers, three times the speed. What holds them back?</p>
<ul class="choices"><li data-choice="0">the processor of node1</li><li data-choice="1">rng answers one request at a time</li><li data-choice="2">redis is full</li></ul></slip-quiz>
<pre class="chroma output" data-lang="text"><code>NAME                    STATUS
dockercoins-rng-1       Up 2 minutes
</code></pre><table><tr><th>workers</th><th>hashes/s</th></tr><tr><td>1</td><td>3.3</td></tr><tr><td>10</td><td>9.8</td></tr></table>`,
};

const info = (n, name, title, chapter, steps = 0, exercises = []) => ({
  n,
  name,
  title,
  chapter,
  steps,
  exercises,
  minutes: 4,
});

export const deck = {
  name: 'demo',
  title: 'Docker orchestration',
  minutes: 240,
  chapters: [
    { title: 'Welcome', minutes: 20, first: 1 },
    { title: 'One application, one node', minutes: 60, first: 3 },
  ],
  slides: [
    info(1, 'welcome', 'Docker orchestration', 0),
    info(2, 'agenda', 'What we do today', 0, 2),
    info(3, 'rng-up', 'Start one service', 1, 0, ['rng-up']),
    info(4, 'ten-workers', 'Ten workers', 1, 0, ['ten-workers']),
    info(5, 'why-not-ten', 'Why three times and not ten?', 1, 0, ['why']),
  ],
  exercises: [
    {
      id: 'hello-node',
      title: 'Say hello to node2',
      slide: 'agenda',
      chapter: 0,
      minutes: 4,
      checks: ['ran'],
      hints: 1,
    },
    {
      id: 'get-the-code',
      title: 'Get the code',
      slide: 'agenda',
      chapter: 0,
      minutes: 3,
      checks: ['files'],
      hints: 1,
    },
    ...[
      'rng-up',
      'rng-use',
      'hasher-up',
      'hasher-use',
      'stop-both',
      'all-up',
      'see-the-graph',
      'in-background',
    ].map(id => ({
      id,
      title: id.replace('-', ' '),
      slide: 'rng-up',
      chapter: 1,
      minutes: 4,
      checks: ['x'],
      hints: 1,
    })),
    {
      id: 'ten-workers',
      title: 'Ten workers',
      slide: 'ten-workers',
      chapter: 1,
      minutes: 8,
      checks: [
        'ten workers run on node1',
        'the speed is between 9 and 10.5 hashes/s',
        'no worker of an earlier try is left',
      ],
      hints: 2,
    },
    {
      id: 'why',
      title: 'Why three times',
      slide: 'why-not-ten',
      chapter: 1,
      minutes: 2,
      quiz: true,
      optional: true,
    },
  ],
};

const names = [
  'Ada',
  'Grace',
  'Linus <b>',
  'Margaret',
  'Edsger',
  'Barbara',
  'Ken',
  'Radia',
  'Alan',
  'Hedy',
  'Dennis',
  'Katherine',
];
const ids = ['ada', 'grace', ...names.slice(2).map((_, i) => `p${i + 3}`)];

export const events = [
  { kind: 'participant.joined', person: me('instructor') },
  { kind: 'driver.changed', participant: 'tess' },
  ...ids.flatMap((id, i) => [
    {
      kind: 'participant.joined',
      person: { id, name: names[i], role: 'attendee', joined: new Date(t0).toISOString() },
    },
    {
      kind: 'lab.changed',
      participant: id,
      lab:
        i === 9 ? { state: 'failed', message: 'node3 did not start: its disk is full' } : { state: 'ready' },
    },
    { kind: 'place.changed', participant: id, place: { slide: i % 3 ? 'ten-workers' : 'rng-up', step: 0 } },
    ...deck.exercises.slice(0, 4 + ((i * 5) % 7)).flatMap((e, n) => [
      ...(n % 4 === i % 4 ? [{ kind: 'hint.opened', participant: id, exercise: e.id, number: 1 }] : []),
      {
        kind: 'verdict.changed',
        participant: id,
        verdict: { exercise: e.id, state: 'solved', checks: [{ state: 'passing' }] },
      },
    ]),
  ]),
  {
    kind: 'verdict.changed',
    participant: 'p5',
    verdict: {
      exercise: 'rng-up',
      state: 'regressed',
      checks: [{ state: 'failing', reason: 'rng does not run on node1.' }],
    },
  },
  {
    kind: 'verdict.changed',
    participant: 'p4',
    verdict: {
      exercise: 'all-up',
      state: 'failing',
      attempts: 4,
      checks: [
        {
          state: 'failing',
          reason: 'Port 8001 is in use on node1.',
          try: 'Stop what you started by hand: docker ps, then docker stop.',
        },
      ],
    },
  },
  { kind: 'status.changed', participant: 'grace', status: 'help' },
  { kind: 'status.changed', participant: 'p6', status: 'done' },
  { kind: 'slide.moved', place: { slide: 'ten-workers', step: 0 } },
  {
    kind: 'verdict.changed',
    participant: 'ada',
    verdict: {
      exercise: 'ten-workers',
      state: 'failing',
      attempts: 1,
      checks: [
        { state: 'passing' },
        {
          state: 'failing',
          reason: '6.7 hashes/s on node1, rising.',
          try: 'Wait half a minute: the graph is an average over ten seconds.',
        },
        { state: 'unknown', reason: "node1's Docker is asleep." },
      ],
    },
  },
];
