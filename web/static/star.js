// The star that makes a picture a favourite, wherever one is shown.

import * as api from './api.js';
import { button } from './dom.js';
import { t } from './i18n.js';

/** Return the star of a picture; trouble(problem) hears what went wrong. */
export function star(picture, trouble) {
  const press = button(t('pictures.favourite'), async () => {
    try {
      picture.favourite = (await api.favourite(picture.id, !picture.favourite)).favourite;
      press.setAttribute('aria-pressed', String(picture.favourite));
    } catch (problem) {
      trouble(problem);
    }
  }, { glyph: 'star', kind: 'star' });
  press.setAttribute('aria-pressed', String(picture.favourite));
  return press;
}
