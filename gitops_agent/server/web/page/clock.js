// Times as people say them. The server's clock counts, since a viewer's may be wrong by minutes; the text is made anew every
// ten seconds, and nothing else in the page changes with the clock.

import { signal } from "../vendor/signals.js";
import { html } from "./html.js";
import { language } from "./settings.js";
import { t } from "./words.js";

const TICK = 10_000;
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

let skew = 0;
const tick = signal(0);
setInterval(() => tick.value++, TICK);

export function serverTime(time) {
  const at = Date.parse(time);
  if (!Number.isNaN(at)) {
    skew = at - Date.now();
    tick.value++;
  }
}

export function now() {
  return tick.value >= 0 ? Date.now() + skew : 0;
}

/** Seconds since a time, or null where there is none. */
export function age(time) {
  const at = Date.parse(time);
  return Number.isNaN(at) ? null : Math.max(0, (now() - at) / 1000);
}

/** `9 min`, in the unit that fits. */
export function span(seconds) {
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[UNITS.length - 1];
  const short = { style: "unit", unit, unitDisplay: unit === "day" ? "narrow" : "short" };
  return new Intl.NumberFormat(language.value, short).format(Math.floor(seconds / size));
}

function absolute(time) {
  const at = new Date(time);
  const parts = { dateStyle: "medium", timeStyle: "medium" };
  return Number.isNaN(at.getTime()) ? "" : new Intl.DateTimeFormat(language.value, parts).format(at);
}

export function clockTime(time) {
  const at = new Date(time);
  const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  return Number.isNaN(at.getTime()) ? "" : new Intl.DateTimeFormat(language.value, parts).format(at);
}

/** How long ago, with the absolute time in its title; `bare` leaves the word "ago" out, `until` counts to the future. */
export function Ago({ at, bare = false }) {
  const seconds = age(at);
  if (seconds === null) {
    return null;
  }
  const text = span(seconds);
  return html`<time datetime=${at} title=${absolute(at)}>${bare ? text : t("time.ago", { span: text })}</time>`;
}

export function Until({ at }) {
  const seconds = (Date.parse(at) - now()) / 1000;
  if (Number.isNaN(seconds)) {
    return null;
  }
  const text = seconds > 0 ? t("time.in", { span: span(seconds) }) : t("time.due");
  return html`<time datetime=${at} title=${absolute(at)}>${text}</time>`;
}
