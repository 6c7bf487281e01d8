// Follows logs. The server ends a stream when the containers end, after half an hour and with the session; then this asks again
// from the last line it has, and leaves out what comes twice. Nothing is followed while the tab is hidden: browsers allow six
// connections to an origin.

import { refusal } from "./api.js";
import { eventParser } from "./event_parser.js";

// Older lines go.
const KEPT = 5000;
const OVERLAP = 30_000;
const LONGEST = 15_000;

/** Calls `show({lines, dropped, problems, refusal, state})` after each change until the returned function is called. */
export function followLogs(address, show) {
  let lines = [];
  let known = new Set();
  let count = 0;
  let dropped = 0;
  let problems = new Map();
  let abort = null;
  let timer = 0;
  let quiet = 0;

  const tell = (state, problem = null) => show({ lines, dropped, problems: [...problems.values()], refusal: problem, state });

  const take = (data) => {
    const fresh = data.lines.filter((line) => !known.has(identity(line)));
    for (const line of fresh) {
      line.id = count++;
    }
    quiet = fresh.length > 0 ? 0 : quiet;
    dropped += data.dropped + Math.max(0, lines.length + fresh.length - KEPT);
    lines = [...lines, ...fresh].slice(-KEPT);
    tell("following");
  };

  const again = (least) => {
    timer = setTimeout(connect, Math.min(LONGEST, least * 2 ** quiet++));
  };

  async function connect() {
    stop();
    const mine = new AbortController();
    abort = mine;
    const newest = lines[lines.length - 1]?.at;
    const since = newest ? `&since=${new Date(Date.parse(newest) - OVERLAP).toISOString()}` : "";
    known = new Set(lines.filter(({ at }) => Date.parse(newest) - Date.parse(at) <= 2 * OVERLAP).map(identity));
    try {
      const response = await fetch(`/api/v1${address}${since}`, { headers: { Accept: "text/event-stream" }, signal: mine.signal });
      if (!response.ok) {
        tell("lost", await refusal(response));
        if (response.status >= 500 || response.status === 429) {
          again(5_000);
        }
        return;
      }
      problems = new Map();
      tell("following");
      let pause = 1_000;
      const parse = eventParser(({ event, data }) => {
        const value = JSON.parse(data);
        if (event === "lines") {
          take(value);
        } else if (event === "problem") {
          problems.set(`${value.pod}/${value.container}`, value);
          tell("following");
        } else if (event === "bye") {
          pause = value.retryMs;
        } else if (event === "signed-out") {
          pause = 0;
        }
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done && abort === mine; part = await reader.read()) {
        parse(part.value);
      }
      if (abort === mine) {
        tell(pause ? "waiting" : "lost");
        if (pause) {
          again(pause);
        }
      }
    } catch {
      if (abort === mine) {
        tell("lost");
        again(1_000);
      }
    }
  }

  function stop() {
    clearTimeout(timer);
    abort?.abort();
    abort = null;
  }

  const turn = () => (document.hidden ? stop() : connect());
  document.addEventListener("visibilitychange", turn);
  if (!document.hidden) {
    connect();
  }
  return () => {
    document.removeEventListener("visibilitychange", turn);
    stop();
  };
}

function identity({ at, pod, container, text }) {
  return `${at} ${pod}/${container} ${text}`;
}
