// Fields that are not as declared: which, what stands in Git and in the cluster, who wrote it, and since when.

import { Ago } from "./clock.js";
import { html } from "./html.js";
import { Answer, CannotSee, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { to } from "./router.js";
import { State } from "./states.js";
import { objectPath, objectText } from "./tree.js";
import { t } from "./words.js";

export function DriftTab({ path }) {
  const resource = useResource(`${path}/drift`);
  return html`<${DriftAnswer} resource=${resource} named=${false} />`;
}

export function Drift() {
  const resource = useResource("/drift");
  return html`<h1>${t("nav.drift")}</h1><${DriftAnswer} resource=${resource} named />`;
}

function DriftAnswer({ resource, named }) {
  return html`<${Answer} resource=${resource}>${(data) => html`
    <${CannotSee} kinds=${data.cannotSee} />
    ${data.objects.length === 0 ? html`<${Empty}
        title=${t("drift.none")} />` : data.objects.map((each) => html`<${DriftedObject}
        key=${each.application.name + objectPath(each.object)} drifted=${each} named=${named} />`)}
  `}<//>`;
}

function DriftedObject({ drifted, named }) {
  const { application, object, fields } = drifted;
  return html`<section class="drifted">
    <h2>${named && html`<a class="underlined"
        href=${to.application(application.namespace, application.name, "drift")}>${application.namespace}/${application.name}</a> `}<span
        class="object-name">${objectText(object)}</span>
      ${drifted.state && html` <span class="badge">${drifted.state}</span>`}</h2>
    ${drifted.missing && html`<p><${State} state="Missing" /></p>`}
    ${fields.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label=${objectText(object)}>
      <table class="table table-stack">
      <thead><tr><th scope="col">${t("diff.field")}</th><th scope="col">${t("drift.declared")}</th>
        <th scope="col">${t("drift.live")}</th><th scope="col">${t("drift.manager")}</th>
        <th scope="col">${t("drift.since")}</th></tr></thead>
      <tbody>${fields.map((field) => html`<tr key=${field.path}>
        <th scope="row" class="break"><code>${field.field}</code></th>
        <td class="break" data-label=${t("drift.declared")}>${value(field.declared)}</td>
        <td class="break" data-label=${t("drift.live")}><span class="new">${value(field.live)}</span></td>
        <td data-label=${t("drift.manager")}>${field.manager || "–"}</td>
        <td class="nowrap" data-label=${t("drift.since")}><${Ago} at=${field.since} bare /></td>
      </tr>`)}</tbody>
    </table></div>`}
    ${drifted.more > 0 && html`<p class="muted">${t("drift.more", { count: drifted.more })}</p>`}
  </section>`;
}

function value(each) {
  return each === null ? html`<span
      class="none">${t("diff.absent")}</span>` : typeof each === "string" ? each : JSON.stringify(each);
}
