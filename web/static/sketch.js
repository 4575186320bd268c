// The sketch box: an image attached by file, paste, drop, drawing or from a Picture; uploaded at once, sent with the words.

import * as api from './api.js';
import { button, el, problemText, shown } from './dom.js';
import { t } from './i18n.js';
import { offerRecipe } from './recipe.js';

const DEFAULT = 75;
const WHOLE = 100;
const HINTS = [[25, 'sketch.little'], [50, 'sketch.some'], [80, 'sketch.much'], [95, 'sketch.most'], [100, 'sketch.all']];

export class SketchBox {
  /** pad opens the drawing pad; reproduced(sheets) shows what a painted file brought; retype(words) puts words down. */
  constructor({ pad, reproduced, focus, retype }) {
    Object.assign(this, { pad, reproduced, focus, retype });
    this.root = document.getElementById('sketch');
    this.drop = document.getElementById('drop');
    this.forget();
    const picker = document.getElementById('file');
    document.getElementById('attach').addEventListener('click', () => picker.click());
    document.getElementById('draw').addEventListener('click', () => this.draw());
    picker.addEventListener('change', () => { this.take(picker.files); picker.value = ''; });
    document.addEventListener('paste', (event) => { if (this.take(event.clipboardData.files)) event.preventDefault(); });
    this.listenForDrops();
  }

  get there() {
    return this.upload !== null;
  }

  /** Take the first image of some files; say whether there was one. */
  take(files) {
    const file = [...files].find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (!file) return false;
    this.set(api.takeSketch(file), file);
    return true;
  }

  /** Take a painted Picture; what is painted over it names it as its parent. */
  fromPicture(pictureId) {
    const upload = this.set(api.sketchFrom(pictureId), null);
    this.parent = pictureId;
    return upload;
  }

  async draw(over = null) {
    const drawn = await this.pad.open(over);
    const { parent } = this;
    if (!drawn) return;
    this.set(api.takeSketch(drawn), null);
    if (over) this.parent = parent;
  }

  /** Mark on the sketch what is painted anew. */
  async mark(url) {
    const { upload } = this;
    const drawn = await this.pad.open(url, true);
    if (!drawn || this.upload !== upload) return;
    const mask = api.takeMask(drawn).then((taken) => taken.digest);
    this.mask = mask;
    this.masked.hidden = false;
    if (this.clearPart) this.clearPart.checked = false;
    if (this.strength === null) this.paintOver(WHOLE);
    try {
      await mask;
    } catch (problem) {
      if (this.mask !== mask) return;
      this.mask = null;
      this.masked.hidden = true;
      this.root.querySelector('.told').append(el('small', { role: 'alert' }, shown(problemText(problem))));
    }
  }

  /** Return what is to be sent with the words, when the upload is through. */
  async taken() {
    if (!this.upload) return {};
    const { digest, mask } = await this.upload;
    const chosen = this.clearPart?.checked ? mask : await this.mask;
    return {
      sketch: digest,
      options: this.strength === null ? {} : { strength: this.strength },
      ...(chosen ? { mask: chosen } : {}),
      ...(this.parent ? { parent: this.parent } : {}),
    };
  }

  clear() {
    this.forget();
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  forget() {
    Object.assign(this, { upload: null, strength: null, clearPart: null, mask: null, parent: null });
  }

  async set(upload, file) {
    this.clear();
    this.upload = upload;
    this.root.hidden = false;
    this.root.replaceChildren(el('p', { class: 'told' }, t('sketch.reading')), this.remove());
    this.focus();
    try {
      const taken = await upload;
      if (this.upload === upload) this.show(taken, file);
    } catch (problem) {
      if (this.upload !== upload) return;
      this.upload = null;
      const again = file?.type === 'image/png' ? this.reproduce(file) : null;
      this.root.replaceChildren(el('p', { class: 'told', role: 'alert' }, shown(problemText(problem))),
        el('p', { class: 'acts' }, again), this.remove());
    }
    if (file) offerRecipe(this.root, file, this.retype);
  }

  show(taken, file) {
    const url = api.sketchUrl(taken.digest);
    const told = el('p', { class: 'told' }, t('sketch.told', { width: taken.width, height: taken.height }));
    for (const note of taken.notes) told.append(el('small', {}, shown(note)));
    this.masked = el('small', { class: 'masked', hidden: true }, t('sketch.masked'));
    this.hint = el('small', { class: 'hint', id: 'strength-hint', 'aria-live': 'polite' });
    told.append(this.masked);
    const acts = el('p', { class: 'acts' }, this.slider(), taken.mask ? this.choice() : null,
      button(t('sketch.draw'), () => this.draw(url)), button(t('sketch.mask'), () => this.mark(url)),
      file?.type === 'image/png' ? this.reproduce(file) : null);
    this.root.replaceChildren(el('img', { src: url, alt: t('sketch.alt') }), el('div', {}, told, acts, this.hint), this.remove());
  }

  slider() {
    this.share = el('output', {});
    this.range = el('input', {
      type: 'range', min: '5', max: '100', step: '5', 'aria-describedby': 'strength-hint',
      on: { input: () => { this.strength = Number(this.range.value) / 100; this.paintOver(this.range.value); } },
    });
    this.paintOver(DEFAULT);
    return el('label', { title: t('sketch.over_hint') }, t('sketch.over'), this.range, this.share);
  }

  paintOver(percent) {
    this.range.value = String(percent);
    this.share.textContent = `${percent} %`;
    this.hint.textContent = t(HINTS.find(([most]) => percent <= most)[1]);
  }

  /** Offer what --inpaint says in words; its own default is to paint over all of that part. */
  choice() {
    this.clearPart = el('input', {
      type: 'checkbox',
      on: { change: () => { if (this.strength === null) this.paintOver(this.clearPart.checked ? WHOLE : DEFAULT); } },
    });
    return el('label', { title: t('sketch.clear_hint') }, this.clearPart, t('sketch.clear'));
  }

  reproduce(file) {
    const requestId = api.newId();
    return button(t('sketch.reproduce'), async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      try {
        this.reproduced(await api.reproduceFile(file, requestId));
        this.clear();
      } catch (problem) {
        this.root.querySelector('.told').textContent = shown(problemText(problem));
        pressed.disabled = false;
      }
    });
  }

  remove() {
    return button(t('sketch.remove'), () => { this.clear(); this.focus(); }, { glyph: 'close' });
  }

  listenForDrops() {
    const carries = (event) => event.dataTransfer?.types.includes('Files');
    window.addEventListener('dragover', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      this.drop.hidden = false;
    });
    window.addEventListener('dragleave', (event) => { if (event.relatedTarget === null) this.drop.hidden = true; });
    window.addEventListener('drop', (event) => {
      this.drop.hidden = true;
      if (!carries(event)) return;
      event.preventDefault();
      this.take(event.dataTransfer.files);
    });
  }
}
