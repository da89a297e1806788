// A recording system served by Node's `soap` package: an independent stack, with a WSDL of other names.
// POST /door {method, ...} is how the test moves it; it has its own storage and knows nothing of the gateway.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const { randomUUID } = require('crypto');
const soap = require('soap');

const WINDOW_MICROS = 10_000_000n;
const PAGE = 500;
let operators = [];
let captures = new Map();
let live = new Map();
let kinds = new Map();
let now = 0n;

const micros = (text) => {
  const [, seconds, fraction, zone] = /^(.{19})(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  return BigInt(Date.parse(seconds + (zone || 'Z'))) * 1000n + BigInt((fraction || '').padEnd(6, '0') || 0);
};
const text = (time) => {
  const whole = new Date(Number(time / 1_000_000n) * 1000).toISOString().slice(0, 19);
  return time % 1_000_000n ? `${whole}.${String(time % 1_000_000n).padStart(6, '0')}` : whole;
};
const many = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
const fault = (reason, about) => {
  throw { Fault: { faultcode: 'soap:Client', faultstring: 'refused', detail: { problem: { reason, about } }, statusCode: 500 } };
};
const answer = (capture) => ({
  captureId: capture.id, line: capture.line, began: text(capture.began),
  ...(capture.ended === undefined ? {} : { ended: text(capture.ended) }),
});
const labels = (capture) => ({ label: [...capture.labels].map(([key, value]) => ({ key, text: value })) });
const found = (id) => captures.get(id) || fault('E_NO_CAPTURE');
const page = (items, args) => {
  const start = Number(args.cursor || 0);
  const end = start + Math.min(Number(args.limit || PAGE), PAGE);
  return { items: items.slice(start, end), ...(end < items.length ? { nextCursor: String(end) } : {}) };
};

const operations = {
  WhoAreYou: () => ({ name: 'capture-1', store: 'data-server', release: 'second 1' }),
  QueryOperators: (args) => {
    const { items, ...next } = page(operators, args || {});
    return { operators: { operator: items }, ...next };
  },
  LocateCapture: ({ site, line, notBefore }) => {
    if (site !== 'HQ') fault('E_BAD', 'site');
    const capture = live.get(line);
    if (!capture || now - capture.began > WINDOW_MICROS) return {};
    return notBefore && capture.began < micros(notBefore) ? {} : { capture: answer(capture) };
  },
  QueryLabelKinds: () => ({ kinds: { kind: [...kinds.values()] } }),
  AddLabelKind: ({ kind }) => {
    if (kinds.has(kind.key)) fault('E_KIND_EXISTS', kind.key);
    kinds.set(kind.key, kind);
    return { kind };
  },
  ApplyLabels: (args) => {
    const capture = found(args.captureId);
    const wanted = many(args.labels.label);
    for (const { key, text: value } of wanted) {
      const kind = kinds.get(key) || fault('E_NO_KIND', key);
      if (kind.limit && value.length > kind.limit) fault('E_TOO_LONG', key);
      if (capture.labels.has(key) && capture.labels.get(key) !== value) fault('E_LABEL_FIXED', key);
    }
    const fresh = wanted.filter(({ key }) => !capture.labels.has(key));
    fresh.forEach(({ key, text: value }) => capture.labels.set(key, value));
    return { applied: fresh.length };
  },
  ReadLabels: ({ captureId }) => ({ labels: labels(found(captureId)) }),
  QueryCaptures: (args) => {
    const [begin, until] = [micros(args.begin), micros(args.until)];
    const chosen = [...captures.values()].filter((one) => begin <= one.began && one.began < until);
    const { items, ...next } = page(chosen, args);
    return { captures: { item: items.map((one) => ({ capture: answer(one), labels: labels(one) })) }, ...next };
  },
};

const door = {
  clock: (asked) => { now = micros(asked.now); },
  users: (asked) => { operators = asked.operators; },
  connected: (asked) => {
    door.disconnected(asked);
    const capture = { id: randomUUID(), line: asked.line, began: micros(asked.at), labels: new Map() };
    captures.set(capture.id, capture);
    live.set(asked.line, capture);
    return { guid: capture.id };
  },
  disconnected: (asked) => {
    const capture = live.get(asked.line);
    live.delete(asked.line);
    if (capture) capture.ended = micros(asked.at);
  },
  reset: () => { operators = []; captures = new Map(); live = new Map(); kinds = new Map(); },
};

const server = http.createServer((request, response) => {
  if (request.url !== '/door') return response.writeHead(404).end();
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const asked = JSON.parse(body);
    response.end(JSON.stringify(door[asked.method](asked) || {}));
  });
});
server.listen(0, '127.0.0.1', () => {
  const wsdl = fs.readFileSync(path.join(__dirname, 'capture.wsdl'), 'utf8');
  const service = soap.listen(server, '/capture', { CaptureManager: { Capture: operations } }, wsdl);
  service.authenticate = (security) => {
    const token = security && security.UsernameToken;
    return Boolean(token) && token.Username === 'gateway' && (token.Password.$value || token.Password) === 's3cret';
  };
  console.log(`listens on ${server.address().port}`);
});
