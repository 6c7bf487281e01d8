// Reads text/event-stream. EventSource would do the same, but it hides the status of a refused connection, and heartbeats: and
// the page has to know of both.

/** Returns a function that takes text as it comes and calls `take({event, data, id})` for each whole event. */
export function eventParser(take) {
  let rest = "";
  let current = {};
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (current.data !== undefined) {
          take({ event: "message", ...current });
        }
        current = {};
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") {
        current.data = current.data === undefined ? value : `${current.data}\n${value}`;
      } else if (field === "event" || field === "id") {
        current[field] = value;
      }
    }
  };
}
