// Two pictures over each other with a slider between them; the second is fitted to the first.

import * as api from './api.js';
import { el } from './dom.js';

export class Slider {
  constructor(first, second) {
    const image = (picture, kind) => el('img', { class: kind, src: api.pictureUrl(picture.id), alt: picture.alt, draggable: 'false' });
    this.over = image(second, 'over');
    this.range = el('input', {
      type: 'range', min: '0', max: '100', value: '50', 'aria-label': 'How much of the first picture is shown, in percent',
      on: { input: () => this.cut() },
    });
    const both = el('div', { class: 'both' }, image(first, 'under'), this.over);
    both.addEventListener('pointermove', (event) => {
      if (!event.buttons && event.pointerType === 'mouse') return;
      const box = both.getBoundingClientRect();
      this.range.value = String(Math.round(100 * (event.clientX - box.left) / box.width));
      this.cut();
    });
    this.root = el('figure', { class: 'beside' }, both, this.range,
      el('figcaption', {}, `Left ${first.facts}; right ${second.facts}`));
    this.cut();
  }

  cut() {
    this.over.style.clipPath = `inset(0 0 0 ${this.range.value}%)`;
  }
}
