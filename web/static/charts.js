// Two kinds of chart, drawn as SVG with their numbers in words for those who do not see them.

import { el } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const [WIDE, HIGH, ROW] = [480, 120, 22];

/** Return a line of numbers over time, newest at the right. */
export function line(title, numbers) {
  const most = Math.max(1, ...numbers);
  const step = WIDE / Math.max(1, numbers.length - 1);
  const points = numbers.map((each, at) => `${(at * step).toFixed(1)},${(HIGH - 4 - (each / most) * (HIGH - 20)).toFixed(1)}`);
  const now = numbers.at(-1) ?? 0;
  const svg = made('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'chart', role: 'img', 'aria-label': `${title}: now ${now.toFixed(1)}, at most ${most.toFixed(1)}` });
  svg.append(made('polyline', { points: points.join(' ') }), words(2, 12, `at most ${most.toFixed(1)}`), words(2, HIGH - 8, `now ${now.toFixed(1)}`));
  return el('figure', {}, el('figcaption', {}, title), svg);
}

/** Return a bar for each [name, number], the longest first. */
export function bars(title, several) {
  const rows = several.filter(([, number]) => number > 0).sort((a, b) => b[1] - a[1]).slice(0, 12);
  const most = Math.max(1, ...rows.map(([, number]) => number));
  const label = rows.map(([name, number]) => `${name}: ${number}`).join(', ') || 'nothing yet';
  const svg = made('svg', { viewBox: `0 0 ${WIDE} ${Math.max(1, rows.length) * ROW}`, class: 'chart', role: 'img', 'aria-label': `${title}: ${label}` });
  rows.forEach(([name, number], at) => {
    svg.append(made('rect', { x: 110, y: at * ROW + 3, width: Math.max(1, (number / most) * (WIDE - 220)), height: ROW - 6, rx: 3 }),
      words(0, at * ROW + 15, name), words(114 + (number / most) * (WIDE - 220), at * ROW + 15, number.toLocaleString()));
  });
  if (!rows.length) svg.append(words(0, 15, 'nothing yet'));
  return el('figure', {}, el('figcaption', {}, title), svg);
}

function words(x, y, text) {
  const node = made('text', { x, y });
  node.textContent = text;
  return node;
}

function made(tag, props) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  return node;
}
