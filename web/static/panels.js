// What the operator's screen shows: each function makes the elements of one part out of what the interface told.

import { bars, line, number } from './charts.js';
import { button, el, icon, shown, time } from './dom.js';
import { language, maybe, t } from './i18n.js';

const GIB = 2 ** 30;
const MOST_ROWS = 40;

/** Return how many rows the device stepped until now, and how many calls had how many, out of the meters' text. */
export function calls(text) {
  const buckets = [...text.matchAll(/^limner_call_rows_bucket\{le="([^"]+)"\} (\d+)/gm)].map(([, edge, count]) => [edge, Number(count)]);
  const by = buckets.map(([edge, count], at) => [edge === '+Inf' ? '>' : edge, count - (at ? buckets[at - 1][1] : 0)]);
  const one = (name) => Number(new RegExp(`^limner_call_rows_${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  return { at: Date.now(), rows: one('sum'), calls: one('count'), by };
}

/** Return the steps a second between each two looks. */
function speeds(seen) {
  return seen.slice(1).map((each, at) => Math.max(0, (each.rows - seen[at].rows) / ((each.at - seen[at].at) / 1000 || 1)));
}

export function state(stats) {
  const word = stats.paused ? 'paused' : stats.draining ? 'draining' : stats.state;
  const kind = word === 'ready' ? 'ready' : /paused|draining|warming|reading/.test(word) ? 'busy' : 'lost';
  return el('span', { class: 'health', data: { kind } }, el('span', { class: 'dot' }), maybe(`operate.${word}`) ?? word);
}

export function tiles(stats, memory, seen) {
  const now = speeds(seen).at(-1) ?? 0;
  const { rows, calls: count } = seen.at(-1);
  const tile = (label, value, more = '') => el('p', { class: 'tile-of' }, el('span', {}, label), el('b', {}, value), el('small', {}, more));
  const of = (used, whole) => [`${gib(used)} GB`, t('operate.of', { whole: gib(whole) })];
  return [
    tile(t('operate.open'), number(stats.open)), tile(t('operate.pictures'), number(stats.pictures), t('operate.day')),
    tile(t('operate.failures'), number(stats.failures), t('operate.day')), tile(t('operate.steps'), number(now), t('operate.second')),
    tile(t('operate.rows'), number(count ? rows / count : 0), t('operate.call')),
    tile(t('operate.memory'), ...of(memory.used ?? 0, memory.whole ?? 0)),
    ...(memory.device_whole ? [tile(t('operate.device'), ...of(memory.device_used, memory.device_whole))] : []),
  ];
}

export function charts(seen) {
  return [line(t('operate.speed_chart'), speeds(seen)), bars(t('operate.rows_chart'), seen.at(-1).by)];
}

export function queue(rows, open) {
  return table([t('operate.place'), t('operate.words'), t('operate.stands'), ''], rows.slice(0, MOST_ROWS).map((each) => [
    String(each.place), shown(each.words ?? t('operate.others'), 80), each.sentence,
    each.job ? button(t('operate.log_of'), () => open(each.job), { kind: 'quiet' }) : '']), t('operate.nothing_waits'));
}

export function people(rows, limit, erase) {
  const most = Math.max(1, ...rows.map(({ cost }) => cost));
  return table([t('operate.who'), t('operate.jobs'), t('operate.cost'), t('operate.last'), ''], rows.map((each) => [
    named(each.id), number(each.jobs), el('span', { class: 'cost' }, meter(each.cost / most), number(each.cost)), time(each.at),
    el('span', { class: 'row' }, button(t('operate.limit'), () => limit(each.id), { kind: 'quiet' }),
      button(t('operate.erase_whom'), () => erase(each.id), { kind: 'quiet' }))]), t('operate.nobody'));
}

export function models(rows, loaded, does) {
  return rows.map((each) => {
    const there = loaded.includes(each.name);
    const facts = [each.family, `${each.width} × ${each.height}`, each.licence, each.commercial === false ? t('operate.not_commercial') : '',
      ...each.can.map((name) => maybe(`operate.can_${name}`) ?? name)];
    return el('div', { class: 'model-row' },
      el('p', {}, el('b', {}, shown(each.name, 80)), each.default ? badge(t('operate.default'), 'good') : null,
        there ? badge(t('operate.in_memory')) : null, each.state === 'ready' ? null : badge(each.state, 'bad')),
      el('p', { class: 'facts' }, facts.filter(Boolean).join(', ')), each.why ? el('p', { class: 'facts' }, shown(each.why, 300)) : null,
      each.state !== 'ready' ? null : el('p', { class: 'row' },
        button(t(there ? 'operate.unload' : 'operate.load'), () => does.act(each.name, there ? 'unload' : 'load')),
        each.default ? null : button(t('operate.choose'), () => does.choose(each.name))));
  });
}

/** Return the Limits that are set, each with a button to change it. */
export function rules(found, edit) {
  const sets = [['limit', '', found.base], ...Object.entries(found.roles).map(([role, bounds]) => ['limit_role', role, bounds]),
    ...Object.entries(found.people).map(([who, bounds]) => ['limit_person', who, bounds])].filter(([, , bounds]) => Object.keys(bounds).length);
  return table([t('operate.who'), t('operate.bounds'), ''], sets.map(([what, who, bounds]) => [
    who ? named(who) : t('operate.everyone'),
    Object.entries(bounds).map(([name, value]) => `${t(`operate.${name}`)}: ${number(value)}`).join(', '),
    button(t('operate.change'), () => edit(what, who, bounds), { kind: 'quiet' })]), t('operate.no_rules'));
}

export function audits(rows) {
  return rows.length ? rows.map((each) => el('p', { class: 'verdict', data: { word: each.word } }, icon(each.word === 'identical' ? 'check' : 'differ'),
    el('span', {}, el('a', { href: `#/picture/${each.picture}` }, each.picture.slice(-6)), ` ${shown(each.sentence, 200)} `, time(each.at))))
    : [el('p', { class: 'soft' }, t('operate.no_audits'))];
}

export function acts(rows) {
  return rows.length ? rows.map((each) => el('p', { class: 'act' }, time(each.at), ` ${shown(each.sentence)}`))
    : [el('p', { class: 'soft' }, t('operate.no_acts'))];
}

function table(heads, rows, none) {
  if (!rows.length) return [el('p', { class: 'soft' }, none)];
  return [el('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': heads[0] }, el('table', {},
    el('thead', {}, el('tr', {}, ...heads.map((head) => (head ? el('th', { scope: 'col' }, head) : el('td', {}))))),
    el('tbody', {}, ...rows.map((cells) => el('tr', {}, ...cells.map((cell) => el('td', {}, cell)))))))];
}

/** Return whom an id names: a name where it has one, its face beside it. */
function named(id) {
  const [face, name] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  return el('span', { class: 'who' }, el('b', {}, shown(name, 60)), ' ', el('small', {}, face));
}

function meter(share) {
  const bar = el('span', { class: 'meter', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', `${(100 * share).toFixed(1)}%`);
  return bar;
}

function badge(text, kind = '') {
  return el('span', { class: `badge ${kind}` }, text);
}

const gib = (bytes) => (bytes / GIB).toLocaleString(language, { maximumFractionDigits: 1 });
