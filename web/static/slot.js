// One Picture's place in a card: an empty frame, the preview while it is painted, then the Picture itself.

import { pictureUrl } from './api.js';
import { el } from './dom.js';
import { t } from './i18n.js';

export class Slot {
  constructor(picture, onPick) {
    this.id = picture.id;
    this.share = 0;
    this.shownAs = 'empty';
    this.frame = el('button', { type: 'button', class: 'frame', on: { click: () => onPick(this) } });
    this.why = el('figcaption', { class: 'why' });
    this.root = el('figure', { class: 'slot', data: { picture: picture.id } }, this.frame, this.why);
    // Known before it is painted: nothing on the page moves when it arrives.
    this.frame.style.aspectRatio = `${picture.width} / ${picture.height}`;
    this.update(picture, false);
  }

  update(picture, working) {
    this.picture = picture;
    this.root.dataset.state = picture.state;
    this.root.classList.toggle('working', working && picture.state === 'waiting');
    this.why.textContent = picture.state === 'failed' ? picture.error ?? t('card.missing') : '';
    this.frame.disabled = picture.state !== 'stored';
    if (picture.state === 'stored') this.store();
    else if (picture.state !== 'waiting' || !working) this.clear();
    if (picture.state !== 'waiting') this.share = 1;
  }

  step({ step, of, preview }) {
    if (this.picture.state !== 'waiting') return;
    this.share = of ? step / of : 0;
    if (preview) this.show(`data:image/jpeg;base64,${preview}`, t('card.preview'), 'preview');
  }

  /** Say what a press does; picked: whether it is the one the buttons are for, null where there is no choice. */
  name(title, picked) {
    this.frame.title = title;
    if (picked === null) this.frame.removeAttribute('aria-pressed');
    else this.frame.setAttribute('aria-pressed', String(picked));
    this.frame.setAttribute('aria-label', title ? `${title}: ${this.picture.alt}` : this.picture.alt);
  }

  get stored() {
    return this.picture.state === 'stored';
  }

  store() {
    if (this.shownAs === 'picture') return;
    this.show(pictureUrl(this.id), this.picture.alt, 'picture');
  }

  clear() {
    if (this.shownAs !== 'preview') return;
    this.frame.replaceChildren();
    this.shownAs = 'empty';
    this.share = 0;
  }

  /** Put the new image over the old one as soon as it can be drawn, so that nothing flickers. */
  show(source, alt, kind) {
    this.shownAs = kind;
    const next = el('img', { class: kind, alt, src: source, draggable: 'false', decoding: 'async' });
    const swap = () => {
      const late = kind === 'preview' && this.shownAs !== 'preview';
      if (!late) this.frame.replaceChildren(next);
    };
    if (this.frame.childElementCount === 0) swap();
    else next.decode().then(swap, swap);
  }
}
