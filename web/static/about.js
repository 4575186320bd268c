// What is told of one Picture wherever it is shown large: its facts in rows, its command, its Recipe, its files.

import { pictureUrl } from './api.js';
import { button, copy, el, shown } from './dom.js';
import { t } from './i18n.js';

const FILES = [['viewer.with_recipe', 'png', 1], ['viewer.bare', 'png', 0], ['WebP', 'webp', 1], ['JPEG', 'jpeg', 1]];
const ENDS = { jpeg: 'jpg' };

/** Return [name, text or element] pairs as a list; those without a value are left out. */
export function facts(pairs) {
  return el('dl', { class: 'recipe-facts' }, ...pairs.filter(([, value]) => value)
    .flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

/** Return the command that paints it again, to be copied; other: one more button. */
export function command(words, other = null) {
  return el('div', { class: 'command' }, el('code', {}, shown(words, 3000)),
    button(t('card.copy'), () => copy(words, t('card.command')), { glyph: 'copy' }), other);
}

/** Return what unfolds. */
export function unfolds(name, ...inside) {
  return el('details', {}, el('summary', {}, name), ...inside);
}

/** Return what unfolds to some data. */
export function details(name, data) {
  return unfolds(name, el('pre', { tabindex: '0' }, JSON.stringify(data, null, 2)));
}

/** Return what is kept beside a picture, such as the sketch as a control read it: small, each a link to the whole. */
export function companions(picture) {
  return picture.companions.filter(({ gone }) => !gone).map(({ role, width, height }) => el('figure', { class: 'kept-beside' },
    el('a', { href: pictureUrl(picture.id, 'png', 0, role), target: '_blank', rel: 'noopener' },
      el('img', { src: pictureUrl(picture.id, 'thumb', 0, role), alt: t(`beside.${role}`), width, height, loading: 'lazy' })),
    el('figcaption', {}, t(`beside.${role}`))));
}

/** Return links to the file in each form. */
export function files(picture) {
  return el('p', { class: 'files' }, el('span', {}, t('viewer.download')), ...FILES.map(([label, form, recipe]) => el('a', {
    class: 'chip', href: pictureUrl(picture.id, form, recipe), download: `limner-${picture.id}.${ENDS[form] ?? form}`,
  }, label.includes('.') ? t(label) : label)));
}

export function code(text) {
  return el('code', {}, text);
}
