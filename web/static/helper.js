// What can be typed, in short; the words are the grammar's own.

import { button, el } from './dom.js';

const ROWS = [
  ['a red heart on the grass', 'plain words are painted, as /imagine would'],
  ['/imagine a cat --n 4', 'four pictures, seeds in a row'],
  ['a cat --no hat --seed 7', 'what to avoid; the same seed is the same picture'],
  ['a cat --steps 20 --guidance 6', 'how many steps, how hard the words pull'],
  ['a cat --ar 3:2', 'an aspect; or --size 128x96 in multiples of 8'],
  ['a cat --style watercolour', 'a manner of painting; ./limner styles lists them'],
  ['a {red, blue} heart', 'one picture for each word of a set'],
  ['a cat --strength 0.6', 'with a sketch: how much of it is painted over'],
  ['a cat --inpaint', 'with a sketch: only its transparent part is painted'],
  ['/reroll', 'your last picture again with a new seed; name another by the end of its id'],
  ['/reproduce', 'your last picture again, to the bit'],
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
      el('header', {}, el('h2', { id: 'help-title' }, 'What can I type?'), button('Close', () => this.dialog.close(), { glyph: 'close' })),
      list,
      el('p', {}, 'A sketch: draw it, paste it, drop it here, or press “Use as sketch” below any picture.'),
    );
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  open() {
    this.dialog.showModal();
  }
}
