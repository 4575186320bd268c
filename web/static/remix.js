// The Remix dialog: a Picture asked for again with other words, seed, strength or sketch; what is not changed stays.

import * as api from './api.js';
import { button, el, problemText, shown } from './dom.js';
import { t } from './i18n.js';

/** Presses that vary a Picture, and by which of the amounts that have names. */
const VARIES = { vary: 'subtle', remix: 'subtle', strong: 'strong' };
/** Presses that are about a Job's Pictures all together. */
const WHOLE = new Set(['remix', 'reroll']);

/** Return what is asked for where a press paints again without a question. */
export async function plain(action, picture) {
  if (!(action in VARIES)) return { kind: action, parent: picture.id };
  const { amounts } = await api.completions();
  return { kind: 'vary', parent: picture.id, options: { amount: amounts[VARIES[action]] } };
}

export class Remix {
  constructor() {
    this.dialog = document.getElementById('remix');
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  /** Ask what is to change; asks(body) sends it and may throw. Resolves when the dialog is closed. */
  open(action, picture, asks) {
    const { recipe } = picture;
    const before = {
      words: picture.words, negative: recipe.negative_prompt ?? '', seed: action === 'reroll' ? 'new' : 'keep',
      strength: recipe.strength === undefined ? '' : String(recipe.strength),
    };
    const words = el('textarea', { rows: '4', maxlength: '4000', id: 'remix-words', 'aria-describedby': 'remix-words-hint' });
    const negative = el('input', { type: 'text', maxlength: '2000', id: 'remix-negative' });
    const strength = el('input', { type: 'number', min: '0', max: '1', step: 'any', id: 'remix-strength', 'aria-describedby': 'remix-strength-hint' });
    const sketch = el('input', { type: 'file', accept: 'image/png,image/jpeg,image/webp,image/gif', id: 'remix-sketch' });
    words.value = before.words;
    negative.value = before.negative;
    strength.value = before.strength;
    const seeds = el('span', { class: 'choices', role: 'radiogroup', 'aria-label': t('remix.seed') },
      this.radio('keep', t('remix.keep', { seed: picture.seed }), before.seed), this.radio('new', t('remix.new'), before.seed));
    const trouble = el('p', { class: 'trouble', role: 'alert' });
    const read = () => ({
      words: words.value.trim(), negative: negative.value.trim(), strength: strength.value.trim(),
      seed: this.dialog.querySelector('[name=remix-seed]:checked').value,
    });
    const form = el('form', { method: 'dialog', on: { submit: (event) => {
      event.preventDefault();
      this.send(form, trouble, () => this.body(action, picture, before, read(), sketch.files[0]), asks);
    } } },
    el('header', {}, el('h2', { id: 'remix-title' }, t('remix.title')), button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
    field('remix-words', t('remix.prompt'), words, t('remix.prompt_hint')), field('remix-negative', t('remix.negative'), negative),
    el('p', { class: 'field' }, el('span', { class: 'label' }, t('remix.seed')), seeds),
    field('remix-strength', t('remix.strength'), strength, t('remix.strength_hint')), field('remix-sketch', t('remix.sketch'), sketch),
    trouble,
    el('footer', {}, button(t('remix.cancel'), () => this.dialog.close()), el('button', { type: 'submit', class: 'main' }, t('remix.paint'))));
    this.dialog.replaceChildren(form);
    this.dialog.showModal();
    words.focus();
    return new Promise((resolve) => { this.dialog.addEventListener('close', () => resolve(), { once: true }); });
  }

  async send(form, trouble, body, asks) {
    const main = form.querySelector('.main');
    main.disabled = true;
    trouble.textContent = '';
    try {
      await asks(await body());
      this.dialog.close();
    } catch (problem) {
      trouble.textContent = shown(problemText(problem));
    } finally {
      main.disabled = false;
    }
  }

  /** Return what is to be asked; nothing changed is a plain vary, or a plain reroll where that was pressed. */
  async body(action, picture, before, now, file) {
    const changed = Object.keys(before).filter((name) => now[name] !== before[name]);
    if (!changed.length && !file) return plain(action, picture);
    const options = { keep_seed: now.seed !== 'new', whole: WHOLE.has(action) };
    if (changed.includes('negative')) options.negative_prompt = now.negative;
    if (changed.includes('strength') && now.strength) options.strength = Number(now.strength);
    const sketch = file ? { sketch: (await api.takeSketch(file)).digest } : {};
    const words = changed.includes('words') ? { words: now.words } : {};
    return { kind: 'remix', parent: picture.id, options, ...words, ...sketch };
  }

  radio(value, label, chosen) {
    return el('label', {}, el('input', { type: 'radio', name: 'remix-seed', value, checked: value === chosen }), label);
  }
}

/** Return a field of a form with its label and, below it, what helps. */
export function field(id, label, input, hint = '') {
  return el('p', { class: 'field' }, el('label', { for: id }, label), input, hint ? el('small', { id: `${id}-hint` }, hint) : null);
}
