// A question before many jobs: nothing was accepted yet.

import { button, el } from './dom.js';
import { t } from './i18n.js';

/** Ask whether so many jobs are meant; resolves to true or false, and the dialog is gone. */
export function sure(jobs) {
  const dialog = document.getElementById('sure');
  return new Promise((resolve) => {
    const answer = (meant) => { dialog.returnValue = meant ? 'yes' : ''; dialog.close(); };
    dialog.returnValue = '';
    dialog.replaceChildren(
      el('h2', { id: 'sure-title' }, t('sure.title', { count: jobs })),
      el('p', {}, t('sure.text')),
      el('p', { class: 'answers' },
        button(t('sure.yes', { count: jobs }), () => answer(true), { kind: 'main' }),
        button(t('sure.no'), () => answer(false))),
    );
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}
