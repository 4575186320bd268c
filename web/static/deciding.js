// What the owner decides on the operator's screen: Limits, erasing with the word typed, and the log of one job.

import * as api from './api.js';
import { button, el, shown, time } from './dom.js';
import { t } from './i18n.js';

const ERASE = 'erase';
const BOUNDS = ['waiting', 'per_minute', 'day_cost', 'weight', 'priority'];
const WHOSE = { limit: null, limit_role: 'role', limit_person: 'who' };

function field(label, input, kind = '') {
  return el('label', { class: kind }, el('span', {}, label), input);
}

/** Return a form that sets Limits of everyone, a role or one person: {root, open(what, who, bounds)}. */
export function limiting({ say, done }) {
  const what = el('select', { name: 'what' }, ...Object.keys(WHOSE).map((each) => el('option', { value: each }, t(`operate.of_${each}`))));
  const who = el('input', { name: 'who', maxlength: '100', placeholder: 'discord:123', autocomplete: 'off' });
  const inputs = Object.fromEntries(BOUNDS.map((name) => [name, el('input', { type: 'number', name, min: name === 'weight' ? '1' : '0', step: '1' })]));
  const whom = field(t('operate.id'), who, 'whom');
  const turn = () => { whom.hidden = WHOSE[what.value] === null; who.required = !whom.hidden; };
  what.addEventListener('change', turn);
  const form = el('form', { class: 'limits', on: { submit: async (event) => {
    event.preventDefault();
    const detail = Object.fromEntries(BOUNDS.map((name) => [name, inputs[name].value === '' ? null : Number(inputs[name].value)]));
    if (WHOSE[what.value]) detail[WHOSE[what.value]] = who.value.trim();
    try {
      say((await api.act(what.value, detail)).sentence);
      await done();
    } catch (problem) {
      say(problem);
    }
  } } }, field(t('operate.whose'), what), whom, ...BOUNDS.map((name) => field(t(`operate.${name}`), inputs[name])),
  el('p', { class: 'hint' }, t('operate.limits_hint')), el('p', { class: 'row' }, el('button', { type: 'submit', class: 'main' }, t('operate.set'))));
  turn();
  const root = el('details', {}, el('summary', {}, t('operate.set_limit')), form);
  const open = (which, id, bounds = {}) => {
    root.open = true;
    what.value = which;
    who.value = id;
    for (const name of BOUNDS) inputs[name].value = bounds[name] ?? '';
    turn();
    inputs.waiting.focus();
    root.scrollIntoView({ block: 'nearest' });
  };
  return { root, open };
}

/** Return a form that erases all that is kept of the owner, or of another, once the word or the id is typed. */
export function erasing({ say, done }) {
  let whom = null;
  const label = el('span', {});
  const word = el('input', { name: 'word', autocomplete: 'off', maxlength: '100' });
  const go = el('button', { type: 'submit', class: 'risky', disabled: true });
  const mine = button(t('operate.erase_me'), () => open(null), { kind: 'quiet' });
  const fill = (id) => {
    whom = id;
    label.textContent = t('operate.erase_type', { word: id ?? ERASE });
    go.textContent = id ? t('operate.erase_all_of', { who: id }) : t('operate.erase_all');
    mine.hidden = id === null;
    word.value = '';
    go.disabled = true;
  };
  const open = (id) => {
    root.open = true;
    fill(id);
    word.focus();
    root.scrollIntoView({ block: 'nearest' });
  };
  word.addEventListener('input', () => { go.disabled = word.value.trim() !== (whom ?? ERASE); });
  const form = el('form', { class: 'danger', on: { submit: async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    try {
      say((await api.erase(word.value.trim(), whom)).sentence);
      fill(null);
      await done();
    } catch (problem) {
      say(problem);
    }
  } } }, el('p', { class: 'hint' }, t('operate.erase_hint')), el('label', {}, label, word), el('p', { class: 'row' }, go, mine));
  const root = el('details', { class: 'panel' }, el('summary', {}, el('h3', {}, t('operate.erase'))), form);
  fill(null);
  return { root, open };
}

/** Return what shows every move of one job and what the log says of it: {root, open(id)}. */
export function jobLog({ say }) {
  const id = el('input', { name: 'job', maxlength: '26', autocomplete: 'off', spellcheck: 'false', required: true });
  const shownLog = el('div', { class: 'log' });
  const open = async (job) => {
    id.value = job;
    try {
      const found = await api.jobLog(job);
      const rows = [...found.moves.map((each) => [each.at, `${each.from || t('operate.new')} → ${each.to}${each.why ? ` (${each.why})` : ''}`, 'move']),
        ...found.lines.map((each) => [Date.parse(each.at), `${each.said}${each.error ? `: ${each.error}` : ''}`, each.level])].sort((one, other) => one[0] - other[0]);
      shownLog.replaceChildren(el('p', { class: 'facts' }, `${found.job}, ${found.kind}, ${found.person}`),
        el('ol', {}, ...rows.map(([at, said, kind]) => el('li', { class: kind }, time(at), ` ${shown(said, 400)}`))));
      root.scrollIntoView({ block: 'nearest' });
    } catch (problem) {
      say(problem);
    }
  };
  const root = el('div', {}, el('form', { class: 'job-of', on: { submit: (event) => { event.preventDefault(); open(id.value.trim()); } } },
    field(t('operate.job'), id), el('button', { type: 'submit' }, t('operate.show'))), shownLog);
  return { root, open };
}
