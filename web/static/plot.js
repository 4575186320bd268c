// Compare many: seeds in a grid, two options against each other, a walk between two seeds. All it does is to write
// words anybody could type, so that every cell is a Job or Picture of the log.

import * as api from './api.js';
import { button, el, problemText, shown } from './dom.js';
import { t } from './i18n.js';
import { field } from './remix.js';

const MOST = 16;
const AXES = {
  steps: '8 16 32', guidance: '2 5 8', seed: '1 2 3', strength: '0.3 0.6 0.9', sampler: '', style: '', model: '', ar: '1:1 3:2 2:3',
};
const KINDS = ['seeds', 'two', 'walk'];

export class Plot {
  /** asked(sheets) shows what was accepted. */
  constructor(asked) {
    this.asked = asked;
    this.dialog = document.getElementById('plot');
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  /** Ask what to compare, of words or of a Picture; other: the one a walk from it goes to. */
  async open({ words = '', picture = null, other = null }) {
    const known = await api.completions();
    this.picture = picture;
    this.kind = picture ? 'walk' : 'seeds';
    const value = (name) => known.options.find((option) => option.name === name)?.values.slice(0, 3).join(' ') ?? '';
    this.axes = Object.fromEntries(Object.entries(AXES).map(([name, values]) => [name, values || value(name)]));
    this.trouble = el('p', { class: 'trouble', role: 'alert' });
    this.count = el('output', { class: 'hint', 'aria-live': 'polite' });
    this.main = el('button', { type: 'submit', class: 'main' });
    this.words = el('textarea', { rows: '2', maxlength: '2000', id: 'plot-words' });
    this.words.value = picture ? picture.words : words;
    this.parts = { seeds: this.seeds(), two: this.two(), walk: this.walk() };
    const kinds = el('div', { class: 'tabs', role: 'radiogroup', 'aria-label': t('plot.title') }, ...KINDS.map((kind) =>
      el('label', {}, el('input', { type: 'radio', name: 'plot-kind', value: kind, checked: kind === this.kind,
        on: { change: () => { this.kind = kind; this.update(); } } }), t(`plot.${kind}`))));
    this.dialog.replaceChildren(el('form', { method: 'dialog', on: { submit: (event) => { event.preventDefault(); this.send(); }, input: () => this.update() } },
      el('header', {}, el('h2', { id: 'plot-title' }, t('plot.title')), button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
      el('p', { class: 'hint' }, t('plot.text')), kinds, field('plot-words', t('plot.words'), this.words), ...Object.values(this.parts),
      this.trouble, el('footer', {}, this.count, button(t('remix.cancel'), () => this.dialog.close()), this.main)));
    if (other) this.towards(picture, other);
    this.update();
    this.dialog.showModal();
  }

  /** Let the walk go to another Picture's noise, and say where that is not the whole way to it. */
  towards({ recipe }, other) {
    this.to.value = String(other.seed);
    const names = new Set([...Object.keys(recipe), ...Object.keys(other.recipe)].filter((name) => name !== 'seed'));
    const differ = [...names].filter((name) => name === 'vary' || JSON.stringify(recipe[name]) !== JSON.stringify(other.recipe[name]));
    if (differ.length) this.trouble.textContent = t('plot.differ', { fields: differ.join(', ') });
  }

  seeds() {
    this.many = number('plot-count', '9', 2, MOST);
    this.first = number('plot-first', this.picture ? String(this.picture.seed) : '', 0, 4294967295);
    return el('div', { class: 'pair' }, field('plot-count', t('plot.count'), this.many), field('plot-first', t('plot.first'), this.first, t('plot.first_hint')));
  }

  two() {
    this.across = this.axis('across', 'steps');
    this.down = this.axis('down', 'guidance');
    return el('div', { class: 'pair' }, this.across.root, this.down.root);
  }

  axis(side, first) {
    const values = el('input', { type: 'text', id: `plot-${side}-values`, maxlength: '300', 'aria-label': `${t(`plot.${side}`)}: ${t('plot.values')}` });
    const option = el('select', { id: `plot-${side}`, on: { change: () => { values.value = this.axes[option.value] ?? ''; } } },
      el('option', { value: '' }, t('plot.nothing')),
      ...Object.keys(this.axes).map((name) => el('option', { value: name, selected: name === first }, `--${name}`)));
    values.value = this.axes[first];
    return { option, values, root: el('div', { class: 'axis' }, field(`plot-${side}`, t(`plot.${side}`), option), el('p', { class: 'field' }, values, el('small', {}, t('plot.values')))) };
  }

  walk() {
    this.from = number('plot-from', this.picture ? String(this.picture.seed) : '1', 0, 4294967295);
    this.to = number('plot-to', '2', 0, 4294967295);
    this.frames = number('plot-frames', '5', 2, MOST);
    return el('div', {}, el('div', { class: 'pair' }, field('plot-from', t('plot.first'), this.from), field('plot-to', t('plot.to'), this.to, t('plot.to_hint')),
      field('plot-frames', t('plot.frames'), this.frames)), el('p', { class: 'hint' }, t('plot.walked')));
  }

  /** Return the values typed on one side, none where no option is chosen. */
  values({ option, values }) {
    return option.value ? values.value.split(/[\s,]+/).filter(Boolean) : [];
  }

  cells() {
    if (this.kind === 'seeds') return Number(this.many.value);
    if (this.kind === 'walk') return Number(this.frames.value);
    return Math.max(1, this.values(this.across).length) * Math.max(1, this.values(this.down).length);
  }

  update() {
    for (const [kind, part] of Object.entries(this.parts)) {
      part.hidden = kind !== this.kind;
      // What is not seen is not checked either.
      for (const input of part.querySelectorAll('input, select')) input.disabled = kind !== this.kind;
    }
    const count = this.cells();
    this.count.textContent = t(count > MOST ? 'plot.too_many' : 'plot.cells', { count, most: MOST });
    this.main.textContent = t('plot.paint', { count });
    this.main.disabled = !(count >= 2 && count <= MOST);
  }

  /** Return the options that make the cells, as they would be typed. */
  flags() {
    if (this.kind === 'seeds') return `--n ${this.many.value}${this.first.value ? ` --seed ${this.first.value}` : ''}`;
    if (this.kind === 'walk') {
      const last = this.frames.value - 1;
      const amounts = Array.from({ length: last + 1 }, (_, nth) => Number((nth / last).toFixed(4)));
      return `--seed ${this.from.value} --vary ${this.to.value}:{${amounts.join(', ')}}`;
    }
    return [this.down, this.across].map((side) => [side.option.value, this.values(side)]).filter(([, values]) => values.length)
      .map(([name, values]) => `--${name} {${values.join(', ')}}`).join(' ');
  }

  async send() {
    const words = `${this.words.value.trim()} ${this.flags()}`.trim();
    this.main.disabled = true;
    this.trouble.textContent = '';
    try {
      const about = this.picture ? { kind: 'remix', parent: this.picture.id } : {};
      const sheets = await api.ask({ ...about, words, request_id: api.newId(), sure: true });
      this.dialog.close();
      this.asked(sheets);
    } catch (problem) {
      this.trouble.textContent = shown(problemText(problem));
    } finally {
      this.main.disabled = false;
    }
  }
}

function number(id, value, min, max) {
  return el('input', { type: 'number', id, value, min: String(min), max: String(max), step: '1' });
}
