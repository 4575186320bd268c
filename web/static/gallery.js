// The gallery: a Person's pictures, looked for by words, model, seed and date; only what is in view stands in the page.

import * as api from './api.js';
import { el, problemText, shown } from './dom.js';
import { Grid } from './grid.js';

const PAGE = 120;
const TYPED_MS = 250;
const DAY_MS = 24 * 3600 * 1000;

/** Build the screen; what it returns is called when it is left. */
export async function mount(root, { query }) {
  const told = el('p', { class: 'told', role: 'status' });
  const field = (name, label, props) => el('label', {}, label, el('input', { name, value: query.get(name) ?? '', ...props }));
  const models = el('select', { name: 'model', 'aria-label': 'Model' }, el('option', { value: '' }, 'any model'));
  const favourite = el('input', { type: 'checkbox', name: 'favourite', checked: query.get('favourite') === '1' });
  const form = el('form', { class: 'search', role: 'search' },
    field('words', 'Words', { type: 'search', maxlength: '500', placeholder: 'fox snow' }), models,
    field('seed', 'Seed', { inputmode: 'numeric', pattern: '[0-9]*', maxlength: '10', size: '10' }),
    field('from', 'From', { type: 'date' }), field('to', 'To', { type: 'date' }),
    el('label', { class: 'check' }, favourite, 'Favourites'));
  const holder = el('div', { class: 'gallery' });
  root.append(el('h2', {}, 'Pictures'), form, told, holder);
  const grid = new Grid(holder, root, { star: (hit, on) => api.favourite(hit.id, on), trouble: (problem) => say(problemText(problem)) });
  const say = (words) => { told.textContent = shown(words); };

  let turn = 0;
  async function look() {
    turn += 1;
    const mine = turn;
    const search = asked(form);
    window.history.replaceState(null, '', `#/pictures${search.size ? `?${search}` : ''}`);
    const fetched = (before) => api.gallery(search, before, PAGE);
    try {
      const first = await fetched(null);
      if (mine !== turn) return;
      say(first.total === 1 ? '1 picture' : `${first.total.toLocaleString()} pictures`);
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
