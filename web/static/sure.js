// A question before many jobs: nothing was accepted yet.

import { button, el } from './dom.js';

/** Ask whether so many jobs are meant; resolves to true or false, and the dialog is gone. */
export function sure(jobs) {
  const dialog = document.getElementById('sure');
  return new Promise((resolve) => {
    const answer = (meant) => { dialog.returnValue = meant ? 'yes' : ''; dialog.close(); };
    dialog.returnValue = '';
    dialog.replaceChildren(
      el('h2', { id: 'sure-title' }, `Paint ${jobs} jobs?`),
      el('p', {}, 'These words make that many at once. Nothing was asked for yet.'),
      el('p', { class: 'answers' },
        button(`Paint ${jobs}`, () => answer(true), { kind: 'send-many' }),
        button('Not now', () => answer(false))),
    );
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}
