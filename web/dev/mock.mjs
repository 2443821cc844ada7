/**
 * A small stand-in for the server, for looking at the pages while building
 * them: one made-up deck, a made-up room, and a real shell of this machine
 * behind each terminal. Not part of the product. Run `npm run build` first,
 * then `npm run mock` and open the printed address.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { deck, events, me, slides } from './made-up.mjs';

const port = Number(process.env.PORT ?? 8181);
const dist = new URL('../dist/', import.meta.url);
const manifest = () => JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));
const session = {
  id: 's1',
  workshop: 'demo',
  title: deck.title,
  joinCode: 'KM4T-92WX',
  created: new Date().toISOString(),
};
const shells = new Map();
const rooms = new Set();
let seq = 0;
const journal = [];

function note(e) {
  const event = { seq: ++seq, at: new Date().toISOString(), ...e };
  journal.push(event);
  for (const socket of rooms) socket.send(JSON.stringify({ event }));
}
for (const e of events) note(e);

function page(name, boot, inside = '') {
  const m = manifest();
  const css = new Set();
  const js = new Set();
  const visit = key => {
    for (const f of m[key].css ?? []) css.add(f);
    for (const i of m[key].imports ?? []) {
      js.add(m[i].file);
      visit(i);
    }
  };
  const entry = `src/pages/${name}.ts`;
  visit(entry);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${deck.title}</title><link rel="icon" href="data:,">
${[...css].map(f => `<link rel="stylesheet" href="/${f}">`).join('\n')}
${[...js].map(f => `<link rel="modulepreload" href="/${f}">`).join('\n')}
<script type="module" src="/${m[entry].file}"></script>
<script type="application/json" id="slipway-boot">${JSON.stringify(boot).replaceAll('<', '\\u003c')}</script></head>
<body data-page="${name}"><main id="app">${inside}</main></body></html>`;
}

const boot = (name, role, more = {}) => ({
  page: name,
  me: me(role),
  session,
  workshop: 'demo',
  title: deck.title,
  slide: 'ten-workers',
  step: 0,
  nodes: ['node1', 'node2', 'node3', 'node4', 'node5'],
  ...more,
});

const article = name => `<article class="slide" data-name="${name}">${slides[name]}</article>`;

function answer(req, url, body) {
  const p = url.pathname;
  const slide = /^\/w\/demo\/([^/]+)$/.exec(p)?.[1];
  if (slide && slides[slide]) {
    const step = Number(url.searchParams.get('s') ?? 0);
    return page('attendee', boot('attendee', 'attendee', { slide, step }), article(slide));
  }
  if (p === '/') return page('join', { page: 'join', session: { title: deck.title }, code: '' });
  if (p === '/board') return page('board', boot('board', 'instructor'));
  if (p === '/present' || p === '/projector')
    return page(p.slice(1), boot(p.slice(1), 'instructor'), article('ten-workers'));
  if (p === '/replay') return page('replay', boot('replay', 'attendee'));
  if (p === '/api/deck') return deck;
  if (p === '/api/slides') {
    const from = Number(url.searchParams.get('from')) - 1;
    return deck.slides.slice(from, from + 20).map(s => ({ name: s.name, html: slides[s.name] }));
  }
  if (p === '/api/notes')
    return { html: '<p>Ask who has seen the graph move. Wait for three hands.</p>', next: 'why-not-ten' };
  if (p === '/api/search')
    return [{ slide: 'ten-workers', title: 'Ten workers', text: 'docker compose up -d --scale worker=10' }];
  if (p === '/api/replay') return replay();
  if (p.startsWith('/api/replay/casts/')) return cast();
  if (p.startsWith('/api/exercises/')) return exercise(p, body);
  if (p === '/api/status') note({ kind: 'status.changed', participant: 'ada', status: body.status });
  if (p === '/api/slide') note({ kind: 'slide.moved', place: body });
  if (p === '/api/announce') note({ kind: 'announcement.made', text: body.text });
  if (p === '/api/join')
    return body.code === 'KM4T-92WX' ? { participant: me('attendee'), go: '/w/demo/ten-workers' } : refuse();
  if (/^\/api\/nodes\/[^/]+\/terminals$/.test(p))
    return req.method === 'POST' ? { id: body.id, cols: 80, rows: 24 } : [];
  return {};
}

const refuse = () => ({
  error: {
    kind: 'not-found',
    message: 'No session has that code. Look at the code again: it has eight characters.',
  },
});

function exercise(p, body) {
  const [, id, act] = /exercises\/([^/]+)\/(.+)/.exec(p);
  if (act === 'hint') {
    note({ kind: 'hint.opened', participant: 'ada', exercise: id, number: body.number });
    return { html: '<p>Look at <code>docker compose up --help</code>: which option sets a number?</p>' };
  }
  if (act === 'solution')
    return {
      acts: [
        { node: 'node1', terminal: 1, text: 'docker compose up -d --scale worker=10', kind: 'shell' },
        { node: 'node1', terminal: 1, text: '^C', kind: 'key' },
      ],
    };
  if (act === 'quiz') return { correct: body.choices?.[0] === 1 };
  return {};
}

function replay() {
  const start = Date.now() - 600_000;
  return {
    start,
    end: start + 600_000,
    title: deck.title,
    events: [],
    slides: [
      { at: start, slide: 'welcome', step: 0 },
      { at: start + 60_000, slide: 'ten-workers', step: 0 },
      { at: start + 400_000, slide: 'why-not-ten', step: 0 },
    ],
    terminals: [
      {
        node: 'node1',
        id: 't1',
        start: start + 5000,
        end: start + 600_000,
        url: '/api/replay/casts/node1/t1.cast',
      },
    ],
    exercises: [
      { id: 'rng-up', title: 'Start rng', solvedAt: start + 120_000 },
      { id: 'ten-workers', title: 'Ten workers', solvedAt: start + 333_000 },
    ],
    speed: Array.from({ length: 400 }, (_, i) => [start + 150_000 + i * 1000, i < 100 ? 3.3 : 9.8]),
  };
}

function cast() {
  const lines = [
    JSON.stringify({
      version: 3,
      term: { cols: 80, rows: 20 },
      timestamp: Math.floor((Date.now() - 595_000) / 1000),
    }),
  ];
  lines.push(JSON.stringify([0.5, 'o', '[10.213.4.2] (local) docker@node1 ~\r\n$ ']));
  for (let i = 0; i < 120; i++) {
    lines.push(
      JSON.stringify([3.3, 'o', `echo step ${i}`]),
      JSON.stringify([0.6, 'o', `\r\nstep ${i}\r\n\x1b[32m[10.213.4.2]\x1b[0m (local) docker@node1 ~\r\n$ `]),
    );
  }
  return lines.join('\n') + '\n';
}

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  try {
    if (url.pathname.startsWith('/assets/')) {
      const type =
        { js: 'text/javascript', css: 'text/css' }[url.pathname.split('.').at(-1)] ??
        'application/octet-stream';
      res.writeHead(200, { 'Content-Type': type });
      res.end(readFileSync(new URL(`.${url.pathname}`, dist)));
      return;
    }
    if (url.pathname === '/port/x/') {
      res.writeHead(200, { 'Content-Type': 'text/html' });
      res.end('<body style="font:20px sans-serif;background:#eef">DockerCoins: the page of the node</body>');
      return;
    }
    let raw = '';
    for await (const part of req) raw += part;
    const value = answer(req, url, raw ? JSON.parse(raw) : {});
    const text = typeof value === 'string';
    const status = value?.error ? 404 : 200;
    res.writeHead(status, { 'Content-Type': text ? 'text/html; charset=utf-8' : 'application/json' });
    res.end(text ? value : JSON.stringify(value));
  } catch (err) {
    res.writeHead(500);
    res.end(String(err));
  }
});

const wss = new WebSocketServer({ noServer: true });
server.on('upgrade', (req, socket, head) => {
  const url = new URL(req.url, 'http://x');
  wss.handleUpgrade(req, socket, head, ws => {
    if (url.pathname === '/api/events') room(ws, req);
    else terminal(ws, url);
  });
});

function room(ws) {
  rooms.add(ws);
  ws.on('close', () => rooms.delete(ws));
  const empty = { seq: 0, place: { slide: '', step: 0 }, order: [], people: {}, session };
  ws.send(JSON.stringify({ snapshot: empty }));
  for (const event of journal) ws.send(JSON.stringify({ event }));
  ws.send(
    JSON.stringify({
      nodes: Object.fromEntries(
        [1, 2, 3, 4, 5].map(n => [`node${n}`, { state: 'ready', engine: n < 3 ? 'running' : 'asleep' }]),
      ),
    }),
  );
  ws.send(JSON.stringify({ presence: { ada: true, grace: true, p3: true } }));
  ws.send(
    JSON.stringify({
      ports: {
        node1: [
          { port: 8000, container: 'dockercoins-webui-1', url: '/port/x/', frame: '/port/x/' },
          { port: 8001, container: 'dockercoins-rng-1', url: '/port/x/' },
        ],
      },
    }),
  );
  let t = 0;
  const beat = setInterval(() => {
    t++;
    ws.send(
      JSON.stringify({
        speed: 3.3 + 6.5 / (1 + Math.exp(10 - t / 2)) + Math.sin(t) * 0.1,
        theory: 10,
        why: 'rng',
      }),
    );
  }, 200);
  ws.on('close', () => clearInterval(beat));
}

function frame(kind, ...parts) {
  return Buffer.concat([Buffer.from(kind), ...parts]);
}
function u64(n) {
  const b = Buffer.alloc(8);
  b.writeBigUInt64BE(BigInt(n));
  return b;
}

/** A shell with its output kept and numbered, as the agent of a node has it. */
function shellOf(name) {
  let shell = shells.get(name);
  if (shell) return shell;
  const child = spawn('script', ['-qfc', 'bash --norc', '/dev/null'], {
    env: {
      PATH: process.env.PATH,
      TERM: 'xterm-256color',
      PS1: `\\[\\e[32m\\][10.213.4.2]\\[\\e[0m\\] (local) docker@${name.split('/')[0]} \\w\\n$ `,
      HOME: '/tmp',
    },
    cwd: '/tmp',
  });
  shell = { child, ring: Buffer.alloc(0), viewers: new Set(), typed: new Map(), born: Date.now() };
  child.stdout.on('data', data => {
    const at = shell.ring.length;
    shell.ring = Buffer.concat([shell.ring, data]);
    for (const ws of shell.viewers) ws.send(frame('o', u64(at), u64(Date.now()), data));
  });
  shells.set(name, shell);
  return shell;
}

function terminal(ws, url) {
  const [, node, id] = /nodes\/([^/]+)\/terminals\/([^/]+)\/socket/.exec(url.pathname);
  const shell = shellOf(`${node}/${id}`);
  const client = url.searchParams.get('client');
  const from = Number(url.searchParams.get('from'));
  const hello = {
    version: 1,
    offset: shell.ring.length,
    cols: 80,
    rows: 24,
    inputReceived: shell.typed.get(client) ?? 0,
    window: 262144,
    role: 'owner',
    born: shell.born,
  };
  ws.send(frame('h', Buffer.from(JSON.stringify(hello))));
  if (from < 0) ws.send(frame('s', u64(shell.ring.length), shell.ring));
  else ws.send(frame('o', u64(from), u64(Date.now()), shell.ring.subarray(from)));
  shell.viewers.add(ws);
  ws.on('close', () => shell.viewers.delete(ws));
  ws.on('message', m => {
    const kind = String.fromCharCode(m[0]);
    if (kind === 'r') ws.send(frame('z', m.subarray(1, 5)));
    if (kind !== 'i') return;
    const offset = Number(m.readBigUInt64BE(1));
    const have = shell.typed.get(client) ?? 0;
    const data = m.subarray(9 + Math.max(0, have - offset));
    shell.child.stdin.write(data);
    shell.typed.set(client, have + data.length);
    ws.send(frame('k', u64(have + data.length)));
  });
}

server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/w/demo/ten-workers`));
process.on('exit', () => {
  for (const s of shells.values()) s.child.kill();
});
process.on('SIGTERM', () => process.exit(0));
