// Side by side: all Pictures that were asked for at once, laid out by the one or two options they differ in.

import * as api from './api.js';
import { el, shown } from './dom.js';
import { t } from './i18n.js';
import { Slot } from './slot.js';

const PAGE = 100;
/** What Pictures may differ in, and how it is typed. */
const DIFFERS = {
  '--seed': (recipe) => recipe.seed,
  '--steps': (recipe) => recipe.steps,
  '--guidance': (recipe) => recipe.guidance,
  '--sampler': (recipe) => recipe.sampler,
  '--size': (recipe) => `${recipe.width}x${recipe.height}`,
  '--strength': (recipe) => recipe.strength,
  '--vary': (recipe) => (recipe.vary ? `${recipe.vary.seed}:${recipe.vary.amount ?? 0}` : undefined),
  '--no': (recipe) => recipe.negative_prompt,
  '--model': (recipe) => recipe.model?.digest.slice(0, 8),
  '--prompt': (recipe) => recipe.prompt,
};

/** Build the screen; what it returns is called when it is left. */
export async function mount(root, { id }, page) {
  const asked = await api.job(id);
  const found = asked.typed ? (await api.search(asked.typed, PAGE)).filter((job) => together(job, asked)) : [];
  const jobs = (found.length ? found : [asked]).sort((one, other) => (one.id < other.id ? -1 : 1));
  const slots = new Map();
  const grid = el('div', { class: 'compare' });
  const update = (job) => job.pictures.forEach((picture) => {
    const slot = slots.get(picture.id);
    slot.update(picture, job.state === 'running');
    slot.name(slot.stored ? t('card.open') : '', null);
  });
  const cells = jobs.flatMap((job) => job.pictures);
  for (const picture of cells) slots.set(picture.id, new Slot(picture, () => { window.location.hash = `#/picture/${picture.id}`; }));
  const known = new Map(jobs.map((job) => [job.id, job]));
  jobs.forEach(update);
  lay(grid, cells, slots);
  const [first] = cells;
  root.append(el('div', { class: 'wide' },
    el('h2', {}, t('plot.sheet')), el('p', { class: 'words', dir: 'auto' }, shown(asked.typed || first.prompt)), grid));
  return page.listen((event) => {
    const job = known.get(event.job?.id ?? event.job);
    if (!job) return;
    if (event.type === 'move') { known.set(event.job.id, event.job); update(event.job); }
    else if (event.type === 'stepping' && job.pictures[event.picture]) slots.get(job.pictures[event.picture].id).step(event);
  });
}

/** Say whether two Jobs were asked for at once: of one line of words, accepted in one move. */
function together(job, other) {
  return job.typed === other.typed && job.created_at === other.created_at;
}

function lay(grid, cells, slots) {
  const axes = Object.entries(DIFFERS)
    .map(([name, read]) => ({ name, read, values: [...new Set(cells.map(({ recipe }) => read(recipe)))] }))
    .filter(({ values }) => values.length > 1);
  // The option that changes from one Picture to the next goes across, as the grammar writes them out.
  const [down, across] = axes.length === 2 && axes[0].read(cells[0].recipe) !== axes[0].read(cells[1].recipe) ? axes.reverse() : axes;
  if (axes.length === 2 && down.values.length * across.values.length === cells.length) {
    grid.append(table(cells, slots, across, down));
    return;
  }
  grid.classList.add('flow');
  grid.append(...cells.map((picture) => {
    const { root } = slots.get(picture.id);
    root.prepend(el('p', { class: 'cell' }, ...axes.map(({ name, read }) => label(name, read(picture.recipe)))));
    return root;
  }));
}

function table(cells, slots, across, down) {
  const at = (one, other) => cells.find(({ recipe }) => across.read(recipe) === one && down.read(recipe) === other);
  return el('table', {},
    el('thead', {}, el('tr', {}, el('td'), ...across.values.map((value) => el('th', { scope: 'col' }, label(across.name, value))))),
    el('tbody', {}, ...down.values.map((value) => el('tr', {}, el('th', { scope: 'row' }, label(down.name, value)),
      ...across.values.map((other) => el('td', {}, slots.get(at(other, value).id).root))))));
}

function label(name, value) {
  return el('code', {}, shown(`${name} ${value ?? '–'}`, 60));
}
