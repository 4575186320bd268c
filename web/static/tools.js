// What may be pressed on a card: the same actions in the same words as on every face, laid out by how many Pictures there are.

import { pictureUrl } from './api.js';
import { button, copy, el, icon } from './dom.js';
import { t } from './i18n.js';

const ONE = ['upscale', 'vary', 'strong', 'reroll', 'remix'];
const SEVERAL = ['reroll', 'remix'];
const CHOSEN = ['upscale', 'vary', 'strong'];
const LAST = ['sketch', 'reproduce', 'info'];
const EACH = [['upscale', 'U', 'reroll'], ['vary', 'V', 'remix']];
const FEW = 4;
/** Words that make several Jobs. */
const SETS = /\{.*,.*\}|--(repeat|r)\b/s;

/** Return the rows of a card: its Pictures that are there, the one picked, and what the Job as a whole offers.
 *  does: press(action, picture, button event), choose(picture), and what the card itself does by name. */
export function rows(sheet, stored, picked, does) {
  const whole = ['cancel'].filter((action) => sheet.actions.includes(action))
    .map((action) => button(t(`action.${action}`), does.cancel, { kind: 'stop' }));
  if (!picked) return [row('', [...whole, ...ended(sheet, does)])].filter(Boolean);
  const many = sheet.pictures.length;
  const offer = (actions, picture = picked) => actions.filter((action) => picture.actions.includes(action))
    .map((action) => button(t(`action.${action}`), (event) => does.press(event, action, picture), { kind: 'pill' }));
  const last = row('rest', [
    ...LAST.filter((action) => picked.actions.includes(action)).map((action) =>
      button(t(`action.${action}`), (event) => does.press(event, action, picked), { kind: 'quiet' })),
    many > 1 || SETS.test(sheet.typed) ? el('a', { class: 'quiet', href: `#/compare/${sheet.id}` }, t('card.grid')) : null,
    picked.actions.includes('reroll') ? button(t('composer.plot'), (event) => does.press(event, 'plot', picked), { kind: 'quiet' }) : null,
    removal(sheet, does),
    el('span', { class: 'aside' }, picked.command ? command(picked) : null, save(picked)),
  ]);
  if (many === 1) return [row('', [...whole, ...offer(ONE)]), last];
  if (many > FEW) {
    return [row('', [...whole, which(stored, picked, does), ...offer(CHOSEN)]), row('', offer(SEVERAL)), last];
  }
  const each = EACH.map(([action, letter, other]) => row('each', [
    el('span', { class: 'which', role: 'group', 'aria-label': t(`action.${action}`) },
      ...stored.filter((picture) => picture.actions.includes(action)).map((picture) => numbered(action, letter, picture, does))),
    ...offer([other]),
  ]));
  return [whole.length ? row('', whole) : null, ...each, last].filter(Boolean);
}

/** Return what is offered where nothing was painted: ask again, remix, the words typed. */
function ended(sheet, does) {
  const [first] = sheet.pictures;
  const again = ['smaller', 'again'].filter((action) => sheet.actions.includes(action))
    .map((action) => button(t(`action.${action}`), (event) => does.press(event, action, first)));
  const others = ['remix', 'info'].filter((action) => again.length && first.actions.includes(action))
    .map((action) => button(t(`action.${action}`), (event) => does.press(event, action, first)));
  const typed = sheet.typed && again.length ? [button(t('card.retype'), does.retype)] : [];
  return [...again, ...others, ...typed, removal(sheet, does)];
}

function removal(sheet, does) {
  return sheet.actions.includes('delete') ? button(t('action.delete'), does.remove, { kind: 'quiet' }) : null;
}

function numbered(action, letter, picture, does) {
  const number = picture.index + 1;
  const pressed = button(`${letter}${number}`, (event) => does.press(event, action, picture));
  const label = `${t(`action.${action}`)}, ${t('card.picture', { number })}`;
  pressed.setAttribute('aria-label', label);
  pressed.title = label;
  return pressed;
}

/** Return the menu that chooses among more Pictures than have buttons of their own. */
function which(stored, picked, does) {
  const menu = el('select', { class: 'menu', 'aria-label': t('card.which'), on: { change: () => does.choose(menu.value) } },
    ...stored.map((picture) => el('option', { value: picture.id, selected: picture === picked },
      t('card.seed', { number: picture.index + 1, seed: picture.seed }))));
  return menu;
}

function command(picture) {
  return button(t('card.copy'), () => copy(picture.command, t('card.command')), { glyph: 'copy' });
}

function save(picture) {
  return el('a', {
    class: 'icon', href: pictureUrl(picture.id, 'png', 1), download: `limner-${picture.id}.png`, title: t('card.save'),
    'aria-label': t('card.save'),
  }, icon('save'));
}

function row(kind, children) {
  const there = children.filter(Boolean);
  return there.length ? el('div', { class: `row ${kind}` }, ...there) : null;
}
