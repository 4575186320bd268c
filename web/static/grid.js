// A grid of any length: rows out of view are taken away, pages ahead are fetched before they are reached.

import * as api from './api.js';
import { el, shown } from './dom.js';
import { t } from './i18n.js';
import { star } from './star.js';

const LEAST = 184;
const LEAST_PHONE = 108;
const PHONE = 560;
const GAP = 8;
const SPARE_ROWS = 3;

export class Grid {
  /** holder is as tall as all rows; trouble(problem) hears what went wrong, seen(ms) when the first in view was made. */
  constructor(holder, trouble, seen) {
    Object.assign(this, { holder, trouble, seen });
    this.tiles = new Map();
    this.reset();
    this.later = () => { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); };
    this.sized = new ResizeObserver(this.later);
    this.sized.observe(holder);
    // Whatever scrolls: the event does not bubble, but it is seen on its way down.
    document.addEventListener('scroll', this.later, { passive: true, capture: true });
    holder.addEventListener('keydown', (event) => this.walk(event));
  }

  reset() {
    Object.assign(this, { hits: [], next: null, fetched: null, fetching: false });
    this.tiles.forEach((tile) => tile.remove());
    this.tiles.clear();
  }

  /** Show a first page; fetched(before) brings the following ones. */
  show(page, fetched) {
    this.reset();
    this.fetched = fetched;
    this.total = page.total;
    this.take(page);
  }

  take(page) {
    this.hits.push(...page.pictures);
    this.next = page.next;
    this.draw();
  }

  end() {
    this.sized.disconnect();
    document.removeEventListener('scroll', this.later, { capture: true });
    cancelAnimationFrame(this.frame ?? 0);
    this.reset();
  }

  /** Put the rows in view into the page, and take all others away. */
  draw() {
    const width = this.holder.clientWidth;
    if (!width) return;
    const least = width < PHONE ? LEAST_PHONE : LEAST;
    this.across = Math.max(2, Math.floor((width + GAP) / (least + GAP)));
    const side = (width + GAP) / this.across;
    const rows = Math.ceil(this.hits.length / this.across);
    this.holder.style.height = `${Math.max(0, rows * side - GAP)}px`;
    const top = -this.holder.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / side) - SPARE_ROWS) * this.across;
    const last = Math.min(this.hits.length, (Math.ceil((top + window.innerHeight) / side) + SPARE_ROWS) * this.across);
    for (const [at, tile] of this.tiles) {
      if (at >= first && at < last) continue;
      tile.remove();
      this.tiles.delete(at);
    }
    for (let at = first; at < last; at += 1) {
      const tile = this.tiles.get(at) ?? this.add(at);
      tile.style.width = tile.style.height = `${side - GAP}px`;
      tile.style.transform = `translate(${(at % this.across) * side}px, ${Math.floor(at / this.across) * side}px)`;
    }
    this.seen(this.hits[Math.max(0, Math.floor(top / side)) * this.across]?.at ?? this.hits.at(-1)?.at);
    if (this.next && last + 2 * this.across * SPARE_ROWS >= this.hits.length) this.more();
  }

  add(at) {
    const hit = this.hits[at];
    const picture = hit.gone ? el('span', { class: 'gone' }, t('pictures.gone'))
      : el('img', { src: api.pictureUrl(hit.id, 'thumb'), alt: shown(hit.words || t('pictures.of_seed', { seed: hit.seed }), 200), loading: 'lazy', decoding: 'async' });
    const words = hit.words ? el('span', { class: 'said', 'aria-hidden': 'true' }, shown(hit.words, 90)) : null;
    const tile = el('div', { class: 'tile', data: { at } }, el('a', { href: `#/picture/${hit.id}` }, picture, words), star(hit, this.trouble));
    this.tiles.set(at, tile);
    // In order, so that the tab key and screen readers go on as the eye does.
    const behind = [...this.tiles.keys()].filter((each) => each > at).sort((a, b) => a - b)[0];
    this.holder.insertBefore(tile, behind === undefined ? null : this.tiles.get(behind));
    return tile;
  }

  async more() {
    if (this.fetching) return;
    this.fetching = true;
    const { fetched } = this;
    try {
      const page = await fetched(this.next);
      if (fetched === this.fetched) this.take(page);
    } catch (problem) {
      this.trouble(problem);
    } finally {
      if (fetched === this.fetched) this.fetching = false;
    }
  }

  /** Go through the grid by the arrow keys. */
  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.across, ArrowUp: -this.across }[event.key];
    const tile = event.target.closest('.tile');
    if (!step || !tile) return;
    const to = this.tiles.get(Number(tile.dataset.at) + step)?.querySelector('a');
    if (!to) return;
    event.preventDefault();
    to.focus({ preventScroll: true });
    to.scrollIntoView({ block: 'nearest' });
  }
}
