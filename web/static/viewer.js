// The viewer: one Picture large, with all that is known of it.

import { pictureUrl } from './api.js';
import { button, copy, el, shown, time } from './dom.js';

export class Viewer {
  constructor() {
    this.dialog = document.getElementById('viewer');
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  open(picture, job) {
    const image = el('img', { src: pictureUrl(picture.id), alt: picture.alt });
    this.dialog.replaceChildren(
      el('div', { class: 'large' }, image),
      el('aside', {},
        el('header', {}, el('h2', {}, `Picture ${picture.id.slice(-6)}`), button('Close', () => this.dialog.close(), { glyph: 'close' })),
        el('p', { class: 'words', dir: 'auto' }, shown(picture.prompt || job.typed, 2000)),
        this.rows(picture, job),
        picture.command ? this.command(picture.command) : null,
        this.details('Recipe', picture.recipe),
        picture.fingerprint ? this.details('Fingerprint', picture.fingerprint) : null,
        this.files(picture)),
    );
    this.dialog.showModal();
  }

  rows(picture, job) {
    const rows = [
      ['Facts', picture.facts], ['Seed', String(picture.seed)], ['Asked', time(job.created_at)],
      ['Painted in', job.ended_at ? `${((job.ended_at - job.created_at) / 1000).toFixed(1)} s, with the wait` : null],
      ['Picture', code(picture.id)], ['Job', code(job.id)],
      ['Parent', picture.parent ? code(picture.parent) : null],
      ['Pixels', picture.pixels_digest ? code(picture.pixels_digest) : null], ['Recipe', code(picture.recipe_digest)],
    ];
    const list = el('dl');
    for (const [name, value] of rows) if (value) list.append(el('dt', {}, name), el('dd', {}, value));
    return list;
  }

  command(command) {
    return el('div', { class: 'command' }, el('code', {}, shown(command, 3000)),
      button('Copy as command', () => copy(command, 'Command'), { glyph: 'copy' }));
  }

  details(name, data) {
    return el('details', {}, el('summary', {}, name), el('pre', {}, JSON.stringify(data, null, 2)));
  }

  files(picture) {
    const link = (label, form, recipe) =>
      el('a', { href: pictureUrl(picture.id, form, recipe), download: `limner-${picture.id}.${form === 'jpeg' ? 'jpg' : form}` }, label);
    return el('p', { class: 'files' }, 'Download: ', link('PNG with its recipe', 'png', 1), ' ', link('bare PNG', 'png', 0), ' ',
      link('WebP', 'webp', 1), ' ', link('JPEG', 'jpeg', 1));
  }
}

function code(text) {
  return el('code', {}, text);
}
