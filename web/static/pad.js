// The drawing pad: pen, colours, size, eraser, undo and clear on white paper, or over an image.

import { button, el, icon } from './dom.js';

const SIDE = 512;
const COLOURS = [
  ['Black', '#1d1b1a'], ['Red', '#d5322b'], ['Orange', '#f08a24'], ['Yellow', '#f7d038'], ['Green', '#3f9e4d'],
  ['Blue', '#2f6fd0'], ['Purple', '#8b4bb8'], ['Pink', '#f08cb4'], ['Brown', '#8a5a35'],
];
const PAPER = '#ffffff';

export class Pad {
  constructor() {
    this.dialog = document.getElementById('pad');
    this.canvas = el('canvas', { class: 'paper', 'aria-label': 'Paper to draw on', tabindex: '0' });
    this.pen = { colour: COLOURS[0][1], size: 14, erase: false };
    this.canvas.addEventListener('pointerdown', (event) => this.down(event));
    this.canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const end of ['pointerup', 'pointercancel']) this.canvas.addEventListener(end, () => { this.stroke = null; });
    this.dialog.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === 'z') { event.preventDefault(); this.undo(); }
    });
    this.dialog.addEventListener('close', () => this.done(null));
    this.build();
  }

  /** Draw on white paper, or over the image at an address; return a PNG, or null where it was left. */
  async open(over) {
    this.back = over ? await loaded(over) : null;
    const [width, height] = this.back ? fitted(this.back.naturalWidth, this.back.naturalHeight) : [SIDE, SIDE];
    Object.assign(this.canvas, { width, height });
    this.canvas.style.setProperty('--ratio', String(width / height));
    this.strokes = [];
    this.stroke = null;
    this.redraw();
    this.dialog.showModal();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  build() {
    this.swatches = el('div', { class: 'swatches', role: 'group', 'aria-label': 'Colour' });
    for (const [name, colour] of COLOURS) {
      const swatch = el('button', { type: 'button', title: name, 'aria-label': name, on: { click: () => this.take(colour) } });
      swatch.style.setProperty('--colour', colour);
      swatch.dataset.colour = colour;
      this.swatches.append(swatch);
    }
    this.own = el('input', { type: 'color', value: '#20b2aa', 'aria-label': 'Another colour', title: 'Another colour',
      on: { input: () => this.take(this.own.value) } });
    this.swatches.append(this.own);
    this.eraser = button('Eraser', () => this.take(null), { glyph: 'erase' });
    const size = el('input', { type: 'range', min: '2', max: '60', value: String(this.pen.size), 'aria-label': 'Size of the pen',
      on: { input: () => { this.pen.size = Number(size.value); } } });
    const use = el('button', { type: 'button', class: 'main', on: { click: () => this.use() } }, 'Use this sketch');
    this.dialog.append(
      el('header', {}, el('h2', { id: 'pad-title' }, 'Draw a sketch'), button('Close', () => this.dialog.close(), { glyph: 'close' })),
      el('div', { class: 'desk' }, this.canvas),
      el('div', { class: 'pens' }, this.swatches, el('label', { class: 'size' }, icon('draw'), size), this.eraser,
        button('Undo', () => this.undo(), { glyph: 'undo' }), button('Clear', () => this.clear())),
      el('footer', {}, button('Cancel', () => this.dialog.close()), use),
    );
    this.take(this.pen.colour);
  }

  /** Take a colour, or the eraser (null). */
  take(colour) {
    this.pen.erase = colour === null;
    if (colour !== null) this.pen.colour = colour;
    this.eraser.setAttribute('aria-pressed', String(this.pen.erase));
    for (const swatch of this.swatches.children) {
      swatch.setAttribute('aria-pressed', String(!this.pen.erase && swatch.dataset.colour === colour));
    }
  }

  down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { ...this.pen, points: [this.at(event)] };
    this.strokes.push(this.stroke);
    this.draw(this.stroke);
  }

  move(event) {
    if (!this.stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) this.stroke.points.push(this.at(each));
    this.redraw();
  }

  undo() {
    const last = this.strokes.pop();
    if (last?.cleared) this.strokes = last.cleared;
    this.redraw();
  }

  clear() {
    if (this.strokes.length) this.strokes = [{ cleared: this.strokes, points: [] }];
    this.redraw();
  }

  use() {
    this.done(png(this.canvas));
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

  redraw() {
    const ink = this.canvas.getContext('2d');
    ink.fillStyle = PAPER;
    ink.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.back) ink.drawImage(this.back, 0, 0, this.canvas.width, this.canvas.height);
    this.strokes.forEach((stroke) => this.draw(stroke));
  }

  /** Draw a stroke as one smooth line through the middles between its points. */
  draw({ points, colour, size, erase }) {
    if (points.length === 0) return;
    const ink = this.canvas.getContext('2d');
    Object.assign(ink, { strokeStyle: erase ? PAPER : colour, lineWidth: size, lineCap: 'round', lineJoin: 'round' });
    ink.beginPath();
    ink.moveTo(...points[0]);
    for (let i = 1; i < points.length; i += 1) {
      const [x, y] = points[i - 1];
      ink.quadraticCurveTo(x, y, (x + points[i][0]) / 2, (y + points[i][1]) / 2);
    }
    ink.lineTo(...points.at(-1));
    ink.stroke();
  }
}

/** Return a canvas as a PNG, at once: toBlob waits for an idle browser, which on a busy machine can take many seconds. */
function png(canvas) {
  const signs = atob(canvas.toDataURL('image/png').split(',', 2)[1]);
  return new Blob([Uint8Array.from(signs, (sign) => sign.charCodeAt(0))], { type: 'image/png' });
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
