// What events of the stream do to what is on the screen.

import { effect, signal } from "../vendor/signals.js";
import { segments } from "./api.js";
import { loadApplications, put, remove, keyOf, asOf } from "./applications.js";
import { serverTime } from "./clock.js";
import { refresh } from "./resources.js";
import { route } from "./router.js";
import { connection, startStream, subscribe } from "./stream.js";

/** When the agent was found to be another process, until everything was loaded again. */
export const restarted = signal(0);

let epoch = "";
let columns;

const handlers = {
  hello(data) {
    serverTime(data.time);
    columns = data.columns;
    if (epoch && epoch !== data.epoch) {
      restarted.value = Date.now();
      reload();
    }
    epoch = data.epoch;
  },
  rows(data) {
    put(data.rows, null, columns);
    asOf.value = new Date().toISOString();
  },
  gone(data) {
    remove(data.applications.map(({ namespace, name }) => keyOf(namespace, name)));
  },
  app(data) {
    const { namespace, name } = data.application;
    const path = `/applications${segments(namespace, name)}`;
    refresh((each) => each === path || each.startsWith(`${path}/`) || each.startsWith(`${path}?`) || isList(each));
  },
  agent() {
    refresh((path) => path.startsWith("/agent"));
  },
  reset() {
    reload();
  },
};

function isList(path) {
  return /^\/(rollouts|held|drift)/.test(path);
}

async function reload() {
  refresh();
  await loadApplications();
  restarted.value = 0;
}

export function startLive() {
  startStream(({ event, data }) => handlers[event]?.(JSON.parse(data)));
  effect(() => {
    const { screen, ns, name, query } = route.value;
    const application = screen === "rollout" ? query.app : ns && `${ns}/${name}`;
    subscribe(screen === "agent" ? ["agent"] : application ? [`app:${application}`] : []);
  });
  // Rows that changed while the stream was down come with the resume; open answers are asked for again.
  let before = "connecting";
  effect(() => {
    const { state } = connection.value;
    if (state === "live" && (before === "lost" || before === "refused")) {
      refresh();
    }
    before = state;
  });
}
