"""The page's script.  Texts of data are only ever set as text, with what could hide in them made visible."""

SCRIPT = r"""
'use strict';
const $ = id => document.getElementById(id);
const about = JSON.parse($('about').textContent);
const L = about.latents, TOP = about.top, NEAR = about.near, NONE = 0xFFFFFFFF, ROW = 30;
let numbers = null, texts = [], lower = [], order = [], chosen = -1, shownFrom = -1, matched = null;

// Marks that turn the direction of text, join or hide it, and controls: shown by their number.
const HIDDEN = new RegExp('[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u17b4\\u17b5' +
  '\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff\\ufff0-\\ufffb' +
  '\\u{e0000}-\\u{e0fff}]', 'gu');
const NAMES = {'\n': '\u21b5', '\t': '\u2192'};
const seen = text => text.replace(HIDDEN, mark => NAMES[mark] ||
  '\u27e8' + mark.codePointAt(0).toString(16) + '\u27e9');

function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}
async function unpacked(id) {
  const stream = new Blob([bytesOf($(id).textContent.trim())]).stream()
    .pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}
const figure = value => !value ? '0' : value >= 0.001 && value < 10000 ? value.toPrecision(3)
  : value.toExponential(1);

function columnsOf(buffer) {
  let at = 0;
  const next = (kind, count) => { const made = new kind(buffer, at, count); at += 4 * count; return made; };
  return {
    sparsity: next(Float32Array, L), strength: next(Float32Array, L),
    near: next(Uint32Array, L * NEAR), cosine: next(Float32Array, L * NEAR),
    example: next(Uint32Array, L * TOP), value: next(Float32Array, L * TOP),
  };
}

function snippet(number, share, before = Infinity) {
  const line = element('bdi', 'snippet'), parts = texts[number] || ['\u2026', '', ''];
  const start = parts[1] && parts[0].length > before ? '\u2026' + parts[0].slice(-before) : parts[0];
  line.append(document.createTextNode(seen(start)));
  if (parts[1]) {
    const mark = element('mark', 'token', seen(parts[1]));
    mark.style.setProperty('--share', Math.max(0.15, share).toFixed(2));
    line.append(mark);
  }
  line.append(document.createTextNode(seen(parts[2])));
  return line;
}

function row(place) {
  const latent = order[place], line = element('div', 'row' + (latent === chosen ? ' chosen' : ''));
  line.style.top = place * ROW + 'px';
  line.setAttribute('role', 'option');
  line.dataset.latent = latent;
  line.append(element('span', 'cell id', latent), element('span', 'cell', figure(numbers.sparsity[latent])),
    element('span', 'cell', figure(numbers.strength[latent])));
  const first = numbers.example[latent * TOP];
  line.append(TOP && first !== NONE ? snippet(first, 1, 36)
    : element('span', 'snippet dim', 'never active here'));
  return line;
}

function draw(force) {
  if (!numbers) return;
  const list = $('list'), from = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
  if (from === shownFrom && !force) return;
  shownFrom = from;
  const until = Math.min(order.length, from + Math.ceil(list.clientHeight / ROW) + 10);
  const rows = [];
  for (let place = from; place < until; place++) rows.push(row(place));
  $('rows').replaceChildren(...rows);
}

function matches(wanted) {
  const found = new Uint8Array(texts.length);
  for (let i = 0; i < lower.length; i++) found[i] = lower[i].includes(wanted) ? 1 : 0;
  return latent => {
    for (let place = latent * TOP; place < latent * TOP + TOP; place++)
      if (numbers.example[place] !== NONE && found[numbers.example[place]]) return true;
    return false;
  };
}

function arrange() {
  if (!numbers) return;
  const wanted = $('search').value.trim().toLowerCase(), number = /^#?\d+$/.test(wanted);
  const fits = !wanted ? () => true : number ? latent => String(latent) === wanted.replace('#', '')
    : matches(wanted);
  const dead = $('dead').checked, key = $('sort').value;
  order = [];
  for (let latent = 0; latent < L; latent++)
    if ((dead || numbers.sparsity[latent] > 0 || number) && fits(latent)) order.push(latent);
  const by = {
    often: (a, b) => numbers.sparsity[b] - numbers.sparsity[a],
    rare: (a, b) => numbers.sparsity[a] - numbers.sparsity[b],
    mean: (a, b) => numbers.strength[b] - numbers.strength[a],
    most: (a, b) => numbers.value[b * TOP] - numbers.value[a * TOP],
    alike: (a, b) => numbers.cosine[b * NEAR] - numbers.cosine[a * NEAR],
  }[key];
  if (by) order.sort((a, b) => by(a, b) || a - b);
  $('rows').style.height = order.length * ROW + 'px';
  $('count').textContent = order.length + ' of ' + L + ' latents';
  $('list').scrollTop = 0;
  draw(true);
}

function choose(latent) {
  chosen = latent;
  const box = $('detail'), parts = [element('h3', '', 'Latent ' + latent)];
  parts.push(element('p', 'dim', 'active in ' + figure(numbers.sparsity[latent]) +
    ' of held-out examples, mean ' + figure(numbers.strength[latent]) + ' where it is active'));
  const most = numbers.value[latent * TOP], list = element('ol', 'examples');
  for (let place = latent * TOP; place < latent * TOP + TOP; place++) {
    if (numbers.example[place] === NONE) continue;
    const item = element('li');
    item.append(element('span', 'cell', figure(numbers.value[place])),
      snippet(numbers.example[place], numbers.value[place] / most));
    list.append(item);
  }
  parts.push(list.childElementCount ? list : element('p', 'dim', 'No example activates it.'));
  if (NEAR) parts.push(element('h4', '', 'Decoder rows most alike'));
  for (let place = latent * NEAR; place < latent * NEAR + NEAR; place++) {
    if (numbers.near[place] === NONE) continue;
    const button = element('button', 'near', numbers.near[place] + '  ' + numbers.cosine[place].toFixed(2));
    button.type = 'button';
    button.dataset.latent = numbers.near[place];
    parts.push(button);
  }
  box.replaceChildren(...parts);
  history.replaceState(null, '', '#' + latent);
  draw(true);
}

const picked = event => {
  const found = event.target.closest('[data-latent]');
  if (found) choose(Number(found.dataset.latent));
};
function step(event) {
  const move = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!move || !order.length) return;
  event.preventDefault();
  const place = Math.min(order.length - 1, Math.max(0, order.indexOf(chosen) + move)), list = $('list');
  if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
  if ((place + 1) * ROW > list.scrollTop + list.clientHeight)
    list.scrollTop = (place + 1) * ROW - list.clientHeight;
  choose(order[place]);
}

async function start() {
  if (!$('numbers')) return;
  if (typeof DecompressionStream === 'undefined') {
    $('count').textContent = 'This browser is too old for the features: it has no DecompressionStream.';
    return;
  }
  const waiting = unpacked('texts');
  numbers = columnsOf(await unpacked('numbers'));
  $('list').addEventListener('scroll', () => requestAnimationFrame(() => draw(false)));
  $('list').addEventListener('click', picked);
  $('list').addEventListener('keydown', step);
  $('detail').addEventListener('click', picked);
  for (const id of ['sort', 'dead']) $(id).addEventListener('change', arrange);
  addEventListener('resize', () => draw(true));
  arrange();
  document.documentElement.dataset.firstRow = performance.now().toFixed(0);
  texts = JSON.parse(new TextDecoder().decode(await waiting));
  lower = texts.map(parts => parts.join('').toLowerCase());
  $('search').addEventListener('input', arrange);
  $('search').disabled = false;
  const asked = Number(location.hash.slice(1));
  draw(true);
  if (order.length) choose(location.hash && asked >= 0 && asked < L ? asked : order[0]);
  document.documentElement.dataset.ready = performance.now().toFixed(0);
}
start();
"""
