// What happens, over one WebSocket that opens again by itself and goes on behind the last event it saw.

const FIRST_MS = 400;
const LONGEST_MS = 8000;
const ASLEEP_MS = 20000;

export class Events {
  /** onEvent gets each event; onOpen(again) and onLost tell how the line stands. */
  constructor({ onEvent, onOpen, onLost }) {
    Object.assign(this, { onEvent, onOpen, onLost });
    this.last = 0;
    this.wait = FIRST_MS;
    this.opened = false;
    this.timer = null;
    this.socket = null;
    this.hidden = 0;
    // Where the network goes, a line may stay open and say nothing for ever: it is not trusted afterwards.
    window.addEventListener('offline', () => this.end());
    window.addEventListener('online', () => { this.end(); this.now(); });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.hidden = Date.now();
      else if (Date.now() - this.hidden > ASLEEP_MS) this.end();
      if (!document.hidden) this.now();
    });
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
    const socket = new WebSocket(`${origin}/api/events?after=${this.last}`);
    this.socket = socket;
    socket.addEventListener('open', () => {
      if (socket !== this.socket) return;
      this.wait = FIRST_MS;
      this.onOpen(this.opened);
      this.opened = true;
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.socket) return;
      const event = JSON.parse(data);
      if (event.id !== null) this.last = Math.max(this.last, event.id);
      this.onEvent(event);
    });
    socket.addEventListener('close', () => { if (socket === this.socket) this.again(); });
  }

  /** Give a line up, whatever it says of itself. */
  end() {
    const { socket } = this;
    if (!socket) return;
    this.again();
    socket.close();
  }

  again() {
    this.socket = null;
    this.onLost();
    this.timer = setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_MS);
  }
}
