// Puts the page together: what is pressed goes to the interface, what happens comes back as events.

import { standing } from './account.js';
import * as api from './api.js';
import { Composer } from './composer.js';
import { button, el, problemText, shown, toast } from './dom.js';
import { Events } from './events.js';
import { Feed } from './feed.js';
import { Head } from './head.js';
import { Helper } from './helper.js';
import { t } from './i18n.js';
import { Plot } from './plot.js';
import { Remix, plain } from './remix.js';
import { Router } from './router.js';
import { SketchBox } from './sketch.js';
import { Viewer } from './viewer.js';

const EXAMPLES = ['/imagine a red heart', 'a cat in the snow', 'a rocket in space --n 4', '{red, blue} fish'];
const AGAIN_MS = 2000;

const viewer = new Viewer();
const helper = new Helper((words) => composer.retype(words));
const remix = new Remix();
const plot = new Plot((sheets) => { feed.add(sheets, feed.heard); router.to(`#/compare/${sheets[0].id}`); });
const listeners = new Set();
let pad = null;
/** What a press opens instead of painting at once. */
const OPENS = {
  info: (picture, job) => viewer.open(picture, job),
  sketch: (picture) => sketch.fromPicture(picture.id),
  plot: (picture) => plot.open({ picture }),
  remix: (picture) => remix.open('remix', picture, asks),
};
const MAY_REMIX = new Set(['reroll', 'vary', 'strong']);
const feed = new Feed({
  press,
  cancel: async (job) => { const mark = feed.heard; feed.put(await api.cancel(job.id), mark); },
  remove: async (job) => { await api.remove(job.id); feed.remove(job.id); toast(t('card.deleted')); },
  reveal: (pictureId) => feed.reveal(pictureId),
  retype: (words) => composer.retype(words),
});
const sketch = new SketchBox({
  pad: { open: drawing },
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
  go: (hash) => router.to(hash),
});
const head = new Head(() => {
  document.getElementById('locked').hidden = false;
  document.getElementById('empty').hidden = true;
  composer.lock();
});
const events = new Events({
  onEvent: (event) => { feed.event(event); listeners.forEach((listener) => listener(event)); },
  onOpen: (again) => { if (again) catchUp(); },
  onLost: () => head.lost(),
});

/** What other screens may do to the chat; each goes there. listen(listener) returns what ends it. */
const page = {
  chatShown: () => feed.shown(),
  press: async (action, picture, job) => {
    router.to('#/');
    try {
      await press(action, picture, job);
    } catch (problem) {
      toast(problemText(problem));
    }
  },
  walk: (picture, other) => plot.open({ picture, other }),
  retype: (words) => { router.to('#/'); composer.retype(words); },
  reveal: async (pictureId) => { router.to('#/'); await feed.reveal(pictureId); },
  show: (sheets) => { feed.add(sheets, feed.heard); router.to('#/'); },
  listen: (listener) => { listeners.add(listener); return () => listeners.delete(listener); },
};
const router = new Router(page, (root, problem) => {
  root.replaceChildren(el('p', { class: 'trouble', role: 'alert' }, shown(problemText(problem))));
});

/** Open the pad, which is read when somebody first draws; null where nothing was drawn. */
async function drawing(...given) {
  try {
    const { Pad } = await import('./pad.js');
    pad ??= new Pad();
  } catch {
    toast(t('page.broken'));
    return null;
  }
  return pad.open(...given);
}

/** Do what a button says to a Picture; who set it so is asked for other words before each reroll and vary. */
async function press(action, picture, job) {
  if (action in OPENS) {
    await OPENS[action](picture, job);
  } else if (MAY_REMIX.has(action) && (await api.defaults()).remix) {
    await remix.open(action, picture, asks);
  } else await asks(await plain(action, picture));
}

async function asks(body) {
  const mark = feed.heard;
  feed.add(await api.ask({ ...body, request_id: api.newId() }), mark);
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
  standing(document.querySelector('.nav')).catch(() => {});
}

document.getElementById('examples').append(...EXAMPLES.map((words) => button(words, () => composer.retype(words))));
document.getElementById('skip').addEventListener('click', (event) => { event.preventDefault(); document.getElementById('words').focus(); });
document.getElementById('compare').addEventListener('click', () => plot.open({ words: document.getElementById('words').value }));
document.getElementById('help').addEventListener('click', () => helper.open());
router.go();
begin();
