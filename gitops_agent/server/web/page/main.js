// The page starts here.

import { loadApplications } from "./applications.js";
import { html, render } from "./html.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { refresh } from "./resources.js";
import { route, startRouter } from "./router.js";
import { loadDetails, later } from "./later.js";
import { loadSession, session } from "./session.js";
import { applySettings } from "./settings.js";
import { Shell } from "./shell.js";
import { connection, reconnect } from "./stream.js";
import { startWords } from "./words.js";

const SignIn = later("SignIn");
const Shared = later("Shared");

let started = false;

// Whether there is a session and the first rows are asked for at once: without a session both answers say so.
async function start() {
  const rows = loadApplications();
  if (!(await loadSession())) {
    return;
  }
  if (started) {
    connection.value = { state: "connecting", since: Date.now() };
    refresh();
    reconnect();
  } else {
    started = true;
    startLive();
  }
  await rows;
}

function Page() {
  if (route.value.screen === "shared") {
    return html`<${Shared} />`;
  }
  return session.value.state === "out" ? html`<${SignIn} done=${start} />` : html`<${Shell} />`;
}

applySettings();
startRouter();
startKeys();
startWords().then(() => render(html`<${Page} />`, document.getElementById("page")));
// The file with the other screens is fetched at once where it is needed, else when the first screen stands.
if (route.value.screen !== "overview") {
  loadDetails();
}
// A share link is its own session, and shows nothing that the stream knows.
if (route.value.screen !== "shared") {
  start().then(loadDetails);
}
