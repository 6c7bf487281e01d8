// The pods of each version of a rollout, and what carries its share of the traffic.

import { Ago } from "./clock.js";
import { html } from "./html.js";
import { State } from "./states.js";
import { t } from "./words.js";

/** The tag of an image, which people know a version by; empty where it has none. */
function tagOf(image) {
  const [name] = image.split("@");
  return /:([^/:]+)$/.exec(name)?.[1] ?? "";
}

export function Pods({ pods, cannotSee }) {
  return html`<div><dt>${t("rollout.pods")}</dt><dd>
    ${pods.map((each) => html`<${Side} key=${each.side + each.workload.name} pods=${each} />`)}
    ${cannotSee.map(({ kind, why }) => html`<div key=${kind}>
      <${State} state="Unknown" text=${t("rollout.podsHidden", { kind })} quiet /> <span class="muted">${why}</span></div>`)}
  </dd></div>`;
}

function Side({ pods }) {
  const { side, there, version, images, wanted, available, updated, workload } = pods;
  const state = !there ? "Missing" : available < wanted ? "Progressing" : "Healthy";
  const text = html`${t(`side.${side}`)} ${images.map(tagOf).find(Boolean) || version} <b>${available}/${wanted}</b>`;
  return html`<span class="side" title=${[`${workload.kind} ${workload.name}`, ...images].join("\n")}>
    <${State} state=${state} text=${there ? text : html`${t(`side.${side}`)} ${t("rollout.absent")}`} quiet />
    ${there && updated < wanted && html` <span class="muted">${t("rollout.renewed", { updated, wanted })}</span>`}
  </span>`;
}

export function Routes({ traffic, weight, active }) {
  return html`<div><dt>${t("rollout.routes")}</dt><dd>
    ${traffic.routes.map(({ kind, name }) => html`<span key=${kind + name} class="side">${kind} <b>${name}</b></span>`)}
    ${active && traffic.asked && html`<${State} state=${weight.verified ? "Healthy" : "Progressing"} quiet
        text=${html`${t(weight.verified ? "rollout.asAsked" : "rollout.notInForce")}: ${traffic.asked}`} />
      ${weight.verifiedAt && html` <span class="muted">${t("rollout.seen")} <${Ago} at=${weight.verifiedAt} /></span>`}`}
  </dd></div>`;
}
