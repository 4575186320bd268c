// The router: which screen the address names; the chat stays in the page, every other screen is built when it is opened.

const SCREENS = {
  pictures: () => import('./gallery.js'),
  picture: () => import('./view.js'),
  compare: () => import('./compare.js'),
  operate: () => import('./operate.js'),
};

/** Styles that no screen before needs; the chat's are in the page from the start. */
const STYLES = { pictures: ['screens'], picture: ['screens'], operate: ['screens', 'operate'] };

/** Screens that are part of another one. */
const UNDER = { picture: 'pictures', compare: 'chat' };

/** Return `{name, id, query}` of an address's hash; an unknown one is the chat. */
export function where(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name = '', id = ''] = path.split('/');
  return { name: name in SCREENS ? name : 'chat', id, query: new URLSearchParams(query) };
}

/** Put a style into the page once, and wait until it holds: nothing is seen unstyled. */
function styled(name) {
  const href = `/static/${name}.css`;
  const there = document.head.querySelector(`link[href="${href}"]`);
  if (there) return null;
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href, onload: resolve, onerror: () => { link.remove(); reject(new Error(name)); } });
    document.head.append(link);
  });
}

export class Router {
  /** page: what screens may do to the chat; onError(problem) says that a screen could not be opened. */
  constructor(page, onError) {
    Object.assign(this, { page, onError });
    this.root = document.getElementById('screen');
    this.chat = [document.getElementById('feed'), document.getElementById('composer')];
    this.leave = null;
    this.turn = 0;
    window.addEventListener('hashchange', () => this.go());
  }

  /** Go to an address at once. */
  to(hash) {
    if (window.location.hash !== hash) window.history.pushState(null, '', hash);
    return this.go();
  }

  /** Open what the address names: each screen module exports mount(root, {id, query}, page), which may return what
   *  ends it. */
  async go() {
    const { name, id, query } = where(window.location.hash);
    this.turn += 1;
    const { turn } = this;
    this.leave?.();
    this.leave = null;
    const chat = name === 'chat';
    for (const part of this.chat) part.hidden = !chat;
    this.root.hidden = chat;
    this.root.replaceChildren();
    this.root.dataset.screen = name;
    this.mark(name);
    if (chat) {
      this.page.chatShown();
      return;
    }
    this.root.focus();
    try {
      const [{ mount }] = await Promise.all([SCREENS[name](), ...(STYLES[name] ?? []).map(styled)]);
      if (turn !== this.turn) return;
      const leave = await mount(this.root, { id, query }, this.page);
      if (turn === this.turn) this.leave = leave ?? null;
      else leave?.();
    } catch (problem) {
      if (turn === this.turn) this.onError(this.root, problem);
    }
  }

  /** Say in the head which screen is open. */
  mark(name) {
    for (const link of document.querySelectorAll('.nav a')) {
      const here = link.dataset.screen === (UNDER[name] ?? name);
      if (here) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }
}
