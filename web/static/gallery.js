// The gallery screen.

import { el } from './dom.js';

/** Build the screen; what it returns is called when it is left. */
export async function mount(root) {
  root.append(el('h2', {}, 'Pictures'));
}
