// Two kinds of chart, drawn as SVG with their numbers in words for those who do not see them.

import { el } from './dom.js';
import { language, t } from './i18n.js';

const SVG = 'http://www.w3.org/2000/svg';
const [WIDE, HIGH, TOP, LEFT, ROW] = [480, 150, 12, 44, 26];
const LINES = 3;

/** Return a line of numbers over time, newest at the right. */
export function line(title, numbers) {
  const most = nice(Math.max(1, ...numbers));
  const step = (WIDE - LEFT) / Math.max(1, numbers.length - 1);
  const y = (each) => HIGH - 8 - (each / most) * (HIGH - 8 - TOP);
  const points = numbers.map((each, at) => `${(LEFT + at * step).toFixed(1)},${y(each).toFixed(1)}`);
  const now = numbers.at(-1) ?? 0;
  const svg = made('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, class: 'chart', role: 'img',
    'aria-label': t('charts.line', { title, now: number(now), most: number(Math.max(0, ...numbers)) }) });
  for (let at = 0; at <= LINES; at += 1) {
    const value = (most * at) / LINES;
    svg.append(made('line', { class: 'rule', x1: LEFT, x2: WIDE, y1: y(value), y2: y(value) }), words(LEFT - 8, y(value) + 4, number(value), 'end'));
  }
  if (numbers.length > 1) {
    svg.append(made('polygon', { points: `${LEFT},${y(0)} ${points.join(' ')} ${WIDE},${y(0)}` }), made('polyline', { points: points.join(' ') }));
  }
  return el('figure', {}, el('figcaption', {}, title, el('b', {}, number(now))), svg);
}

/** Return a bar for each [name, number], in the order given. */
export function bars(title, several) {
  const rows = several.filter(([, count]) => count > 0);
  const most = Math.max(1, ...rows.map(([, count]) => count));
  const label = rows.map(([name, count]) => `${name}: ${number(count)}`).join(', ') || t('charts.nothing');
  const svg = made('svg', { viewBox: `0 0 ${WIDE} ${Math.max(1, rows.length) * ROW}`, class: 'chart', role: 'img', 'aria-label': `${title}: ${label}` });
  rows.forEach(([name, count], at) => {
    const wide = Math.max(2, (count / most) * (WIDE - LEFT - 90));
    svg.append(made('rect', { x: LEFT, y: at * ROW + 4, width: wide, height: ROW - 9, rx: 4 }),
      words(LEFT - 8, at * ROW + 17, name, 'end'), words(LEFT + 8 + wide, at * ROW + 17, number(count)));
  });
  if (!rows.length) svg.append(words(0, 17, t('charts.nothing')));
  return el('figure', {}, el('figcaption', {}, title), svg);
}

/** Return the next round number a scale may end at. */
function nice(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 1.5, 3, 6, 10].map((each) => each * power).find((each) => each >= number);
}

/** Return a number as people of this language write it. */
export function number(value) {
  return value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function words(x, y, text, anchor = 'start') {
  const node = made('text', { x, y, 'text-anchor': anchor });
  node.textContent = text;
  return node;
}

function made(tag, props) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  return node;
}
