// The viewer: one Picture large, with all that is known of it.

import { pictureUrl } from './api.js';
import { button, copy, el, shown, time } from './dom.js';
import { t } from './i18n.js';

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
        el('header', {}, el('h2', {}, t('viewer.title', { id: picture.id.slice(-6) })), button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
        el('p', { class: 'words', dir: 'auto' }, shown(picture.prompt || job.typed, 2000)),
        this.rows(picture, job),
        picture.command ? this.command(picture.command) : null,
        this.details(t('viewer.recipe'), picture.recipe),
        picture.fingerprint ? this.details(t('viewer.fingerprint'), picture.fingerprint) : null,
        this.files(picture)),
    );
    this.dialog.showModal();
  }

  rows(picture, job) {
    const rows = [
      [t('viewer.facts'), picture.facts], [t('viewer.seed'), String(picture.seed)], [t('viewer.asked'), time(job.created_at)],
      [t('viewer.took'), job.ended_at ? t('viewer.took_text', { seconds: ((job.ended_at - job.created_at) / 1000).toFixed(1) }) : null],
      [t('viewer.picture'), code(picture.id)], [t('viewer.job'), code(job.id)],
      [t('viewer.parent'), picture.parent ? code(picture.parent) : null],
      [t('viewer.pixels'), picture.pixels_digest ? code(picture.pixels_digest) : null], [t('viewer.recipe'), code(picture.recipe_digest)],
    ];
    const list = el('dl');
    for (const [name, value] of rows) if (value) list.append(el('dt', {}, name), el('dd', {}, value));
    return list;
  }

  command(command) {
    return el('div', { class: 'command' }, el('code', {}, shown(command, 3000)),
      button(t('card.copy'), () => copy(command, t('card.command')), { glyph: 'copy' }));
  }

  details(name, data) {
    return el('details', {}, el('summary', {}, name), el('pre', {}, JSON.stringify(data, null, 2)));
  }

  files(picture) {
    const link = (label, form, recipe) =>
      el('a', { href: pictureUrl(picture.id, form, recipe), download: `limner-${picture.id}.${form === 'jpeg' ? 'jpg' : form}` }, label);
    return el('p', { class: 'files' }, `${t('viewer.download')} `, link(t('viewer.with_recipe'), 'png', 1), ' ', link(t('viewer.bare'), 'png', 0), ' ',
      link('WebP', 'webp', 1), ' ', link('JPEG', 'jpeg', 1));
  }
}

function code(text) {
  return el('code', {}, text);
}
