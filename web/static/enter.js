// The door: signing in by name and password, setting a password by a one-time link, and changing it.

import * as api from './api.js';
import { problemText, shown } from './dom.js';
import { choosing, t } from './i18n.js';

const LINK = /^#([A-Za-z0-9_-]{43})$/;
const part = (id) => document.getElementById(id);

/** Return the page to go on to: where somebody wanted to go, else the chat. */
const onward = () => (window.location.hash.startsWith('#/') ? `/${window.location.hash}` : '/');

/** What the form does: by a link, as a change of password, or as signing in. */
let submit = () => api.signIn(part('name').value, part('password').value);

function trouble(problem) {
  part('trouble').textContent = problem ? shown(problemText(problem)) : '';
  part('trouble').hidden = !problem;
}

/** Turn the form into one that asks for a new password. */
function forNew(title, told) {
  part('title').textContent = title;
  document.title = title;
  part('told').textContent = told;
  part('password-label').textContent = t('enter.new');
  part('password').autocomplete = 'new-password';
  part('password').minLength = 8;
  part('go').textContent = t('enter.set');
  part('lost').hidden = true;
  part('name').readOnly = true;
}

async function byLink(link) {
  try {
    const { name } = await api.whoseLink(link);
    part('name').value = name;
    forNew(t('enter.welcome', { name }), t('enter.choose'));
    submit = () => api.enter(link, part('password').value);
  } catch (problem) {
    trouble(problem);
  }
}

async function begin() {
  choosing(part('language'));
  const link = LINK.exec(window.location.hash)?.[1];
  if (link) {
    await byLink(link);
  } else if (new URLSearchParams(window.location.search).has('change')) {
    const { account } = await api.me();
    part('name').value = account ?? '';
    forNew(t('enter.change'), '');
    part('old-label').hidden = false;
    submit = () => api.changePassword(part('old').value, part('password').value);
  }
  (part('name').readOnly ? part('password') : part('name')).focus();
}

part('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  part('go').disabled = true;
  trouble(null);
  try {
    await submit();
    window.location.replace(onward());
  } catch (problem) {
    trouble(problem);
    part('go').disabled = false;
  }
});

begin().catch(trouble);
