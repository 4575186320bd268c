// Two pictures over each other with a slider between them; the second is fitted to the first.

import * as api from './api.js';
import { el } from './dom.js';
import { t } from './i18n.js';

export class Slider {
  constructor(first, second) {
    const image = (picture, kind) => el('img', { class: kind, src: api.pictureUrl(picture.id), alt: picture.alt, draggable: 'false' });
    this.over = image(second, 'over');
    // It lies over the whole picture: a finger, a mouse and the arrow keys all move it.
    this.range = el('input', { type: 'range', min: '0', max: '100', value: '50', 'aria-label': t('view.slider'), on: { input: () => this.cut() } });
    this.both = el('div', { class: 'both' }, image(first, 'under'), this.over, el('span', { class: 'edge', 'aria-hidden': 'true' }), this.range);
    this.both.style.aspectRatio = `${first.width} / ${first.height}`;
    this.both.style.setProperty('--ratio', first.width / first.height);
    const side = (kind, label, { facts }) => el('span', { class: kind }, el('b', {}, label), ` ${facts}`);
    this.root = el('figure', { class: 'beside' }, this.both, el('figcaption', {}, side('left', t('view.left'), first), side('right', t('view.right'), second)));
    this.cut();
  }

  cut() {
    this.over.style.clipPath = `inset(0 0 0 ${this.range.value}%)`;
    this.both.style.setProperty('--cut', `${this.range.value}%`);
  }
}
