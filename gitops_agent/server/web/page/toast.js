// Short news about what the viewer did, read out by screen readers, gone after a while.

import { signal } from "../vendor/signals.js";
import { html } from "./html.js";

const SHOWN = 8_000;
const toasts = signal([]);
let count = 0;

export function toast(text, { failed = false } = {}) {
  const entry = { id: ++count, text, failed };
  toasts.value = [...toasts.value, entry];
  setTimeout(() => {
    toasts.value = toasts.value.filter((each) => each !== entry);
  }, SHOWN);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map((each) => html`<div key=${each.id}
        class=${each.failed ? "toast toast-failed" : "toast"}>${each.text}</div>`)}
  </div>`;
}
