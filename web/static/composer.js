// The composer: words and a sketch go out together; what was typed is never lost.

import * as api from './api.js';
import { Offers } from './complete.js';
import { el, problemText, shown } from './dom.js';
import { t } from './i18n.js';
import { sure } from './sure.js';

const KEPT = 'limner-draft';
const MOST_LINES = 16;
const UNASKED = 5;

export class Composer {
  /** asked(sheets, mark) shows what was accepted; mark() says how much was heard when it was sent; help() and
   *  go(hash) are for words that paint nothing. */
  constructor({ sketch, typed, mark, asked, help, go }) {
    Object.assign(this, { sketch, typed, mark, asked, help, go });
    this.form = document.getElementById('composer');
    this.words = document.getElementById('words');
    this.trouble = document.getElementById('trouble');
    this.each = document.getElementById('each');
    this.offers = new Offers(this.words, () => this.changed());
    this.recalled = -1;
    this.mine = '';
    this.sending = false;
    this.again = false;
    this.failed = null;
    this.words.value = sessionStorage.getItem(KEPT) ?? '';
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.words.addEventListener('input', () => { this.changed(); this.offers.update(); });
    this.words.addEventListener('keydown', (event) => this.key(event));
    this.grow();
  }

  /** Put words into the box, ready to be changed. */
  retype(words) {
    this.words.value = words;
    this.changed();
    this.words.focus();
    this.words.setSelectionRange(words.length, words.length);
  }

  lock() {
    for (const control of this.form.elements) control.disabled = true;
  }

  changed() {
    this.recalled = -1;
    this.trouble.hidden = true;
    sessionStorage.setItem(KEPT, this.words.value);
    this.grow();
  }

  grow() {
    this.words.style.height = 'auto';
    this.words.style.height = `${this.words.scrollHeight}px`;
    const count = this.lines().length;
    document.getElementById('lines').hidden = count < 2;
    document.getElementById('each-told').textContent = t('composer.each', { count });
  }

  /** Return the lines typed that hold something. */
  lines() {
    return this.words.value.split('\n').map((line) => line.trim()).filter(Boolean);
  }

  key(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey || this.offers.key(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === 'ArrowUp' && this.words.selectionEnd === 0) this.recall(event, 1);
    else if (event.key === 'ArrowUp' && this.recalled >= 0) this.recall(event, 1);
    else if (event.key === 'ArrowDown' && this.recalled >= 0) this.recall(event, -1);
  }

  /** Go through what was typed before; down again comes what stood here. */
  recall(event, by) {
    const past = this.typed();
    const next = this.recalled + by;
    if (next >= past.length || event.shiftKey) return;
    event.preventDefault();
    if (this.recalled < 0) this.mine = this.words.value;
    this.recalled = next;
    this.words.value = next < 0 ? this.mine : past[next];
    this.grow();
    // At its start, so that the next press of the key goes on.
    this.words.setSelectionRange(0, 0);
  }

  async send() {
    const words = this.words.value;
    if (this.sending) { this.again = true; return; }
    if (this.elsewhere(words.trim())) return;
    if (!words.trim() && !this.sketch.there) { this.words.focus(); return; }
    this.sending = true;
    this.form.setAttribute('aria-busy', 'true');
    this.trouble.hidden = true;
    this.again = false;
    try {
      await (this.each.checked && this.lines().length > 1 ? this.deliverEach() : this.deliver(words));
    } catch (problem) {
      this.again = false;
      this.tell(problem);
    } finally {
      this.sending = false;
      this.form.removeAttribute('aria-busy');
    }
    // Enter was pressed on the next words while these were on their way.
    if (this.again && this.words.value) this.send();
  }

  /** Do what is typed and paints nothing; say whether that was it. */
  elsewhere(words) {
    const [, name, id = ''] = words.match(/^\/(help|history|show)\s*([0-9A-Za-z]{0,26})$/i) ?? [];
    if (!name || (name.toLowerCase() === 'show' && !id)) return false;
    this.offers.close();
    this.retype('');
    if (name.toLowerCase() === 'help') this.help();
    else this.go(id ? `#/picture/${id.toUpperCase()}` : '#/pictures');
    return true;
  }

  async deliver(words) {
    const started = await this.sketch.taken();
    if (await this.deliverOne(words, started, false) === null) return;
    if (this.words.value === words) this.empty('');
    this.sketch.clear();
  }

  /** Ask for every line by itself; what was accepted is taken out of the box, so that nothing is asked for twice. */
  async deliverEach() {
    let lines = this.lines();
    const count = lines.length;
    if (count > MOST_LINES) {
      throw new api.Problem({ sentence: t('composer.too_many', { count, most: MOST_LINES }) });
    }
    if (count > UNASKED && !await sure(count)) return;
    const started = await this.sketch.taken();
    while (lines.length) {
      // One after another: they are painted in the order they stand in.
      if (await this.deliverOne(lines[0], started, count > UNASKED) === null) return;
      lines = lines.slice(1);
      this.empty(lines.join('\n'));
    }
    this.sketch.clear();
  }

  /** Ask for one line; return what was accepted, null where it was not meant. */
  async deliverOne(words, started, meant) {
    const body = { words, ...started };
    const key = JSON.stringify(body);
    // The same thing sent again after a lost answer is still one thing.
    const requestId = this.failed?.key === key ? this.failed.requestId : api.newId();
    this.failed = { key, requestId };
    const mark = this.mark();
    const sheets = await this.meant({ ...body, request_id: requestId, sure: meant });
    if (sheets === null) return null;
    this.failed = null;
    this.asked(sheets, mark);
    return sheets;
  }

  empty(left) {
    this.words.value = left;
    this.changed();
  }

  /** Ask for it; of many jobs at once it is asked whether they are meant, null where they are not. */
  async meant(body) {
    try {
      return await api.ask(body);
    } catch (problem) {
      if (problem.code !== 'unsure') throw problem;
      return await sure(problem.jobs) ? api.ask({ ...body, sure: true }) : null;
    }
  }

  /** Say what is wrong, with a caret under the sign it starts at. */
  tell(problem) {
    if (problem.code !== 'offline' && this.failed) this.failed = null;
    const said = [el('p', {}, shown(problemText(problem)))];
    if (problem.caret) said.unshift(el('pre', { class: 'caret' }, problem.caret));
    this.trouble.replaceChildren(...said);
    this.trouble.hidden = false;
    this.words.focus();
  }
}
