// Ink on a canvas: strokes whose width follows the pressure, fills, and a canvas as a PNG.

const LIKE = 40;

/** Draw a whole stroke. */
export function drawn(ink, stroke) {
  const points = stroke.points.splice(1);
  segment(ink, stroke, stroke.points[0], stroke.points[0], stroke.points[0]);
  stretch(ink, stroke, points);
  finished(ink, stroke);
}

/** Draw a stroke up to where the pen was lifted. */
export function finished(ink, stroke) {
  const past = stroke.points;
  const last = past.at(-1);
  if (past.length > 1) segment(ink, stroke, middle(past.at(-2), last), last, last);
}

/** Draw on, through the middles between the points: one smooth line. */
export function stretch(ink, stroke, points) {
  for (const point of points) {
    const past = stroke.points;
    const last = past.at(-1);
    const from = past.length > 1 ? middle(past.at(-2), last) : last;
    past.push(point);
    segment(ink, stroke, from, last, middle(last, point));
  }
}

function segment(ink, { colour, size, erase }, from, over, to) {
  const pen = ink.getContext('2d');
  pen.globalCompositeOperation = erase ? 'destination-out' : 'source-over';
  Object.assign(pen, { strokeStyle: colour, lineWidth: size * over[2], lineCap: 'round', lineJoin: 'round' });
  pen.beginPath();
  pen.moveTo(from[0], from[1]);
  pen.quadraticCurveTo(over[0], over[1], to[0], to[1]);
  pen.stroke();
  pen.globalCompositeOperation = 'source-over';
}

const middle = (one, other) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2, (one[2] + other[2]) / 2];

/** Change all of it: `clear` takes everything away, `invert` marks what was not marked. */
export function whole(ink, how, colour = '') {
  const pen = ink.getContext('2d');
  if (how === 'clear') {
    pen.clearRect(0, 0, ink.width, ink.height);
    return;
  }
  pen.globalCompositeOperation = 'source-out';
  pen.fillStyle = colour;
  pen.fillRect(0, 0, ink.width, ink.height);
  pen.globalCompositeOperation = 'source-over';
}

/** Fill the area of like colour around a point of what is seen. */
export function flood(ink, seen, { at: [x, y], colour }) {
  const { width, height } = ink;
  const { data } = seen.getContext('2d').getImageData(0, 0, width, height);
  const start = (y * width + x) * 4;
  const first = [data[start], data[start + 1], data[start + 2]];
  const like = (place) => first.every((value, band) => Math.abs(data[place * 4 + band] - value) <= LIKE);
  const done = new Uint8Array(width * height);
  const open = [y * width + x];
  const pen = ink.getContext('2d');
  const area = pen.getImageData(0, 0, width, height);
  const value = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
  while (open.length) {
    const place = open.pop();
    if (done[place] || !like(place)) continue;
    done[place] = 1;
    const across = place % width;
    // Its neighbours too: the edge of a stroke is smooth, and would stay as a pale rim.
    for (const near of [place, across > 0 ? place - 1 : place, across < width - 1 ? place + 1 : place, place - width, place + width]) {
      if (near >= 0 && near < done.length) area.data.set([...value, 255], near * 4);
    }
    if (across > 0) open.push(place - 1);
    if (across < width - 1) open.push(place + 1);
    if (place >= width) open.push(place - width);
    if (place < width * (height - 1)) open.push(place + width);
  }
  pen.putImageData(area, 0, 0);
}

/** Return a canvas as a PNG, at once: toBlob waits for an idle browser, which on a busy machine can take many seconds. */
export function png(canvas) {
  const signs = atob(canvas.toDataURL('image/png').split(',', 2)[1]);
  return new Blob([Uint8Array.from(signs, (sign) => sign.charCodeAt(0))], { type: 'image/png' });
}
