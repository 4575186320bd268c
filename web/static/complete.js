// What can be typed, offered while one types: commands behind `/`, options behind `--`, and the values that have names.

import * as api from './api.js';
import { el } from './dom.js';
import { maybe } from './i18n.js';

const MOST = 8;

export class Offers {
  /** box: the words; put() is called after something was put into it. */
  constructor(box, put) {
    Object.assign(this, { box, put });
    this.list = document.getElementById('offers');
    this.known = null;
    this.found = [];
    this.at = -1;
    box.addEventListener('blur', () => this.close());
    box.addEventListener('click', () => this.update());
    this.list.addEventListener('pointerdown', (event) => {
      const item = event.target.closest('li');
      event.preventDefault();
      if (item) this.take(Number(item.dataset.nth));
    });
  }

  get open() {
    return !this.list.hidden;
  }

  /** Offer what fits the word before the caret. */
  async update() {
    const { value, selectionStart, selectionEnd } = this.box;
    const before = value.slice(0, selectionStart);
    if (selectionStart !== selectionEnd || !/(^\/\w*|--[\w-]*|--\w+\s+\S*)$/.test(before)) { this.close(); return; }
    try {
      this.known ??= await api.completions();
    } catch {
      return;
    }
    if (this.box.value === value) this.show(fitting(before, this.known));
  }

  show(found) {
    this.found = found.slice(0, MOST);
    this.at = -1;
    this.list.hidden = this.found.length === 0;
    this.list.replaceChildren(...this.found.map((each, nth) => el('li', { role: 'option', id: `offer-${nth}`, data: { nth }, 'aria-selected': 'false' },
      el('code', {}, each.word), el('span', {}, each.about))));
    this.box.removeAttribute('aria-activedescendant');
  }

  close() {
    if (this.open) this.show([]);
  }

  /** Take a key that is about the list; say whether it was. */
  key(event) {
    if (!this.open) return false;
    if (event.key === 'ArrowDown') this.move(1);
    else if (event.key === 'ArrowUp') this.move(-1);
    else if (event.key === 'Escape') this.close();
    else if (event.key === 'Tab' && !event.shiftKey) this.take(Math.max(this.at, 0));
    else if (event.key === 'Enter' && this.at >= 0) this.take(this.at);
    else return false;
    event.preventDefault();
    return true;
  }

  move(by) {
    this.at = (this.at + by + this.found.length + (this.at < 0 && by < 0 ? 1 : 0)) % this.found.length;
    [...this.list.children].forEach((item, nth) => item.setAttribute('aria-selected', String(nth === this.at)));
    this.box.setAttribute('aria-activedescendant', `offer-${this.at}`);
  }

  take(nth) {
    const { word, typed } = this.found[nth];
    const { value, selectionStart } = this.box;
    const start = selectionStart - typed;
    const after = value.slice(selectionStart);
    this.box.value = `${value.slice(0, start)}${word}${/^\s/.test(after) ? '' : ' '}${after}`;
    const at = start + word.length + 1;
    this.box.setSelectionRange(at, at);
    this.close();
    this.put();
  }
}

/** Return `{word, about, typed}` for what may stand where the caret is; typed: how many signs of it are there. */
export function fitting(before, known) {
  const command = before.match(/^\/(\w*)$/);
  if (command) {
    return known.commands.filter(({ name }) => name.startsWith(command[1].toLowerCase()) && maybe(`command.${name}`))
      .map(({ name }) => offer(`/${name}`, maybe(`command.${name}`), command[0]));
  }
  const value = before.match(/--(\w+)\s+(\S*)$/);
  if (value) {
    const option = known.options.find(({ name, aliases }) => [name, ...aliases].includes(value[1].toLowerCase()));
    const typed = value[2].toLowerCase();
    const fit = (option?.values ?? []).filter((each) => each.toLowerCase().startsWith(typed) && each.toLowerCase() !== typed);
    return fit.map((each) => offer(each, '', value[2]));
  }
  const option = before.match(/(?:^|\s)--([\w-]*)$/);
  if (!option) return [];
  const typed = option[1].toLowerCase();
  return known.options.filter(({ name }) => name.startsWith(typed) && name !== typed)
    .map(({ name, example }) => offer(`--${name}`, maybe(`option.${name}`) ?? example, `--${option[1]}`));
}

const offer = (word, about, typed) => ({ word, about, typed: typed.length });
