// The viewer: one Picture large, with all that is known of it.

import * as about from './about.js';
import { pictureUrl } from './api.js';
import { button, el, shown, time } from './dom.js';
import { t } from './i18n.js';

export class Viewer {
  constructor() {
    this.dialog = document.getElementById('viewer');
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  open(picture, job) {
    this.dialog.replaceChildren(
      el('div', { class: 'large' }, el('img', { src: pictureUrl(picture.id), alt: picture.alt })),
      el('aside', {},
        el('header', {}, el('h2', {}, t('viewer.title', { id: picture.id.slice(-6) })), button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
        el('p', { class: 'words', dir: 'auto' }, shown(picture.prompt || job.typed, 2000)),
        this.rows(picture, job),
        picture.command ? about.command(picture.command) : null,
        about.details(t('viewer.recipe'), picture.recipe),
        picture.fingerprint ? about.details(t('viewer.fingerprint'), picture.fingerprint) : null,
        ...about.companions(picture), about.files(picture),
        el('p', {}, el('a', { href: `#/picture/${picture.id}`, on: { click: () => this.dialog.close() } }, t('viewer.page')))),
    );
    this.dialog.showModal();
  }

  rows(picture, job) {
    return about.facts([
      [t('viewer.facts'), picture.facts], [t('viewer.seed'), String(picture.seed)], [t('viewer.asked'), time(job.created_at)],
      [t('viewer.took'), job.ended_at ? t('viewer.took_text', { seconds: ((job.ended_at - job.created_at) / 1000).toFixed(1) }) : null],
      [t('viewer.picture'), about.code(picture.id)], [t('viewer.job'), about.code(job.id)],
      [t('viewer.parent'), picture.parent ? about.code(picture.parent) : null],
      [t('viewer.pixels'), picture.pixels_digest ? about.code(picture.pixels_digest) : null],
      [t('viewer.recipe'), about.code(picture.recipe_digest)],
    ]);
  }
}
