// Small helpers to build the page: everything people or models wrote goes in as text, never as markup.

import { language, t } from './i18n.js';

const SVG = 'http://www.w3.org/2000/svg';

/** Return an element; `on` holds listeners, every other key is a property or attribute; strings become text. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === 'class') node.className = value;
    else if (name === 'text') node.textContent = value;
    else if (name === 'data') Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

/** Return one of our own icons; it says nothing by itself. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Return a button; `label` is read aloud, and shown unless `glyph` stands for it. */
export function button(label, click, { glyph = null, kind = '' } = {}) {
  const props = { type: 'button', class: glyph ? `icon ${kind}` : kind, on: { click } };
  return glyph ? el('button', { ...props, title: label, 'aria-label': label }, icon(glyph)) : el('button', props, label);
}

/** Return words fit to be shown: no signs that turn the line round, at most two marks on a sign, cut at a word. */
export function shown(words, most = 600) {
  const calm = words.replace(/[\u202a-\u202e\u2066-\u2069]/g, '').replace(/(\p{M}{2})\p{M}+/gu, '$1');
  const signs = Array.from(calm);
  if (signs.length <= most) return calm;
  return `${signs.slice(0, most).join('').replace(/\s+\S*$/, '')}…`;
}

/** Return a <time> in the reader's own zone. */
export function time(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  const clock = at.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
  const day = at.toLocaleDateString(language, { day: 'numeric', month: 'short' });
  return el('time', { datetime: at.toISOString(), title: at.toLocaleString(language) }, today ? clock : `${day}, ${clock}`);
}

/** Return what a problem says, with the time a Limit opens again where it knows. */
export function problemText(problem) {
  const time = problem.opens_at && new Date(problem.opens_at).toLocaleTimeString(language);
  const opens = time ? ` ${t('page.opens', { time })}` : '';
  return `${problem.sentence ?? t('page.broken')} ${problem.hint ?? ''}`.trim() + opens;
}

/** Say something aloud to those who do not see the page. */
export function announce(text) {
  document.getElementById('live').textContent = text;
}

/** Show a short line for a moment. */
export function toast(text) {
  const line = document.getElementById('toast');
  line.textContent = text;
  line.hidden = false;
  clearTimeout(Number(line.dataset.timer));
  line.dataset.timer = String(setTimeout(() => { line.hidden = true; }, 3500));
}

/** Copy text, and say so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t('page.copied', { what }));
  } catch {
    toast(t('page.not_copied'));
  }
}
