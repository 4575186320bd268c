// What can be typed, in short; the words are the grammar's own.

import { button, el } from './dom.js';
import { t } from './i18n.js';

const ROWS = [
  ['a red heart on the grass', t('help.plain')],
  ['/imagine a cat --n 4', t('help.four')],
  ['a cat --no hat --seed 7', t('help.avoid')],
  ['a cat --steps 20 --guidance 6', t('help.steps')],
  ['a cat --ar 3:2', t('help.aspect')],
  ['a cat --style watercolour', t('help.style')],
  ['a {red, blue} heart', t('help.set')],
  ['a cat --strength 0.6', t('help.strength')],
  ['a cat --inpaint', t('help.inpaint')],
  ['/reroll', t('help.reroll')],
  ['/reproduce', t('help.reproduce')],
];

export class Helper {
  /** type(words) puts an example into the composer. */
  constructor(type) {
    this.dialog = document.getElementById('helper');
    const list = el('dl');
    for (const [words, what] of ROWS) {
      const example = button(words, () => { this.dialog.close(); type(words); }, { kind: 'example' });
      list.append(el('dt', {}, example), el('dd', {}, what));
    }
    this.dialog.append(
      el('header', {}, el('h2', { id: 'help-title' }, t('help.title')), button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
      list,
      el('p', {}, t('help.sketch')),
    );
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  open() {
    this.dialog.showModal();
  }
}
