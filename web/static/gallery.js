// The gallery: a Person's pictures, looked for by words, model, seed and date; only what is in view stands in the page.

import * as api from './api.js';
import { el, icon, problemText, shown } from './dom.js';
import { Grid } from './grid.js';
import { language, t } from './i18n.js';

const PAGE = 120;
const NARROW = ['model', 'seed', 'from', 'to'];
const TYPED_MS = 250;
const DAY_MS = 24 * 3600 * 1000;

/** Build the screen; what it returns is called when it is left. */
export async function mount(root, { query }) {
  const told = el('p', { class: 'count', role: 'status' });
  const when = el('p', { class: 'when' });
  const field = (name, label, props) => el('label', { class: name }, el('span', {}, label),
    el('input', { name, value: query.get(name) ?? '', ...props }));
  const models = el('select', { name: 'model' }, el('option', { value: '' }, t('pictures.any')));
  const favourite = el('input', { type: 'checkbox', name: 'favourite', checked: query.get('favourite') === '1' });
  const more = el('details', { class: 'narrow', open: NARROW.some((name) => query.get(name)) }, el('summary', {}, t('pictures.narrow')),
    el('div', { class: 'narrows' }, el('label', { class: 'model-of' }, el('span', {}, t('pictures.model')), models),
      field('seed', t('pictures.seed'), { inputmode: 'numeric', pattern: '[0-9]*', maxlength: '10' }),
      field('from', t('pictures.from'), { type: 'date' }), field('to', t('pictures.to'), { type: 'date' })));
  const form = el('form', { class: 'search', role: 'search', 'aria-label': t('pictures.search') },
    el('label', { class: 'words' }, el('span', { class: 'unseen' }, t('pictures.words')), icon('look'), el('input', { name: 'words', type: 'search',
      value: query.get('words') ?? '', maxlength: '500', autocomplete: 'off', placeholder: t('pictures.example') })),
    el('label', { class: 'check' }, favourite, icon('star'), t('pictures.favourites')), more);
  const mark = icon('brush');
  mark.classList.add('mark');
  const nothing = el('section', { class: 'empty', hidden: true }, mark, el('h3', {}, t('pictures.nothing')), el('p', {}, t('pictures.nothing_text')));
  const holder = el('div', { class: 'gallery' });
  root.append(el('div', { class: 'wide pictures-screen' },
    el('header', { class: 'bar' }, el('h2', {}, t('pictures.title')), when, told), form, nothing, holder));
  const say = (words) => { told.textContent = shown(words); };
  const grid = new Grid(holder, (problem) => say(problemText(problem)), (at) => { when.textContent = at ? day(at) : ''; });

  let turn = 0;
  async function look() {
    turn += 1;
    const mine = turn;
    const search = asked(form);
    // Whoever went on meanwhile keeps the address they went to.
    if (root.dataset.screen === 'pictures') window.history.replaceState(null, '', `#/pictures${search.size ? `?${search}` : ''}`);
    const fetched = (before) => api.gallery(search, before, PAGE);
    try {
      const first = await fetched(null);
      if (mine !== turn) return;
      say(first.total === 1 ? t('pictures.one') : t('pictures.many', { count: first.total.toLocaleString(language) }));
      nothing.hidden = first.total > 0;
      grid.show(first, fetched);
    } catch (problem) {
      if (mine === turn) say(problemText(problem));
    }
  }

  let timer = 0;
  form.addEventListener('submit', (event) => { event.preventDefault(); look(); });
  form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(look, TYPED_MS); });
  const all = await api.models();
  models.append(...all.map(({ name }) => el('option', { value: name, selected: name === query.get('model') }, name)));
  await look();
  return () => { clearTimeout(timer); turn += 1; grid.end(); };
}

/** Return the day of a time, as it is written in the language of the page. */
function day(ms) {
  const at = new Date(ms);
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return at.toLocaleDateString(language, { day: 'numeric', month: 'long', year });
}

/** Return what a form asks for, as the interface takes it. */
function asked(form) {
  const search = new URLSearchParams();
  const put = (name, value) => { if (value) search.set(name, value); };
  const midnight = (text) => (text ? new Date(`${text}T00:00`).getTime() : 0);
  put('words', form.words.value.trim());
  put('model', form.model.value);
  put('seed', form.seed.value.replace(/\D/g, ''));
  put('since', midnight(form.from.value));
  put('until', form.to.value && midnight(form.to.value) + DAY_MS);
  put('from', form.from.value);
  put('to', form.to.value);
  put('favourite', form.favourite.checked ? '1' : '');
  return search;
}
