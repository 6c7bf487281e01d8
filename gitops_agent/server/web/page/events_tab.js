// Kubernetes Events of the Application, newest first.

import { Ago } from "./clock.js";
import { html } from "./html.js";
import { Prose } from "./prose.js";
import { Answer, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { State } from "./states.js";
import { number, t } from "./words.js";

export function EventsTab({ path }) {
  const resource = useResource(`${path}/events`);
  return html`<${Answer} resource=${resource}>${(data) => data.events.length === 0
    ? html`<${Empty} title=${t("events.none")} />`
    : html`<div class="scroll" tabindex="0" role="region" aria-label=${t("tab.events")}><table class="table">
        <thead><tr><th scope="col">${t("events.at")}</th><th scope="col">${t("events.reason")}</th>
          <th scope="col">${t("events.object")}</th><th scope="col">${t("events.message")}</th></tr></thead>
        <tbody>${data.events.map((event, index) => html`<tr key=${event.at + event.reason + index}>
          <td class="nowrap">
            <${Ago} at=${event.at} bare />${event.times > 1 && html` <span class="muted">×${number(event.times)}</span>`}</td>
          <td class="nowrap"><${State} state=${event.type === "Warning" ? "Degraded" : "Healthy"} text=${event.reason} quiet />
            </td>
          <td class="nowrap" title=${event.object}>${shortObject(event.object)}</td>
          <td class="break"><${Prose} text=${event.message} /></td>
        </tr>`)}</tbody>
      </table></div>`}<//>`;
}

/** `Deployment web` of `apps/Deployment:shop/web`: here all objects are of one application. */
function shortObject(text) {
  return text.replace(/^(?:[^/:]*\/)?([^/:]+):(?:[^/]*\/)?/, "$1 ");
}
