// Who is signed in, in the head: the name, a new password, the way out; and share links of a picture.

import * as api from './api.js';
import { button, copy, el, problemText, shown } from './dom.js';
import { t } from './i18n.js';

/** Show who this browser speaks for; the owner's screen is for the owner alone. */
export async function standing(nav) {
  const { name, owner, account } = await api.me();
  document.getElementById('nav-operate').hidden = !owner;
  if (account === null || nav.querySelector('.account')) return;
  const out = button(t('account.out'), async () => { await api.signOut(); window.location.replace('/enter'); }, { kind: 'link' });
  nav.append(el('span', { class: 'account' }, el('a', { href: '/enter?change' }, shown(name, 40)), ' ', out));
}

/** Return what shares a picture: with its words or without, and ends it. */
export function sharing(picture) {
  const words = el('input', { type: 'checkbox' });
  const told = el('span', { role: 'status' });
  const place = el('span', {});
  const say = (problem) => { told.textContent = shown(problemText(problem)); };
  const count = (links) => { told.textContent = links ? t('share.holds', { count: links }) : ''; end.hidden = !links; };
  const make = button(t('share.make'), async () => {
    try {
      const { path } = await api.share(picture.id, words.checked);
      const link = new URL(path, window.location.href).href;
      place.replaceChildren(el('input', { readonly: true, value: link, 'aria-label': t('share.link') }));
      place.firstChild.select();
      await copy(link, t('share.link'));
      count((await api.shares(picture.id)).links);
    } catch (problem) { say(problem); }
  });
  const end = button(t('share.end'), async () => {
    try {
      await api.unshare(picture.id);
      place.replaceChildren();
      count(0);
    } catch (problem) { say(problem); }
  });
  end.hidden = true;
  api.shares(picture.id).then(({ links }) => count(links), say);
  return el('div', { class: 'shares' }, make, el('label', {}, words, ` ${t('share.words')}`), end, told, place);
}
