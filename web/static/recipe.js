// The recipe in a file somebody brings, of ours or of another tool: its words are offered, and what is lost is said.

import * as api from './api.js';
import { button, el, shown } from './dom.js';
import { t } from './i18n.js';

const MOST_NOTES = 8;

/** Put what a file tells of itself into a place once it is read; a file that tells nothing leaves no trace. */
export async function offerRecipe(place, file, retype) {
  let found;
  try {
    found = await api.readRecipe(file);
  } catch {
    return;
  }
  if (!place.isConnected) return;
  const notes = found.notes.slice(0, MOST_NOTES).map((note) => el('li', {}, shown(note, 300)));
  place.append(el('section', { class: 'brought', 'aria-label': t('brought.label') },
    el('p', { class: 'told' }, `${t('brought.tool', { tool: shown(found.tool) })} `, button(t('brought.use'), () => retype(found.words))),
    notes.length ? el('ul', { class: 'notes' }, ...notes) : null));
}
