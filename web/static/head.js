// The head line: whether Limner is ready, which Model paints, and a word on the built-in one.

import * as api from './api.js';
import { choosing, t } from './i18n.js';

const POLL_MS = 1500;

export class Head {
  /** onLocked is called once where this browser has no session. */
  constructor(onLocked) {
    this.onLocked = onLocked;
    this.dot = document.getElementById('health');
    this.text = document.getElementById('health-text');
    this.timer = null;
    choosing(document.getElementById('language'));
    this.locked = false;
  }

  /** Ask how things stand, again and again until it is ready; return what was told, null where nobody answers. */
  async refresh() {
    clearTimeout(this.timer);
    let told = null;
    try {
      told = await api.health();
    } catch {
      this.say('lost', t('head.lost'));
      return null;
    }
    if (told.model === undefined) {
      this.lock();
      return null;
    }
    const ready = told.state === 'ready';
    if (told.state.startsWith('failed')) this.say('lost', told.state);
    else this.say(ready ? t('head.ready') : 'busy', ready ? t('head.ready') : `${told.state}…`);
    document.getElementById('model').textContent = told.model;
    document.getElementById('builtin').hidden = !told.builtin;
    if (!ready) this.timer = setTimeout(() => this.refresh(), POLL_MS);
    return told;
  }

  /** Say that the line is down; a server that answers and does not know this browser is another thing. */
  lost() {
    clearTimeout(this.timer);
    this.say('lost', t('head.lost'));
    api.health().then((told) => { if (told.model === undefined) this.lock(); }, () => {});
  }

  lock() {
    this.locked = true;
    this.say('locked', t('head.locked'));
    this.onLocked();
  }

  say(kind, text) {
    this.dot.dataset.kind = kind;
    if (this.text.textContent !== text) this.text.textContent = text;
  }
}
