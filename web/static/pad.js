// The drawing pad: pen with pressure, colours, size, eraser, fill, undo, redo and clear; or a brush that marks a mask.

import { button, el } from './dom.js';
import { t } from './i18n.js';
import { drawn, finished, flood, png, stretch, whole } from './ink.js';

const SIDE = 512;
const COLOURS = {
  black: '#1d1b1a', red: '#d5322b', orange: '#f08a24', yellow: '#f7d038', green: '#3f9e4d', blue: '#2f6fd0',
  purple: '#8b4bb8', pink: '#f08cb4', brown: '#8a5a35', grey: '#8d8a86', white: '#ffffff',
};
const PAPER = '#ffffff';
const PEN = 14;
const BRUSH = 46;
const MARK = '#e0409a';
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  constructor() {
    this.dialog = document.getElementById('pad');
    this.canvas = el('canvas', { class: 'paper', 'aria-label': t('pad.paper'), tabindex: '0', role: 'img' });
    this.ink = el('canvas');
    this.pen = { colour: COLOURS.black, size: PEN };
    this.tool = 'pen';
    this.deeds = [];
    this.undone = [];
    this.canvas.addEventListener('pointerdown', (event) => this.down(event));
    this.canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const end of ['pointerup', 'pointercancel']) this.canvas.addEventListener(end, () => this.lift());
    // What a finger draws is no gesture: no long press, no zoom, and the next tap elsewhere counts.
    this.canvas.addEventListener('touchstart', (event) => event.preventDefault(), { passive: false });
    this.canvas.addEventListener('keydown', (event) => this.arrow(event));
    this.dialog.addEventListener('keydown', (event) => this.key(event));
    this.dialog.addEventListener('close', () => this.done(null));
    this.build();
  }

  /** Draw on white paper, or over the image at an address; mask: mark a part of it. Return a PNG, or null where it
   *  was left; a mask is white where it was marked, else black. */
  async open(over, mask = false) {
    this.back = over ? await loaded(over) : null;
    this.mask = mask;
    const [width, height] = this.back ? fitted(this.back.naturalWidth, this.back.naturalHeight) : [SIDE, SIDE];
    Object.assign(this.canvas, { width, height });
    Object.assign(this.ink, { width, height });
    this.canvas.style.setProperty('--ratio', String(width / height));
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    Object.assign(this, { deeds: [], undone: [], stroke: null, spot: null });
    this.title.textContent = t(mask ? 'pad.mask_title' : 'pad.title');
    this.told.hidden = !mask;
    this.useIt.textContent = t(mask ? 'pad.use_mask' : 'pad.use');
    for (const part of [this.swatches, this.filler]) part.hidden = mask;
    this.turner.hidden = !mask;
    this.take(mask ? MARK : this.pen.colour);
    this.grow(mask ? BRUSH : PEN);
    this.pick('pen');
    this.redraw();
    this.dialog.showModal();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  build() {
    this.title = el('h2', { id: 'pad-title' });
    this.told = el('p', { class: 'hint' }, t('pad.mask_text'));
    this.swatches = el('div', { class: 'swatches', role: 'group', 'aria-label': t('pad.colour') });
    for (const [name, colour] of Object.entries(COLOURS)) {
      const label = t(`pad.${name}`);
      const swatch = el('button', { type: 'button', title: label, 'aria-label': label, on: { click: () => this.take(colour) } });
      swatch.style.setProperty('--colour', colour);
      swatch.dataset.colour = colour;
      this.swatches.append(swatch);
    }
    this.own = el('input', { type: 'color', value: '#20b2aa', 'aria-label': t('pad.other'), title: t('pad.other'),
      on: { input: () => this.take(this.own.value) } });
    this.swatches.append(this.own);
    const tool = (name, glyph) => {
      const made = button(t(`pad.${name}`), () => this.pick(name), { glyph });
      made.dataset.tool = name;
      return made;
    };
    this.filler = tool('fill', 'fill');
    this.tools = el('div', { class: 'toolset', role: 'group', 'aria-label': t('pad.pen') }, tool('pen', 'draw'), tool('eraser', 'erase'), this.filler);
    this.size = el('input', { type: 'range', min: '2', max: '80', value: String(this.pen.size), 'aria-label': t('pad.size'),
      on: { input: () => this.grow(Number(this.size.value)) } });
    this.dot = el('span', { class: 'dot-size', 'aria-hidden': 'true' });
    this.turner = button(t('pad.invert'), () => this.do({ kind: 'invert' }));
    this.back1 = button(t('pad.undo'), () => this.undo(), { glyph: 'undo' });
    this.forth = button(t('pad.redo'), () => this.redo(), { glyph: 'redo' });
    this.useIt = el('button', { type: 'button', class: 'main', on: { click: () => this.use() } });
    this.dialog.append(
      el('header', {}, this.title, button(t('page.close'), () => this.dialog.close(), { glyph: 'close' })),
      this.told,
      el('div', { class: 'desk' }, this.canvas),
      el('div', { class: 'pens' }, this.swatches, this.tools, el('label', { class: 'size' }, this.dot, this.size),
        el('span', { class: 'aside' }, this.back1, this.forth, this.turner, button(t('pad.clear'), () => this.clear()))),
      el('footer', {}, button(t('pad.cancel'), () => this.dialog.close()), this.useIt),
    );
    this.grow(this.pen.size);
  }

  pick(tool) {
    this.tool = tool;
    for (const each of this.tools.children) each.setAttribute('aria-pressed', String(each.dataset.tool === tool));
  }

  take(colour) {
    if (colour !== MARK) this.pen.colour = colour;
    if (this.tool === 'eraser') this.pick('pen');
    for (const swatch of this.swatches.querySelectorAll('button')) swatch.setAttribute('aria-pressed', String(swatch.dataset.colour === colour));
    this.dot.style.setProperty('--colour', this.mask ? MARK : colour);
  }

  grow(size) {
    this.pen.size = size;
    this.size.value = String(size);
    this.dot.style.setProperty('--size', `${Math.max(4, size / 3)}px`);
  }

  key(event) {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === 'z') {
      event.preventDefault();
      if (event.shiftKey) this.redo();
      else this.undo();
    } else if (control && event.key.toLowerCase() === 'y') { event.preventDefault(); this.redo(); }
  }

  /** Draw without a pointer: arrows move (with Shift by a little), the space bar puts the pen down and up. */
  arrow(event) {
    const { width, height } = this.canvas;
    this.spot ??= [width / 2, height / 2];
    if (event.key === ' ') {
      event.preventDefault();
      if (this.stroke) this.lift();
      else this.begin(this.spot, 1);
    } else if (event.key in ARROWS) {
      event.preventDefault();
      const by = event.shiftKey ? 2 : 16;
      const [across, down] = ARROWS[event.key];
      this.spot = [Math.min(width, Math.max(0, this.spot[0] + across * by)), Math.min(height, Math.max(0, this.spot[1] + down * by))];
      if (this.stroke) stretch(this.ink, this.stroke, [[...this.spot, 1]]);
    } else return;
    this.compose();
  }

  down(event) {
    if (event.button !== 0 || this.stroke) return;
    event.preventDefault();
    this.canvas.focus();
    this.spot = null;
    this.canvas.setPointerCapture(event.pointerId);
    this.begin(this.at(event), pressure(event));
    this.compose();
  }

  begin([x, y], force) {
    const colour = this.mask ? MARK : this.pen.colour;
    if (this.tool === 'fill') {
      this.do({ kind: 'fill', at: [Math.floor(x), Math.floor(y)], colour });
      return;
    }
    this.stroke = { kind: 'stroke', colour, size: this.pen.size, erase: this.tool === 'eraser', points: [[x, y, force]] };
    this.do(this.stroke);
  }

  move(event) {
    if (!this.stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    const points = (passed.length ? passed : [event]).map((each) => [...this.at(each), pressure(each)]);
    stretch(this.ink, this.stroke, points);
    this.compose();
  }

  lift() {
    if (this.stroke) finished(this.ink, this.stroke);
    this.stroke = null;
    this.compose();
  }

  /** Do a deed that can be undone: a stroke, a fill, clearing, turning a mask round. */
  do(deed) {
    this.deeds.push(deed);
    this.undone = [];
    this.apply(deed);
    this.compose();
  }

  apply(deed) {
    if (deed.kind === 'stroke') drawn(this.ink, deed);
    else if (deed.kind === 'fill') flood(this.ink, this.composed(), deed);
    else whole(this.ink, deed.kind, MARK);
  }

  undo() {
    if (this.deeds.length) this.undone.push(this.deeds.pop());
    this.stroke = null;
    this.redraw();
  }

  redo() {
    if (this.undone.length) this.deeds.push(this.undone.pop());
    this.redraw();
  }

  clear() {
    if (this.deeds.length) this.do({ kind: 'clear' });
  }

  use() {
    this.done(png(this.mask ? this.masked() : this.composed()));
    this.dialog.close();
  }

  done(blob) {
    this.resolve?.(blob);
    this.resolve = null;
  }

  /** Return where on the paper (in its own pixels) an event is. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.canvas.width, ((event.clientY - box.top) / box.height) * this.canvas.height];
  }

  /** Do all deeds anew. */
  redraw() {
    whole(this.ink, 'clear');
    this.deeds.forEach((deed) => this.apply(deed));
    this.compose();
  }

  compose() {
    this.paint(this.canvas, this.mask);
    if (this.spot) {
      const pen = this.canvas.getContext('2d');
      pen.strokeStyle = MARK;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(...this.spot, Math.max(4, this.pen.size / 2), 0, 7);
      pen.stroke();
    }
    this.back1.disabled = !this.deeds.length;
    this.forth.disabled = !this.undone.length;
  }

  /** Return the drawing on its paper or image, without what only the pad shows. */
  composed() {
    const sheet = el('canvas', { width: this.canvas.width, height: this.canvas.height });
    this.paint(sheet, false);
    return sheet;
  }

  masked() {
    const sheet = el('canvas', { width: this.canvas.width, height: this.canvas.height });
    const pen = sheet.getContext('2d');
    pen.drawImage(this.ink, 0, 0);
    for (const [mode, colour] of [['source-in', '#ffffff'], ['destination-over', '#000000']]) {
      pen.globalCompositeOperation = mode;
      pen.fillStyle = colour;
      pen.fillRect(0, 0, sheet.width, sheet.height);
    }
    return sheet;
  }

  /** Paint paper, image and ink; veiled: pale behind what is marked. */
  paint(sheet, veiled) {
    const pen = sheet.getContext('2d');
    pen.globalAlpha = 1;
    pen.fillStyle = PAPER;
    pen.fillRect(0, 0, sheet.width, sheet.height);
    if (this.back) pen.drawImage(this.back, 0, 0, sheet.width, sheet.height);
    if (veiled) {
      pen.globalAlpha = 0.5;
      pen.fillRect(0, 0, sheet.width, sheet.height);
      pen.globalAlpha = 0.7;
    }
    pen.drawImage(this.ink, 0, 0);
    pen.globalAlpha = 1;
  }
}

/** Return how hard a pen is pressed, 1 being as usual; a mouse and a finger press always the same. */
function pressure(event) {
  return event.pointerType === 'pen' && event.pressure ? 0.35 + 1.3 * event.pressure : 1;
}

function fitted(width, height) {
  const scale = SIDE / Math.max(width, height);
  return [Math.round(width * scale), Math.round(height * scale)];
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}
