// The family of a picture, drawn: from the sketch or the first picture down to all that was made from it.

import * as api from './api.js';
import { el } from './dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const SIDE = 88;
const ACROSS = 112;
const DOWN = 132;
const MADE = { imagine: 'sketch', reroll: 'reroll', vary: 'variation', upscale: 'upscale', remix: 'remix', reproduce: 'reproduced' };

/** Return the tree as an element that scrolls sideways; here is the picture it was asked for. */
export function tree({ first, kin }, here) {
  const nodes = new Map(kin.map((each) => [each.id, { ...each, below: [] }]));
  const top = nodes.get(first);
  for (const node of nodes.values()) if (node !== top) nodes.get(node.parent)?.below.push(node);
  const root = top.sketch ? { id: null, sketch: top.sketch, below: [top] } : top;
  const wide = placed(root, 0, 0);
  const deep = depth(root) + 1;
  const svg = made('svg', { viewBox: `0 0 ${wide * ACROSS} ${deep * DOWN}`, width: wide * ACROSS, height: deep * DOWN, role: 'group', 'aria-label': 'Family tree' });
  draw(svg, root, here);
  return el('div', { class: 'tree', tabindex: '0', role: 'region', 'aria-label': 'Family tree' }, svg);
}

/** Give every node its column and row, and return the next free column: parents stand over the middle of their children. */
function placed(node, column, row) {
  let next = column;
  for (const child of node.below) next = placed(child, next, row + 1);
  node.row = row;
  node.column = node.below.length ? (node.below[0].column + node.below.at(-1).column) / 2 : column;
  return Math.max(next, column + 1);
}

function depth(node) {
  return node.below.reduce((most, child) => Math.max(most, depth(child)), node.row);
}

function draw(svg, node, here) {
  const [x, y] = [node.column * ACROSS + (ACROSS - SIDE) / 2, node.row * DOWN + 8];
  for (const child of node.below) {
    const [to, under] = [child.column * ACROSS + ACROSS / 2, child.row * DOWN + 8];
    const middle = (y + SIDE + under) / 2;
    svg.append(made('path', { class: 'line', d: `M${x + SIDE / 2} ${y + SIDE} C${x + SIDE / 2} ${middle} ${to} ${middle} ${to} ${under}` }));
    draw(svg, child, here);
  }
  const label = node.id ? `${node.parent || node.sketch ? MADE[node.kind] ?? node.kind : node.kind}, seed ${node.seed}` : 'sketch';
  const href = node.id ? api.pictureUrl(node.id, 'thumb') : `${api.sketchUrl(node.sketch)}?form=thumb`;
  const part = node.id ? made('a', { href: `#/picture/${node.id}`, 'aria-label': label, class: node.id === here ? 'here' : '' }) : made('g', {});
  part.append(made('rect', { x, y, width: SIDE, height: SIDE, rx: 6 }));
  if (!node.gone && (node.state === 'stored' || !node.id)) {
    part.append(made('image', { x, y, width: SIDE, height: SIDE, href, preserveAspectRatio: 'xMidYMid slice' }));
  }
  const words = made('text', { x: x + SIDE / 2, y: y + SIDE + 14, 'text-anchor': 'middle' });
  words.textContent = label;
  part.append(words);
  svg.append(part);
}

function made(tag, props) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  return node;
}
