// The feed: every Job's card in the order they were asked, oldest first, rebuilt from the log at any time.

import * as api from './api.js';
import { Card } from './card.js';
import { announce } from './dom.js';

const PAGE = 20;
const NEAR_PX = 120;
const ENDED = new Set(['rendered', 'delivered', 'failed', 'cancelled', 'undeliverable']);

export class Feed {
  constructor(acts) {
    this.acts = acts;
    this.cards = new Map();
    this.heard = 0;
    this.late = false;
    this.removed = new Set();
    this.root = document.getElementById('feed');
    this.list = document.getElementById('cards');
    this.empty = document.getElementById('empty');
    this.more = document.getElementById('older');
    this.more.addEventListener('click', () => this.older());
    this.watcher = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.older(); }, { root: this.root });
  }

  /** Load the newest cards; those already here are brought up to date. */
  async load() {
    const mark = this.heard;
    const sheets = await api.history(null, PAGE);
    const first = this.cards.size === 0;
    this.keepPlace(() => this.kept(sheets).forEach((sheet) => this.put(sheet, mark)), first);
    if (first) this.offerOlder(sheets);
    this.empty.hidden = this.cards.size > 0;
  }

  /** Load the cards before the oldest one. */
  async older() {
    const { oldest } = this;
    if (!oldest || this.loading) return;
    this.loading = true;
    try {
      const sheets = await api.history(oldest, PAGE);
      const below = this.root.scrollHeight - this.root.scrollTop;
      this.kept(sheets).forEach((sheet) => this.put(sheet, this.heard));
      this.root.scrollTop = this.root.scrollHeight - below;
      this.offerOlder(sheets);
    } finally {
      this.loading = false;
    }
  }

  /** Show cards that an answer brought; what was heard since it was asked for (`mark`) is newer than it. */
  add(sheets, mark) {
    sheets.forEach((sheet) => this.put(sheet, mark));
    this.empty.hidden = true;
    this.toEnd();
  }

  event(event) {
    if (event.type === 'move' && !this.removed.has(event.job.id)) {
      this.heard += 1;
      const known = this.cards.get(event.job.id);
      const news = known?.sheet.state !== event.job.state;
      this.keepPlace(() => { this.put(event.job, Infinity).heard = this.heard; }, !known);
      this.empty.hidden = true;
      if (news && (ENDED.has(event.job.state) || !known)) announce(event.job.sentence);
    } else if (event.type === 'waiting') this.cards.get(event.job)?.waiting(event);
    else if (event.type === 'stepping') this.cards.get(event.job)?.stepping(event);
  }

  /** Bring a Picture into view, wherever in the log it is. */
  async reveal(pictureId) {
    let slot = this.list.querySelector(`[data-picture="${CSS.escape(pictureId)}"]`);
    if (!slot) {
      const mark = this.heard;
      const { job } = await api.picture(pictureId);
      this.put(await api.job(job), mark);
      slot = this.list.querySelector(`[data-picture="${CSS.escape(pictureId)}"]`);
    }
    const card = slot.closest('.card');
    card.scrollIntoView({ block: 'center' });
    card.classList.remove('found');
    requestAnimationFrame(() => card.classList.add('found'));
    slot.querySelector('button').focus({ preventScroll: true });
  }

  /** Return the words typed, newest first, each once. */
  typed() {
    const words = [...this.list.children].map((root) => this.cards.get(root.id.slice('job-'.length)).sheet)
      .filter((sheet) => sheet.mine && sheet.typed).map((sheet) => sheet.typed);
    return [...new Set(words.reverse())];
  }

  /** Take a card down; an event on its way brings it back no more. */
  remove(id) {
    const { root } = this.cards.get(id);
    const next = root.nextElementSibling ?? root.previousElementSibling;
    root.remove();
    this.cards.delete(id);
    this.removed.add(id);
    this.empty.hidden = this.cards.size > 0;
    (next ?? document.getElementById('words')).focus({ preventScroll: true });
  }

  /** Be seen again after another screen: at the end where something came meanwhile. */
  shown() {
    if (this.late) this.toEnd();
    this.late = false;
  }

  kept(sheets) {
    return sheets.filter(({ id }) => !this.removed.has(id));
  }

  toEnd() {
    this.late = this.root.hidden;
    this.root.scrollTop = this.root.scrollHeight;
  }

  put(sheet, mark) {
    let card = this.cards.get(sheet.id);
    if (card) {
      if (card.heard <= mark) card.update(sheet);
      return card;
    }
    card = new Card(sheet, this.acts);
    this.cards.set(sheet.id, card);
    // Ids are in the order of time; most cards are the newest.
    let before = null;
    for (let last = this.list.lastElementChild; last && last.id > card.root.id; last = last.previousElementSibling) before = last;
    this.list.insertBefore(card.root, before);
    return card;
  }

  /** Change cards; who reads at the end stays at the end, who reads elsewhere is not moved. */
  keepPlace(change, follow) {
    const near = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < NEAR_PX;
    change();
    if (near || (follow && this.cards.size <= PAGE && this.root.scrollTop === 0)) this.toEnd();
  }

  offerOlder(sheets) {
    this.oldest = sheets.at(-1)?.id;
    this.more.hidden = sheets.length < PAGE;
    this.watcher.disconnect();
    if (!this.more.hidden) this.watcher.observe(this.more);
  }
}
