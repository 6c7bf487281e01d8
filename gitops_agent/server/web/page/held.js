// Everything that waits for a person, the oldest first.

import { Ago } from "./clock.js";
import { Commit } from "./commit.js";
import { Command } from "./copyable.js";
import { html } from "./html.js";
import { Answer, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { to } from "./router.js";
import { State } from "./states.js";
import { t } from "./words.js";

export function Held() {
  const resource = useResource("/held");
  return html`<h1>${t("nav.held")}</h1>
    <${Answer} resource=${resource}>${({ items }) => items.length === 0
      ? html`<${Empty} title=${t("held.none")} />`
      : html`<ul class="cards">${items.map((item) => html`<${Item} key=${item.kind + item.hash + item.application.name}
          item=${item} />`)}</ul>`}<//>`;
}

function Item({ item }) {
  const { namespace, name } = item.application;
  const address = item.kind === "rollout" ? to.rollout(item.rollout.namespace, item.rollout.name) : item.kind === "plan" ? to.plan(namespace, name, item.hash.slice(0, 12)) : to.application(namespace, name);
  return html`<li class="card">
    <div class="head-line"><${State} state="Held" text=${t(`held.kind.${item.kind}`)} /> <a href=${address}>
      <strong>${item.kind === "rollout" ? `${item.rollout.namespace}/${item.rollout.name}` : `${namespace}/${name}`}</strong>
      </a>
      <span class="muted">${t("held.since")} <${Ago} at=${item.since} bare /></span></div>
    <p>${item.message} <code class="reason">${item.reason}</code></p>
    ${item.commit.short && html`<p><${Commit} commit=${item.commit} /></p>`}
    ${item.command && html`<${Command} text=${item.command} />`}
  </li>`;
}
