// The Application as it is declared, what it follows, and who is notified.

import { Ago } from "./clock.js";
import { Commit } from "./commit.js";
import { Block } from "./copyable.js";
import { html } from "./html.js";
import { Answer } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { State } from "./states.js";
import { t } from "./words.js";

export function SpecTab({ path, application }) {
  const resource = useResource(`${path}/spec`);
  const { source, conditions, notifiers, hooks } = application;
  return html`
    <div class="columns">
      <section>
        <h2>${t("spec.source")}</h2>
        <dl class="facts">
          <div><dt>${t("spec.repository")}</dt><dd class="break">${source.repoURL}</dd></div>
          <div><dt>${t("spec.ref")}</dt><dd>${source.ref}, ${source.path || "."}</dd></div>
          <div><dt>${t("spec.seen")}</dt><dd><${Commit} commit=${source.seen} /></dd></div>
          <div><dt>${t("spec.applied")}</dt><dd><${Commit} commit=${source.applied} /></dd></div>
          ${source.verified && html`<div><dt>${t("spec.verified")}</dt><dd>${source.verified}</dd></div>`}
          ${source.unverified.length > 0 && html`<div><dt>${t("spec.unverified")}</dt><dd>
            <ul class="plain">${source.unverified.map((each) => html`<li key=${each}>${each}</li>`)}</ul></dd></div>`}
        </dl>
        ${conditions.length > 0 && html`<h2>${t("spec.conditions")}</h2><table class="table"><tbody>${conditions.map((each) => html`<tr key=${each.type}>
          <th scope="row">${each.type}</th><td>${each.status}</td><td>${each.reason}</td><td class="nowrap muted">
            <${Ago} at=${each.lastTransitionTime} bare /></td>
        </tr>`)}</tbody></table>`}
        ${hooks.length > 0 && html`<h2>${t("spec.hooks")}</h2><table class="table">
          <tbody>${hooks.map((each) => html`<tr key=${each.object}>
          <th scope="row" class="break">${each.object}</th><td>${each.moment}</td>
          <td>
            <${State} state=${{ Succeeded: "Healthy", Failed: "Degraded" }[each.state] ?? "Progressing"} text=${each.state}
                quiet />
            </td><td class="break">${each.message}</td>
        </tr>`)}</tbody></table>`}
        ${notifiers.length > 0 && html`<h2>${t("spec.notifiers")}</h2><table class="table">
          <tbody>${notifiers.map((each) => html`<tr key=${each.namespace + each.name}>
          <th scope="row">${each.name}</th><td>${each.provider}</td>
          <td>
            <${State} state=${{ True: "Healthy", False: "Degraded" }[each.ready] ?? "Unknown"}
                text=${each.message || t(`notifier.${each.ready === "True" ? "delivers" : each.ready === "False" ? "fails" : "unknown"}`)}
                quiet />
            </td>
        </tr>`)}</tbody></table>`}
      </section>
      <section>
        <h2>${t("spec.declared")}</h2>
        <${Answer} resource=${resource}>${(data) => html`<${Block} text=${data.yaml} name="YAML" />`}<//>
      </section>
    </div>
  `;
}
