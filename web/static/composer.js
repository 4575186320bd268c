// The composer: words and a sketch go out together; what was typed is never lost.

import * as api from './api.js';
import { el, problemText, shown } from './dom.js';
import { sure } from './sure.js';

const KEPT = 'limner-draft';

export class Composer {
  /** asked(sheets, mark) shows what was accepted; mark() says how much was heard when it was sent. */
  constructor({ sketch, typed, mark, asked, help }) {
    Object.assign(this, { sketch, typed, mark, asked, help });
    this.form = document.getElementById('composer');
    this.words = document.getElementById('words');
    this.trouble = document.getElementById('trouble');
    this.recalled = -1;
    this.mine = '';
    this.sending = false;
    this.again = false;
    this.failed = null;
    this.words.value = sessionStorage.getItem(KEPT) ?? '';
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.words.addEventListener('input', () => this.changed());
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
  }

  key(event) {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
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
    if (words.trim() === '/help') { this.retype(''); this.help(); return; }
    if (!words.trim() && !this.sketch.there) { this.words.focus(); return; }
    this.sending = true;
    this.form.setAttribute('aria-busy', 'true');
    this.trouble.hidden = true;
    this.again = false;
    try {
      await this.deliver(words);
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

  async deliver(words) {
    const started = await this.sketch.taken();
    const body = { words, ...started };
    const key = JSON.stringify(body);
    // The same thing sent again after a lost answer is still one thing.
    const requestId = this.failed?.key === key ? this.failed.requestId : api.newId();
    this.failed = { key, requestId };
    const mark = this.mark();
    const sheets = await this.meant({ ...body, request_id: requestId });
    if (sheets === null) return;
    this.failed = null;
    if (this.words.value === words) {
      this.words.value = '';
      this.changed();
    }
    this.sketch.clear();
    this.asked(sheets, mark);
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
