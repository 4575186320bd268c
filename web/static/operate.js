// The operator's screen, for the owner alone: the line, speed, rows per call, people, models, audits and acts.

import * as api from './api.js';
import { bars, line } from './charts.js';
import { button, el, problemText, shown, time } from './dom.js';

const LOOK_MS = 3000;
const MOST_POINTS = 120;
const ERASE = 'erase';
const PARTS = [['now', 'Now'], ['speed', 'Speed'], ['queue', 'The line'], ['people', 'Cost of the last day, by person'],
  ['models', 'Models'], ['audits', 'Audits'], ['acts', 'Acts']];

/** Build the screen; what it returns is called when it is left. */
export async function mount(root) {
  const told = el('p', { class: 'told', role: 'status' });
  const say = (problem) => { told.textContent = shown(typeof problem === 'string' ? problem : problemText(problem)); };
  const parts = Object.fromEntries(PARTS.map(([name]) => [name, el('div', { class: name })]));
  const speeds = [];
  const look = async () => show(parts, await api.operate(), speeds);
  const act = (what, label) => button(label, async () => {
    try {
      say((await api.act(what)).sentence);
      await look();
    } catch (problem) {
      say(problem);
    }
  });
  await look();
  root.append(el('h2', {}, 'Operate'), el('p', { class: 'acts' }, act('pause', 'Pause'), act('resume', 'Go on'), act('drain', 'Drain')), told,
    ...PARTS.map(([name, title]) => el('section', { class: 'panel' }, el('h3', {}, title), parts[name])),
    el('section', { class: 'panel' }, el('h3', {}, 'Erase'), erasing(say)));
  let timer = 0;
  let left = false;
  const again = async () => {
    await look().catch(say);
    if (!left) timer = setTimeout(again, LOOK_MS);
  };
  timer = setTimeout(again, LOOK_MS);
  return () => { left = true; clearTimeout(timer); };
}

function show(parts, { stats, queue, models, audits, acts, limits, meters }, speeds) {
  const state = stats.paused ? 'paused' : stats.draining ? 'draining' : stats.state;
  parts.now.replaceChildren(
    el('p', {}, `${state}; ${stats.open} open jobs; ${stats.pictures} pictures and ${stats.failures} failures in the last day.`),
    el('ul', {}, ...limits.map((each) => el('li', {}, shown(each.sentence)))));
  const measured = calls(meters);
  speeds.push(measured);
  if (speeds.length > MOST_POINTS) speeds.shift();
  const rates = speeds.slice(1).map((each, at) => Math.max(0, (each.rows - speeds[at].rows) / ((each.at - speeds[at].at) / 1000 || 1)));
  parts.speed.replaceChildren(line('Steps a second', rates), bars('Model calls, by rows at most', measured.by));
  parts.queue.replaceChildren(...list(queue, ({ place, words, sentence }) => `${place}. ${shown(words ?? '(of another person)', 80)} · ${sentence}`, 'Nothing waits.'));
  parts.people.replaceChildren(bars('Cost', Object.entries(stats.cost).map(([who, cost]) => [who.slice(0, 10), cost])));
  parts.models.replaceChildren(...list(models, (each) =>
    `${each.name}${each.default ? ' (default)' : ''}: ${each.state}, ${each.family}${each.why ? `, ${each.why}` : ''}`, 'No model.'));
  parts.audits.replaceChildren(...list(audits, (each) =>
    `${new Date(each.at).toLocaleString()}: ${each.picture.slice(-6)} ${each.sentence}`, 'No picture was audited yet.'));
  parts.acts.replaceChildren(...acts.map((each) => el('p', {}, time(each.at), ` ${shown(each.sentence)}`)));
}

const list = (rows, words, none) => (rows.length ? rows.map((row) => el('p', {}, shown(words(row), 300))) : [el('p', {}, none)]);

/** Read how many rows the device stepped until now, and how many calls had how many, out of the meters' text. */
function calls(text) {
  const buckets = [...text.matchAll(/^limner_call_rows_bucket\{le="([^"]+)"\} (\d+)/gm)].map(([, edge, count]) => [edge, Number(count)]);
  const by = buckets.map(([edge, count], at) => [edge, count - (at ? buckets[at - 1][1] : 0)]);
  return { at: Date.now(), rows: Number(/^limner_call_rows_sum (\S+)/m.exec(text)?.[1] ?? 0), by };
}

/** Return a form that erases all that is kept of the owner, once the word is typed. */
function erasing(say) {
  const word = el('input', { 'aria-label': `Type the word ${ERASE}`, placeholder: `type: ${ERASE}`, autocomplete: 'off' });
  const go = el('button', { class: 'danger', disabled: true }, 'Erase all that is kept of you');
  word.addEventListener('input', () => { go.disabled = word.value.trim().toLowerCase() !== ERASE; });
  const form = el('form', { class: 'search' }, word, go);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    try {
      say((await api.erase(word.value)).sentence);
      form.reset();
      go.disabled = true;
    } catch (problem) {
      say(problem);
    }
  });
  return form;
}
