// One Job's card: what was asked, how it stands, its Pictures and what may be done with them.

import { sketchUrl } from './api.js';
import { button, el, icon, problemText, shown, time } from './dom.js';
import { maybe, t } from './i18n.js';
import { Slot } from './slot.js';
import { rows } from './tools.js';

const FIRST = 10;
const OPEN = new Set(['queued', 'running']);

export class Card {
  /** acts: press(action, picture, job), cancel(job), remove(job), reveal(pictureId), retype(words). */
  constructor(sheet, acts) {
    this.acts = acts;
    this.slots = new Map();
    this.picked = null;
    this.chosen = false;
    this.whole = false;
    this.heard = 0;
    this.state = el('p', { class: 'state' });
    this.bar = el('progress', { max: '1', 'aria-label': t('card.bar') });
    this.verdict = el('div', { class: 'verdict' });
    this.pictures = el('div', { class: 'pictures' });
    this.facts = el('p', { class: 'facts' });
    this.notes = el('ul', { class: 'notes' });
    this.tools = el('div', { class: 'tools', role: 'group', 'aria-label': t('card.tools') });
    this.trouble = el('p', { class: 'trouble', role: 'alert' });
    this.said = el('p', { class: 'prompt', dir: 'auto' });
    this.side = el('div', { class: 'side' }, this.verdict, this.state, this.bar, this.said, this.facts, this.notes,
      this.tools, this.trouble);
    this.answer = el('div', { class: 'answer' }, this.pictures, this.side);
    this.root = el('article', { class: 'card', id: `job-${sheet.id}`, tabindex: '-1' }, this.asked(sheet), this.answer);
    this.update(sheet);
  }

  get id() {
    return this.sheet.id;
  }

  update(sheet) {
    this.sheet = sheet;
    const open = OPEN.has(sheet.state);
    this.root.dataset.state = sheet.state;
    this.root.dataset.kind = sheet.kind;
    this.root.setAttribute('aria-busy', String(open));
    this.root.setAttribute('aria-label', `${kindOf(sheet)}: ${shown(sheet.typed || this.prompt, 120)}`);
    this.updateSlots(sheet);
    this.state.textContent = shown(sheet.sentence);
    this.bar.hidden = sheet.state !== 'running';
    this.fill();
    this.updateVerdict();
    this.notes.replaceChildren(...sheet.notes.map((note) => el('li', {}, shown(note))));
    this.updatePicked();
  }

  /** Take what passes by: a place in the queue, or a step with its preview. */
  waiting(event) {
    if (this.sheet.state === 'queued') this.state.textContent = event.sentence;
  }

  stepping(event) {
    if (this.sheet.state !== 'running') return;
    this.state.textContent = event.sentence;
    const picture = this.sheet.pictures[event.picture];
    if (picture) this.slots.get(picture.id).step(event);
    this.fill();
  }

  get prompt() {
    return this.sheet.pictures[0]?.prompt ?? '';
  }

  /** Return the words that were painted, where those typed hold more: options, or sets of which this is one. */
  ownWords() {
    const { typed } = this.sheet;
    return /--|\{|^\/(?!imagine )/.test(typed) ? shown(this.prompt, 200) : '';
  }

  asked(sheet) {
    this.sheet = sheet;
    const first = sheet.pictures[0];
    const words = el('p', { class: 'words', dir: 'auto' });
    if (sheet.typed && sheet.kind !== 'remix') words.append(shown(sheet.typed));
    else words.append(el('b', {}, kindOf(sheet)), this.prompt ? ` ${shown(sheet.typed || this.prompt)}` : '');
    const meta = el('p', { class: 'meta' }, time(sheet.created_at));
    if (first?.parent) {
      const from = first.parent;
      meta.append(button(t('card.from', { id: from.slice(-6) }), () => this.acts.reveal(from), { kind: 'link' }));
    }
    const sketch = first?.sketch
      ? el('img', { class: 'start', src: sketchUrl(first.sketch), alt: t('card.sketch'), loading: 'lazy' })
      : null;
    return el('div', { class: 'asked' }, el('div', { class: 'bubble' }, sketch, words), meta);
  }

  updateSlots(sheet) {
    const few = this.whole ? sheet.pictures : sheet.pictures.slice(0, FIRST);
    for (const picture of sheet.pictures) {
      const slot = this.slots.get(picture.id);
      if (slot) slot.update(picture, sheet.state === 'running');
      else this.slots.set(picture.id, new Slot(picture, (picked) => this.pick(picked)));
    }
    const roots = few.map((picture) => this.slots.get(picture.id).root);
    if (roots.length < sheet.pictures.length) {
      const more = t('card.more', { count: sheet.pictures.length - FIRST });
      roots.push(button(more, () => { this.whole = true; this.update(this.sheet); }, { kind: 'more' }));
    }
    this.answer.dataset.count = String(Math.min(few.length, FIRST));
    this.pictures.hidden = !OPEN.has(sheet.state) && !sheet.pictures.some(({ state }) => state === 'stored');
    const same = roots.length === this.pictures.childElementCount
      && roots.every((root, index) => root === this.pictures.children[index]);
    if (!same) this.pictures.replaceChildren(...roots);
  }

  updateVerdict() {
    const told = this.sheet.kind === 'reproduce' ? this.sheet.pictures[0]?.verdict?.reproduce : null;
    this.verdict.hidden = !told;
    this.state.hidden = Boolean(told);
    if (!told) return;
    const same = told.word === 'identical';
    this.verdict.dataset.word = told.word;
    this.verdict.replaceChildren(icon(same ? 'check' : 'differ'), el('strong', {}, t(same ? 'card.same' : 'card.different')),
      el('span', {}, same ? t('card.same_text') : shown(this.sheet.sentence)));
  }

  /** Show which Picture the buttons are for, and its facts. */
  updatePicked() {
    const stored = [...this.slots.values()].filter((slot) => slot.stored);
    // Pictures may be done in any order: until somebody chooses, it is the first there is.
    if (!this.chosen) [this.picked] = stored;
    const many = this.slots.size > 1;
    for (const slot of this.slots.values()) {
      const chosen = many && slot === this.picked;
      slot.root.classList.toggle('picked', chosen);
      slot.name(slot.stored ? t(many && !chosen ? 'card.choose' : 'card.open') : '', many ? chosen : null);
    }
    const picture = this.picked?.picture;
    this.facts.textContent = picture ? picture.facts : '';
    this.said.textContent = this.ownWords();
    const key = JSON.stringify([this.sheet.actions, this.sheet.state, stored.map(({ id }) => id), picture?.id]);
    if (key === this.tools.dataset.key) return;
    this.tools.dataset.key = key;
    this.tools.replaceChildren(...rows(this.sheet, stored.map((slot) => slot.picture), picture, {
      press: (event, action, about) => this.run(event, () => this.acts.press(action, about, this.sheet)),
      cancel: (event) => this.run(event, () => this.acts.cancel(this.sheet)),
      remove: (event) => this.run(event, () => this.acts.remove(this.sheet)),
      retype: () => this.acts.retype(this.sheet.typed),
      choose: (id) => this.choose(this.slots.get(id)),
    }));
  }

  pick(slot) {
    if (this.slots.size === 1 || slot === this.picked) this.acts.press('info', slot.picture, this.sheet);
    else this.choose(slot);
  }

  choose(slot) {
    const held = this.tools.contains(document.activeElement);
    this.picked = slot;
    this.chosen = true;
    this.updatePicked();
    if (held) this.tools.querySelector('select')?.focus();
  }

  /** Run what a button is for; it cannot be pressed twice meanwhile, and says here what went wrong. */
  async run({ currentTarget }, work) {
    currentTarget.disabled = true;
    this.trouble.textContent = '';
    try {
      await work();
    } catch (problem) {
      this.trouble.textContent = shown(problemText(problem));
    } finally {
      currentTarget.disabled = false;
    }
  }

  fill() {
    const slots = [...this.slots.values()];
    this.bar.value = slots.reduce((sum, slot) => sum + slot.share, 0) / Math.max(slots.length, 1);
  }
}

function kindOf(sheet) {
  return maybe(`kind.${sheet.kind}`) ?? sheet.kind;
}
