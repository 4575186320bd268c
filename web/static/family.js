// The family of a picture, drawn: from the sketch or the first picture down to all that was made from it.

import * as api from './api.js';
import { el } from './dom.js';
import { maybe, t } from './i18n.js';

const SVG = 'http://www.w3.org/2000/svg';
const SIDE = 92;
const LABELS = 38;
const ACROSS = SIDE + 72;
const DOWN = SIDE + LABELS + 18;

/** Return the tree as an element that scrolls sideways; here is the picture it was asked for. */
export function tree({ first, kin }, here) {
  const nodes = new Map(kin.map((each) => [each.id, { ...each, below: [] }]));
  const top = nodes.get(first);
  for (const node of nodes.values()) if (node !== top) nodes.get(node.parent)?.below.push(node);
  const root = top.sketch ? { id: null, sketch: top.sketch, below: [top] } : top;
  const high = placed(root, 0, 0);
  const deep = depth(root) + 1;
  const [width, height] = [deep * ACROSS - 52, high * DOWN];
  const svg = made('svg', { viewBox: `0 0 ${width} ${height}` });
  svg.style.width = `${width}px`;
  svg.style.height = `${height}px`;
  draw(svg, root, here);
  return el('div', { class: 'tree', tabindex: '0', role: 'region', 'aria-label': t('family.label') }, svg);
}

/** Give every node its column and row, and return the next free row: parents stand before the middle of their children. */
function placed(node, column, row) {
  let next = row;
  for (const child of node.below) next = placed(child, column + 1, next);
  node.column = column;
  node.row = node.below.length ? (node.below[0].row + node.below.at(-1).row) / 2 : row;
  return Math.max(next, row + 1);
}

function depth(node) {
  return node.below.reduce((most, child) => Math.max(most, depth(child)), node.column);
}

function draw(svg, node, here) {
  const [x, y] = [node.column * ACROSS + 10, node.row * DOWN + 8];
  for (const child of node.below) {
    const [from, to] = [x + SIDE + 6, child.column * ACROSS + 4];
    const [level, other, middle] = [y + SIDE / 2, child.row * DOWN + 8 + SIDE / 2, (from + to) / 2];
    svg.append(made('path', { class: 'line', d: `M${from} ${level} C${middle} ${level} ${middle} ${other} ${to} ${other}` }));
    draw(svg, child, here);
  }
  const name = node.id ? madeBy(node) : t('family.sketch');
  const seed = node.id && node.kind !== 'upscale' ? t('family.seed', { seed: node.seed }) : '';
  const label = seed ? `${name}, ${seed}` : name;
  const href = node.id ? api.pictureUrl(node.id, 'thumb') : `${api.sketchUrl(node.sketch)}?form=thumb`;
  const part = node.id ? made('a', { href: `#/picture/${node.id}`, 'aria-label': label, class: node.id === here ? 'here' : '' }) : made('g', {});
  part.append(made('rect', { x, y, width: SIDE, height: SIDE, rx: 10 }));
  if (!node.gone && (node.state === 'stored' || !node.id)) {
    part.append(made('image', { x, y, width: SIDE, height: SIDE, href, preserveAspectRatio: 'xMidYMid slice' }));
  }
  part.append(text(x, y + SIDE + 16, name, 'name'), text(x, y + SIDE + 30, seed, 'seed'));
  svg.append(part);
}

/** Say what made a picture what it is: the button pressed, or a sketch. */
function madeBy({ kind, sketch, parent }) {
  return kind === 'imagine' && (sketch || parent) ? t('family.from_sketch') : maybe(`kind.${kind}`) ?? kind;
}

function text(x, y, words, kind) {
  const node = made('text', { x: x + SIDE / 2, y, 'text-anchor': 'middle', class: kind });
  node.textContent = words;
  return node;
}

function made(tag, props) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  return node;
}
