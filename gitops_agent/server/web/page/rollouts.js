// Rollouts in a list: all of them, or those of an Application.

import { Ago } from "./clock.js";
import { html } from "./html.js";
import { Answer, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { to } from "./router.js";
import { State, stateOfRollout } from "./states.js";
import { t } from "./words.js";

export function Rollouts() {
  const resource = useResource("/rollouts");
  return html`<h1>${t("nav.rollouts")}</h1>
    <${Answer} resource=${resource}>${({ rollouts }) => html`<${Table} rollouts=${rollouts} />`}<//>`;
}

export function RolloutsTab({ ns, name }) {
  const resource = useResource("/rollouts");
  return html`<${Answer} resource=${resource}>${({ rollouts }) => html`<${Table}
      rollouts=${rollouts.filter(({ application }) => application?.namespace === ns && application.name === name)} />`}<//>`;
}

/** The address of a rollout, with the Application whose changes concern it. */
function rolloutAddress({ namespace, name, application }) {
  return to.rollout(namespace, name) + (application ? `?app=${encodeURIComponent(`${application.namespace}/${application.name}`)}` : "");
}

function Table({ rollouts }) {
  if (rollouts.length === 0) {
    return html`<${Empty} title=${t("rollouts.none")}><p class="muted">${t("rollouts.first")}</p><//>`;
  }
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("nav.rollouts")}><table class="table table-stack">
    <thead><tr><th scope="col">${t("rollouts.rollout")}</th><th scope="col">${t("rollouts.state")}</th>
      <th scope="col">${t("rollouts.weight")}</th><th scope="col">${t("rollouts.step")}</th>
      <th scope="col">${t("rollouts.where")}</th><th scope="col">${t("rollouts.changed")}</th></tr></thead>
    <tbody>${rollouts.map((row) => html`<tr key=${row.namespace + row.name}>
      <th scope="row" class="nowrap">
        <a href=${rolloutAddress(row)}>${row.namespace}/${row.name}</a> <span class="muted">${row.strategy}</span></th>
      <td class="nowrap"><${State} state=${stateOfRollout(row.outlook)} text=${row.outlook} /></td>
      <td class="nowrap" data-label=${t("rollouts.weight")}><${Weight} weight=${row.weight} /></td>
      <td class="nowrap" data-label=${t("rollouts.step")}>${row.step > 0 ? `${row.step}/${row.steps}` : "–"}</td>
      <td class="break">${row.message}</td>
      <td class="nowrap muted" data-label=${t("rollouts.changed")}><${Ago} at=${row.changedAt} bare /></td>
    </tr>`)}</tbody>
  </table></div>`;
}

/** What is in force, and what was asked for where that is not the same. */
export function Weight({ weight }) {
  return weight.verified
    ? html`<b>${weight.actual} %</b>`
    : html`<b>${weight.actual} %</b> <span class="muted">${t("rollouts.asked", { weight: weight.requested })}</span>`;
}
