// One picture: its recipe, its files, its family, beside another, and painted again with the verdict.

import { sharing } from './account.js';
import * as api from './api.js';
import { Slider } from './slider.js';
import { button, copy, el, problemText, shown } from './dom.js';
import { tree } from './family.js';

const FILES = [['PNG with its recipe', 'png', 1], ['PNG without', 'png', 0], ['WebP', 'webp', 1], ['JPEG', 'jpeg', 1]];
const LOOK_MS = 700;

/** Build the screen of a picture; what it returns is called when it is left. */
export async function mount(root, { id, query }, page) {
  let left = false;
  const [picture, family] = await Promise.all([api.show(id), api.family(id)]);
  const told = el('p', { class: 'told', role: 'status' });
  const stage = el('div', { class: 'stage' });
  const whole = () => (picture.error && picture.state === 'stored'
    ? stage.replaceChildren(el('p', {}, shown(picture.error)))
    : stage.replaceChildren(el('img', { src: api.pictureUrl(picture.id), alt: picture.alt, width: picture.width, height: picture.height })));
  whole();

  const star = button('Favourite', async () => {
    const { favourite } = await api.favourite(picture.id, star.getAttribute('aria-pressed') !== 'true');
    star.setAttribute('aria-pressed', String(favourite));
  }, { kind: 'star' });
  star.setAttribute('aria-pressed', String(picture.favourite));
  const press = (kind, label) => button(label, () => page.ask(kind, picture).catch(say));
  const say = (problem) => { told.textContent = shown(problemText(problem)); };
  const reproduce = button('Reproduce', async () => {
    reproduce.disabled = true;
    told.textContent = 'Painting it again…';
    try {
      const [job] = await api.ask({ kind: 'reproduce', parent: picture.id, request_id: api.newId() });
      told.textContent = `Reproduced: ${await ended(job.id, () => left)}`;
    } catch (problem) {
      say(problem);
    } finally {
      reproduce.disabled = false;
    }
  });
  const can = (action) => picture.actions.includes(action);
  const acts = el('p', { class: 'acts' }, star,
    can('reroll') ? press('reroll', 'Reroll') : null, can('vary') ? press('vary', 'Vary') : null,
    can('upscale') ? press('upscale', 'Upscale x2') : null,
    can('sketch') ? button('Use as sketch', () => page.sketchFrom(picture.id)) : null,
    can('reproduce') ? reproduce : null,
    button('Copy as command', () => copy(picture.command, 'Command')),
    button('Type it', () => page.retype(picture.command)));
  const files = el('p', { class: 'files' }, 'Download: ', ...FILES.map(([label, form, recipe]) =>
    el('a', { href: api.pictureUrl(picture.id, form, recipe), download: '' }, label)));

  const others = family.kin.filter((each) => each.id !== picture.id && each.state === 'stored' && !each.gone);
  const choice = el('select', { 'aria-label': 'Compare with' }, el('option', { value: '' }, 'Compare with…'),
    ...others.map((each) => el('option', { value: each.id }, `${each.kind} ${each.id.slice(-6)}, seed ${each.seed}`)));
  const typed = el('input', { 'aria-label': 'Compare with the picture of this id', placeholder: 'or an id', maxlength: '26', size: '9' });
  const compare = async (other) => {
    if (!other) { whole(); return; }
    try {
      const second = await api.picture(other);
      stage.replaceChildren(new Slider(picture, second).root);
    } catch (problem) {
      say(problem);
    }
  };
  choice.addEventListener('change', () => compare(choice.value));
  typed.addEventListener('change', () => compare(typed.value.trim()));

  root.append(el('p', {}, el('a', { href: '#/pictures' }, '← Pictures')),
    el('h2', {}, shown(picture.prompt || `Picture ${picture.id.slice(-6)}`, 120)), stage, acts, told, files, sharing(picture),
    el('p', { class: 'compare-with' }, choice, typed), facts(picture),
    el('section', { class: 'family' }, el('h3', {}, 'Family'), tree(family, picture.id)));
  if (query.get('with')) await compare(query.get('with'));
  return () => { left = true; };
}

/** Wait until a job has ended and return what it says. */
async function ended(id, left) {
  for (;;) {
    const job = await api.job(id);
    if (job.ended_at !== null || left()) return shown(job.sentence);
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
}

function facts(picture) {
  const rows = [['Prompt', picture.prompt], ['Avoid', picture.recipe.negative_prompt], ['Made with', picture.facts],
    ['Asked', picture.typed], ['Command', picture.command], ['Recipe', picture.recipe_digest], ['Pixels', picture.pixels_digest],
    ['Painted by', picture.fingerprint ? JSON.stringify(picture.fingerprint) : ''], ['Id', picture.id]];
  return el('dl', { class: 'recipe-facts' }, ...rows.filter(([, value]) => value).flatMap(([name, value]) =>
    [el('dt', {}, name), el('dd', {}, shown(String(value), 4000))]));
}

