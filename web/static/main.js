// Puts the page together: what is pressed goes to the interface, what happens comes back as events.

import * as api from './api.js';
import { Composer } from './composer.js';
import { button, el, problemText, shown } from './dom.js';
import { Events } from './events.js';
import { Feed } from './feed.js';
import { Head } from './head.js';
import { Helper } from './helper.js';
import { Pad } from './pad.js';
import { Router } from './router.js';
import { SketchBox } from './sketch.js';
import { Viewer } from './viewer.js';

const EXAMPLES = ['/imagine a red heart', 'a cat in the snow', 'a rocket in space --n 4', '{red, blue} fish'];
const AGAIN_MS = 2000;
/** A card in a chat links here by its first picture's id. */
const PICTURE = /^#[0-9A-Z]{26}$/;

const viewer = new Viewer();
const helper = new Helper((words) => composer.retype(words));
const feed = new Feed({
  press: (action, picture) => (action === 'sketch' ? sketch.fromPicture(picture.id) : ask(action, picture)),
  cancel: async (job) => { const mark = feed.heard; feed.put(await api.cancel(job.id), mark); },
  open: (picture, job) => viewer.open(picture, job),
  reveal: (pictureId) => feed.reveal(pictureId),
  retype: (words) => composer.retype(words),
});
const sketch = new SketchBox({
  pad: new Pad(),
  reproduced: (sheets) => feed.add(sheets, feed.heard),
  focus: () => document.getElementById('words').focus(),
  retype: (words) => composer.retype(words),
});
const composer = new Composer({
  sketch,
  typed: () => feed.typed(),
  mark: () => feed.heard,
  asked: (sheets, mark) => feed.add(sheets, mark),
  help: () => helper.open(),
});
const head = new Head(() => {
  document.getElementById('locked').hidden = false;
  document.getElementById('empty').hidden = true;
  composer.lock();
});
const events = new Events({
  onEvent: (event) => feed.event(event),
  onOpen: (again) => { if (again) catchUp(); },
  onLost: () => head.lost(),
});

/** What other screens may do to the chat; each goes there. */
const page = {
  chatShown: () => feed.shown(),
  ask: async (kind, picture) => { await ask(kind, picture); router.to('#/'); },
  sketchFrom: (pictureId) => { router.to('#/'); sketch.fromPicture(pictureId); },
  retype: (words) => { router.to('#/'); composer.retype(words); },
  reveal: async (pictureId) => { router.to('#/'); await feed.reveal(pictureId); },
  show: (sheets) => { feed.add(sheets, feed.heard); router.to('#/'); },
};
const router = new Router(page, (root, problem) => {
  root.replaceChildren(el('p', { class: 'trouble', role: 'alert' }, shown(problemText(problem))));
});

async function ask(kind, picture) {
  const mark = feed.heard;
  feed.add(await api.ask({ kind, parent: picture.id, request_id: api.newId() }), mark);
}

/** After the line was down: the log says how things stand now. */
async function catchUp() {
  if (head.locked) window.location.reload();
  const told = await head.refresh();
  if (told && told.last_move < events.last) window.location.reload();
  if (told) await feed.load().catch(() => head.lost());
}

/** Begin with the log: what happens after its last move comes as events, nothing twice, nothing missed. */
async function begin() {
  const told = await head.refresh();
  if (told === null) {
    if (head.dot.dataset.kind === 'lost') setTimeout(begin, AGAIN_MS);
    return;
  }
  try {
    await feed.load();
  } catch {
    setTimeout(begin, AGAIN_MS);
    return;
  }
  events.start(told.last_move);
  if (PICTURE.test(window.location.hash)) await feed.reveal(window.location.hash.slice(1)).catch(() => {});
}

document.getElementById('examples').append(...EXAMPLES.map((words) => button(words, () => composer.retype(words))));
document.getElementById('help').addEventListener('click', () => helper.open());
router.go();
begin();
