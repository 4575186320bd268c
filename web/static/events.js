// What happens, over one WebSocket that opens again by itself and goes on behind the last event it saw.

const FIRST_MS = 400;
const LONGEST_MS = 8000;

export class Events {
  /** onEvent gets each event; onOpen(again) and onLost tell how the line stands. */
  constructor({ onEvent, onOpen, onLost }) {
    Object.assign(this, { onEvent, onOpen, onLost });
    this.last = 0;
    this.wait = FIRST_MS;
    this.opened = false;
    this.timer = null;
    this.socket = null;
    window.addEventListener('online', () => this.now());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.now(); });
  }

  start(after) {
    this.last = after;
    this.open();
  }

  /** Try at once where the line is down. */
  now() {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.open();
  }

  open() {
    this.timer = null;
    const origin = window.location.origin.replace(/^http/, 'ws');
    this.socket = new WebSocket(`${origin}/api/events?after=${this.last}`);
    this.socket.addEventListener('open', () => {
      this.wait = FIRST_MS;
      this.onOpen(this.opened);
      this.opened = true;
    });
    this.socket.addEventListener('message', ({ data }) => {
      const event = JSON.parse(data);
      if (event.id !== null) this.last = Math.max(this.last, event.id);
      this.onEvent(event);
    });
    this.socket.addEventListener('close', () => {
      this.onLost();
      this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(this.wait * 2, LONGEST_MS);
    });
  }
}
