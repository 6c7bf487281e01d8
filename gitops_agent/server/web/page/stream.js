// The stream of changes: one for a browser, however many tabs show the page. Browsers allow six connections to an origin, and
// seven tabs with a stream each would wait for each other for ever. The tab that holds the lock connects, and relays what comes;
// when it closes, the lock passes on to another, which resumes after the last event. Where there are no locks (plain http on
// another host than localhost) each tab has its own stream, and none while it is hidden.

import { signal } from "../vendor/signals.js";
import { refusal } from "./api.js";
import { eventParser } from "./event_parser.js";

const NAME = "gitops-agent-stream";
const STALE = 40_000;
const LONGEST = 60_000;
const SETTLE = 150;

/** `connecting`, `live`, `lost`, `refused` or `signed-out`; with `since`, and `why` where the server said so. */
export const connection = signal({ state: "connecting", since: Date.now() });

const channel = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;
const tab = Math.random().toString(36).slice(2);
const wishes = new Map();

let take = () => {};
let lastByte = Date.now();
let lastId = "";
let leads = false;
let attempt = 0;
let timer = 0;
let abort = null;
let asked = "";

export function startStream(handler) {
  take = handler;
  if (channel) {
    channel.onmessage = ({ data }) => hear(data);
  }
  addEventListener("pagehide", () => tell({ kind: "topics", tab, topics: [] }));
  setInterval(check, 5_000);
  if (navigator.locks) {
    navigator.locks.request(NAME, () => {
      leads = true;
      tell({ kind: "who" });
      connect();
      return new Promise(() => {});
    });
  } else {
    leads = true;
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : connect()));
    connect();
  }
}

/** What this tab wants to hear of besides the rows. */
export function subscribe(topics) {
  wishes.set(tab, topics);
  tell({ kind: "topics", tab, topics });
  settle();
}

/** Connects at once, as after a sign-in. */
export function reconnect() {
  attempt = 0;
  if (leads) {
    connect();
  } else {
    tell({ kind: "reconnect" });
  }
}

function tell(message) {
  channel?.postMessage(message);
}

function hear(message) {
  if (message.kind === "event") {
    lastByte = Date.now();
    lastId = message.event.id ?? lastId;
    take(message.event);
  } else if (message.kind === "byte") {
    lastByte = Date.now();
  } else if (message.kind === "connection") {
    become(message.connection);
  } else if (message.kind === "who") {
    tell({ kind: "topics", tab, topics: wishes.get(tab) ?? [] });
  } else if (message.kind === "topics") {
    if (message.topics.length > 0) {
      wishes.set(message.tab, message.topics);
    } else {
      wishes.delete(message.tab);
    }
    if (leads) {
      tell({ kind: "connection", connection: connection.value });
      settle();
    }
  } else if (message.kind === "reconnect" && leads) {
    reconnect();
  }
}

function become(next) {
  if (connection.value.state !== next.state) {
    connection.value = { since: Date.now(), ...next };
  }
}

function announce(next) {
  become(next);
  tell({ kind: "connection", connection: connection.value });
}

function topics() {
  return ["rows", ...new Set([...wishes.values()].flat())].sort().join(",");
}

// Tabs open and close in bursts; the stream follows when they have settled.
function settle() {
  if (leads && connection.value.state !== "signed-out") {
    clearTimeout(timer);
    timer = setTimeout(() => topics() !== asked && connect(), SETTLE);
  }
}

function stop() {
  clearTimeout(timer);
  abort?.abort();
  abort = null;
}

// Full jitter: after a restart of the agent not all viewers come at once.
function later(least = 0) {
  clearTimeout(timer);
  const ceiling = Math.min(LONGEST, 1000 * 2 ** attempt++);
  timer = setTimeout(connect, least + Math.random() * ceiling);
}

async function connect() {
  stop();
  const mine = new AbortController();
  abort = mine;
  asked = topics();
  const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
  try {
    const response = await fetch(`/api/v1/stream?topics=${encodeURIComponent(asked)}`, {
      headers,
      signal: mine.signal,
      cache: "no-store",
    });
    if (response.status === 401 || response.status === 403) {
      announce({ state: "signed-out", why: (await refusal(response)).message });
      return;
    }
    if (!response.ok) {
      const seconds = Number(response.headers.get("Retry-After")) || 0;
      announce({ state: "refused", why: (await refusal(response)).message });
      later(seconds * 1000);
      return;
    }
    await read(response.body, mine);
  } catch {
    if (abort !== mine) {
      return;
    }
  }
  if (abort === mine && connection.value.state !== "signed-out") {
    announce({ state: "lost" });
    later(pause);
    pause = 0;
  }
}

let pause = 0;

async function read(body, mine) {
  const parse = eventParser((event) => {
    lastId = event.id ?? lastId;
    if (event.event === "bye") {
      pause = JSON.parse(event.data).retryMs ?? 0;
    } else if (event.event === "signed-out") {
      announce({ state: "signed-out", why: JSON.parse(event.data).why });
    } else {
      take(event);
      tell({ kind: "event", event });
    }
  });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  while (abort === mine) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    attempt = 0;
    lastByte = Date.now();
    announce({ state: "live" });
    tell({ kind: "byte" });
    parse(value);
  }
}

// A connection can be dead without an error: a laptop that slept, a proxy that forgot it.
function check() {
  const { state } = connection.value;
  if (state === "live" && Date.now() - lastByte > STALE) {
    become({ state: "lost" });
    if (leads) {
      announce({ state: "lost" });
      connect();
    }
  }
}
