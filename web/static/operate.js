// The operator's screen, for the owner alone: how things stand, who asks, what paints, and what the owner may do.

import * as api from './api.js';
import { button, el, problemText, shown } from './dom.js';
import { t } from './i18n.js';
import { erasing, jobLog, limiting } from './deciding.js';
import * as panels from './panels.js';

const LOOK_MS = 3000;
const MOST_POINTS = 120;

/** Build the screen; what it returns is called when it is left. */
export async function mount(root, { id }) {
  const screen = new Operate();
  await screen.look();
  root.append(screen.root);
  if (id) screen.log.open(id);
  let timer = 0;
  let left = false;
  const again = async () => {
    await screen.look().catch((problem) => screen.say(problem));
    if (!left) timer = setTimeout(again, LOOK_MS);
  };
  timer = setTimeout(again, LOOK_MS);
  return () => { left = true; clearTimeout(timer); };
}

class Operate {
  constructor() {
    this.calls = [];
    this.seen = {};
    this.told = el('p', { class: 'told', role: 'status' });
    this.parts = Object.fromEntries(['state', 'acts-now', 'tiles', 'charts', 'queue', 'people', 'models', 'rules', 'audits', 'acts']
      .map((name) => [name, el('div', { class: name })]));
    const does = { say: (what) => this.say(what), done: () => this.look() };
    this.limits = limiting(does);
    this.erase = erasing(does);
    this.log = jobLog(does);
    const panel = (title, ...children) => el('section', { class: 'panel' }, el('h3', {}, title), ...children);
    const part = (name) => this.parts[name];
    this.root = el('div', { class: 'wide operate' },
      el('header', { class: 'bar' }, el('h2', {}, t('operate.title')), part('state'), part('acts-now')), this.told, part('tiles'),
      el('section', { class: 'panel', 'aria-label': t('operate.speed') }, part('charts')),
      el('div', { class: 'panels' },
        el('div', {}, panel(t('operate.queue'), part('queue')), panel(t('operate.people'), part('people')),
          panel(t('operate.log'), this.log.root), panel(t('operate.audits'), part('audits'))),
        el('div', {}, panel(t('operate.models'), part('models')), panel(t('operate.limits'), part('rules'), this.limits.root),
          panel(t('operate.acts'), part('acts')), this.erase.root)));
  }

  say(what) {
    this.told.textContent = shown(typeof what === 'string' ? what : problemText(what));
  }

  /** Do an act and say what it did. */
  async does(work) {
    try {
      this.say((await work()).sentence);
      await this.look();
    } catch (problem) {
      this.say(problem);
    }
  }

  async look() {
    const found = await api.operate();
    const calls = panels.calls(found.meters);
    this.calls.push(calls);
    if (this.calls.length > MOST_POINTS) this.calls.shift();
    const { stats, queue, models, audits, acts, people, rules, device } = found;
    const act = (what) => () => this.does(() => api.act(what));
    this.show('state', [stats.paused, stats.draining, stats.state], () => [panels.state(stats)]);
    this.show('acts-now', [stats.paused, stats.draining], () => [
      stats.paused || stats.draining ? button(t('operate.resume'), act('resume'), { kind: 'main' }) : null,
      stats.paused ? null : button(t('operate.pause'), act('pause')),
      stats.draining ? null : button(t('operate.drain'), act('drain'))].filter(Boolean));
    this.show('tiles', [stats, device.memory, this.calls.length], () => panels.tiles(stats, device.memory, this.calls));
    this.show('charts', [this.calls.length, calls.at], () => panels.charts(this.calls));
    this.show('queue', queue, () => panels.queue(queue, (job) => this.log.open(job)));
    this.show('people', people, () => panels.people(people, (who) => this.limits.open('limit_person', who), (who) => this.erase.open(who)));
    this.show('models', [models, device.loaded], () => panels.models(models, device.loaded, {
      act: (name, what) => this.does(() => api.modelAct(name, what)),
      choose: (name) => this.does(() => api.act('default_model', { model: name })),
    }));
    this.show('rules', rules, () => panels.rules(rules, (what, who, bounds) => this.limits.open(what, who, bounds)));
    this.show('audits', audits, () => panels.audits(audits));
    this.show('acts', acts, () => panels.acts(acts));
  }

  /** Build a part anew only where it says something else: what is focused stays so. */
  show(name, data, build) {
    const key = JSON.stringify(data);
    if (this.seen[name] === key) return;
    this.seen[name] = key;
    this.parts[name].replaceChildren(...build());
  }
}
