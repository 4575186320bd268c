// One picture: its recipe, its files, its family, beside another, and painted again with the verdict.

import * as about from './about.js';
import { sharing } from './account.js';
import * as api from './api.js';
import { button, el, icon, problemText, shown } from './dom.js';
import { tree } from './family.js';
import { maybe, t } from './i18n.js';
import { Slider } from './slider.js';
import { star } from './star.js';

const LOOK_MS = 700;
const FACTORS = [2, 3, 4];
const PRESSES = ['upscale', 'vary', 'strong', 'reroll', 'remix', 'sketch'];

/** Build the screen of a picture; what it returns is called when it is left. */
export async function mount(root, { id, query }, page) {
  const [picture, family] = await Promise.all([api.show(id), api.family(id)]);
  const view = new View(picture, family, page);
  root.append(view.root);
  if (query.get('with')) await view.beside(query.get('with'));
  return () => { view.left = true; };
}

class View {
  constructor(picture, family, page) {
    Object.assign(this, { picture, page, left: false, other: null });
    this.told = el('p', { class: 'told', role: 'status' });
    this.stage = el('div', { class: 'stage' });
    this.whole();
    this.root = el('div', { class: 'wide view' },
      el('p', { class: 'back' }, el('a', { href: '#/pictures' }, `← ${t('nav.pictures')}`)),
      el('div', { class: 'spread' }, el('section', { class: 'look', 'aria-label': t('viewer.picture') }, this.stage, this.choosing(family)), this.about()),
      el('section', { class: 'panel family' }, el('h3', {}, t('family.title')), tree(family, picture.id)));
  }

  about() {
    const { picture, page } = this;
    const words = picture.prompt || t('viewer.title', { id: picture.id.slice(-6) });
    const can = PRESSES.filter((action) => picture.actions.includes(action));
    return el('div', { class: 'about' },
      el('header', { class: 'bar' }, el('h2', { dir: 'auto' }, shown(words, 200)), star(picture, (problem) => this.say(problem))),
      el('p', { class: 'facts' }, picture.facts),
      el('p', { class: 'row' }, ...can.map((action) => button(t(`action.${action}`), () => page.press(action, picture))),
        picture.actions.includes('reproduce') ? this.reproduce() : null),
      picture.actions.includes('upscale') ? this.enlarging() : null,
      this.told,
      about.facts([[t('view.avoid'), shown(picture.recipe.negative_prompt ?? '', 2000)], [t('view.typed'), shown(picture.typed, 2000)]]),
      picture.command ? about.command(picture.command, button(t('view.type'), () => page.retype(picture.command), { glyph: 'draw' })) : null,
      ...about.companions(picture), about.files(picture), sharing(picture),
      about.unfolds(t('view.ids'), about.facts([
        [t('viewer.picture'), about.code(picture.id)], [t('viewer.job'), about.code(picture.job)],
        [t('viewer.recipe'), about.code(picture.recipe_digest)],
        [t('viewer.pixels'), picture.pixels_digest ? about.code(picture.pixels_digest) : null],
      ])),
      about.details(t('viewer.recipe'), picture.recipe),
      picture.fingerprint ? about.details(t('viewer.fingerprint'), picture.fingerprint) : null);
  }

  /** Return a choice of how far and by what the picture is enlarged; which methods there are is asked for meanwhile. */
  enlarging() {
    const { picture } = this;
    const how = el('select', { 'aria-label': t('view.enlarge_how') });
    api.health().then(({ methods }) => how.append(...methods.flatMap((by) => FACTORS.map((factor) =>
      el('option', { value: `${factor} ${by}` }, `x${factor} ${by}`)))), (problem) => this.say(problem));
    const press = button(t('view.enlarge'), async () => {
      const [factor, by] = how.value.split(' ');
      press.disabled = true;
      try {
        const options = { factor: Number(factor), by };
        this.page.show(await api.ask({ kind: 'upscale', parent: picture.id, options, request_id: api.newId() }));
      } catch (problem) {
        this.say(problem);
      } finally {
        press.disabled = false;
      }
    });
    return el('p', { class: 'row enlarge' }, how, press);
  }

  /** Show the picture alone. */
  whole() {
    const { picture } = this;
    this.other = null;
    this.stage.replaceChildren(picture.error && picture.state === 'stored' ? el('p', {}, shown(picture.error))
      : el('img', { src: api.pictureUrl(picture.id), alt: picture.alt, width: picture.width, height: picture.height }));
  }

  reproduce() {
    const press = button(t('action.reproduce'), async () => {
      press.disabled = true;
      this.told.textContent = t('view.again');
      try {
        const [job] = await api.ask({ kind: 'reproduce', parent: this.picture.id, request_id: api.newId() });
        this.verdict(await this.ended(job.id));
      } catch (problem) {
        this.say(problem);
      } finally {
        press.disabled = false;
      }
    });
    return press;
  }

  verdict(job) {
    const word = job.pictures[0]?.verdict?.reproduce?.word ?? 'cannot';
    const same = word === 'identical';
    this.told.replaceChildren(el('span', { class: 'verdict', data: { word } }, icon(same ? 'check' : 'differ'),
      el('strong', {}, t(same ? 'card.same' : 'card.different')), el('span', {}, same ? t('card.same_text') : shown(job.sentence))));
  }

  /** Wait until a Job has ended and return it. */
  async ended(id) {
    for (;;) {
      const job = await api.job(id);
      if (job.ended_at !== null || this.left) return job;
      await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    }
  }

  /** Return what another picture is chosen with: one of the family, or any by its id. */
  choosing({ kin }) {
    const others = kin.filter((each) => each.id !== this.picture.id && each.state === 'stored' && !each.gone);
    const choice = el('select', { on: { change: () => this.beside(choice.value) } }, el('option', { value: '' }, t('view.nothing')),
      ...others.map((each) => el('option', { value: each.id },
        t('view.of_family', { kind: maybe(`kind.${each.kind}`) ?? each.kind, id: each.id.slice(-6), seed: each.seed }))));
    const typed = el('input', { maxlength: '26', placeholder: this.picture.id.slice(-6), autocomplete: 'off', on: { change: () => this.beside(typed.value.trim()) } });
    this.walk = button(t('view.walk'), () => this.page.walk(this.picture, this.other), { kind: 'quiet' });
    this.walk.hidden = true;
    return el('p', { class: 'beside-with' }, el('label', {}, t('view.compare'), choice), el('label', {}, t('view.compare_id'), typed), this.walk);
  }

  /** Show another picture over this one. */
  async beside(id) {
    // Until it is here, a walk would go to the one before.
    this.walk.hidden = true;
    try {
      if (id) {
        this.other = await api.picture(id);
        this.stage.replaceChildren(new Slider(this.picture, this.other).root);
      } else this.whole();
    } catch (problem) {
      this.say(problem);
    }
    this.walk.hidden = !this.other || [this.picture, this.other].some(({ recipe }) => recipe.op !== 'paint');
  }

  say(problem) {
    this.told.textContent = shown(problemText(problem));
  }
}
