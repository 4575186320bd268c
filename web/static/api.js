// The page's interface: one function per path; whatever goes wrong comes back as a Problem with words for people.

import { t } from './i18n.js';

export class Problem extends Error {
  constructor({ code = 'error', sentence = '', hint = '', caret = '', opens_at = null, jobs = 0 }) {
    super(sentence);
    Object.assign(this, { code, sentence, hint, caret, opens_at, jobs });
  }
}

const OFFLINE = { code: 'offline', sentence: t('page.offline'), hint: t('page.offline_hint') };
const RETRIES_MS = [400, 1500];
/** A line that says nothing for so long is down; what was asked is sent again under the same id. */
const PATIENCE_MS = 30000;

async function call(method, path, { json, raw, tries = [] } = {}) {
  const headers = { 'X-Limner': '1' };
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  const body = json === undefined ? raw : JSON.stringify(json);
  for (let attempt = 0; ; attempt += 1) {
    let answer;
    try {
      const quick = method === 'GET' || path === '/api/jobs';
      const signal = quick ? AbortSignal.timeout(PATIENCE_MS) : null;
      answer = await fetch(path, { method, headers, body, signal, credentials: 'same-origin' });
    } catch {
      if (attempt >= tries.length) throw new Problem(OFFLINE);
      await new Promise((resolve) => { setTimeout(resolve, tries[attempt]); });
      continue;
    }
    const data = await answer.json().catch(() => OFFLINE);
    if (!answer.ok) throw new Problem(data);
    return data;
  }
}

/** Return an id for one thing asked; sent again with it, it is still one thing. Without TLS browsers lack randomUUID. */
export const newId = () => crypto.randomUUID?.()
  ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, '0')).join('');

export const health = () => call('GET', '/api/health');

export const history = (before, limit) =>
  call('GET', `/api/jobs?limit=${limit}${before ? `&before=${before}` : ''}`).then((data) => data.jobs);

export const search = (words, limit) =>
  call('GET', `/api/jobs?limit=${limit}&words=${encodeURIComponent(words)}`).then((data) => data.jobs);

export const job = (id) => call('GET', `/api/jobs/${id}`);

export const picture = (id) => call('GET', `/api/pictures/${id}`);

/** Return all that is known of a picture. */
export const show = (id) => call('GET', `/api/pictures/${id}/show`);

/** Return a page of pictures; search is a URLSearchParams, before what the last page gave as next. */
export const gallery = (search, before, limit) =>
  call('GET', `/api/pictures?${new URLSearchParams([...search, ['limit', limit], ...(before ? [['before', before]] : [])])}`);

export const favourite = (id, on) => call('POST', `/api/pictures/${id}/favourite`, { json: { on } });

export const family = (id) => call('GET', `/api/pictures/${id}/family`);

export const models = () => call('GET', '/api/models').then((data) => data.models);

/** Return all that the owner's screen shows. */
export async function operate() {
  const [stats, { queue }, found, { audits }, { acts }, { people }, rules, device, meters] = await Promise.all([
    ...['stats', 'queue'].map((name) => call('GET', `/api/${name}`)), models(),
    ...['audit', 'acts', 'askers', 'rules', 'device'].map((name) => call('GET', `/api/${name}`)),
    fetch('/metrics', { credentials: 'same-origin' }).then((answer) => answer.text()),
  ]);
  return { stats, queue, models: found, audits, acts, people, rules, device, meters };
}

/** Load a model, or drop it from memory. */
export const modelAct = (model, what) => call('POST', '/api/models', { json: { model, what } });

export const jobLog = (id) => call('GET', `/api/jobs/${id}/log`);

export const act = (what, detail = {}) => call('POST', '/api/acts', { json: { what, detail } });

export const erase = (confirm, who) => call('POST', '/api/erase', { json: { confirm, who } });

export const ask = (body) =>
  call('POST', '/api/jobs', { json: body, tries: RETRIES_MS }).then((data) => data.jobs);

export const reproduceFile = (file, requestId) =>
  call('POST', `/api/reproduce?request_id=${requestId}`, { raw: file, tries: RETRIES_MS }).then((data) => data.jobs);

/** Return what a file tells of how it was painted, in words to be typed. */
export const readRecipe = (file) => call('POST', '/api/recipe', { raw: file, tries: RETRIES_MS });

export const cancel = (id) => call('POST', `/api/jobs/${id}/cancel`);

export const remove = (id) => call('POST', `/api/jobs/${id}/delete`);

let known = null;

/** Return what can be typed; asked for once. */
export const completions = () => {
  known ??= call('GET', '/api/completions').catch((problem) => { known = null; throw problem; });
  return known;
};

export const defaults = () => call('GET', '/api/defaults');

export const takeMask = (file) => call('POST', '/api/masks', { raw: file, tries: RETRIES_MS });

export const takeSketch = (file) => call('POST', '/api/sketches', { raw: file, tries: RETRIES_MS });

export const sketchFrom = (pictureId) => call('POST', `/api/sketches/from/${pictureId}`);

export const sketchUrl = (digest) => `/api/sketches/${digest}`;

export const pictureUrl = (id, form = 'png', recipe = 0, role = 'picture') => `/api/pictures/${id}/file?form=${form}&recipe=${recipe}${role === 'picture' ? '' : `&role=${role}`}`;

export const me = () => call('GET', '/api/me');

export const whoseLink = (link) => call('POST', '/api/link', { json: { link } });

export const enter = (link, password) => call('POST', '/api/enter', { json: { link, password } });

export const signIn = (name, password) => call('POST', '/api/sign-in', { json: { name, password } });

export const signOut = () => call('POST', '/api/sign-out');

export const changePassword = (old, fresh) => call('POST', '/api/password', { json: { old, new: fresh } });

export const shares = (id) => call('GET', `/api/pictures/${id}/share`);

export const share = (id, words) => call('POST', `/api/pictures/${id}/share`, { json: { words } });

export const unshare = (id) => call('POST', `/api/pictures/${id}/unshare`);
