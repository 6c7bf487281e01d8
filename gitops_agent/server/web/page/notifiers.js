// The Notifiers: what was delivered, what waits and why, and a test message for each.

import { useSignal } from "../vendor/signals.js";
import { request, segments } from "./api.js";
import { Ago } from "./clock.js";
import { html } from "./html.js";
import { refresh } from "./resources.js";
import { State } from "./states.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

export function Notifiers({ notifiers }) {
  return html`<section><h2>${t("spec.notifiers")}</h2>
    <div class="scroll" tabindex="0" role="region" aria-label=${t("spec.notifiers")}><table class="table table-stack">
      <thead class="sr-only"><tr><th scope="col">${t("spec.notifiers")}</th><th scope="col">${t("rollouts.state")}</th>
        <th scope="col">${t("events.message")}</th><th scope="col">${t("notifier.messages")}</th>
        <th scope="col">${t("notifier.test")}</th></tr></thead>
      <tbody>${notifiers.map((each) => html`<${Notifier} key=${`${each.receiver.namespace}/${each.receiver.name}`} notifier=${each} />`)}</tbody>
    </table></div></section>`;
}

const STATE = { True: ["Healthy", "delivers"], False: ["Degraded", "fails"] };

function Notifier({ notifier }) {
  const { receiver } = notifier;
  const [state, word] = STATE[receiver.ready] ?? ["Unknown", "unknown"];
  const why = receiver.message || notifier.failure;
  return html`<tr>
    <th scope="row">${receiver.name} <span class="muted">${receiver.provider}</span></th>
    <td><${State} state=${state} text=${t(`notifier.${word}`)} /></td>
    <td class="break">${why}${notifier.failedAt && html` <span class="muted"><${Ago} at=${notifier.failedAt} /></span>`}</td>
    <td class="nowrap muted">
      ${notifier.pending > 0 && html`<b>${t("agent.pending", { count: notifier.pending })}</b> `}
      ${notifier.dropped > 0 && html`<b>${t("agent.dropped", { count: notifier.dropped })}</b> `}
      ${notifier.delivered > 0 && t("notifier.delivered", { count: notifier.delivered })}
      ${notifier.deliveredAt && html` · <${Ago} at=${notifier.deliveredAt} />`}</td>
    <td><${Test} notifier=${notifier} /></td>
  </tr>`;
}

// The answer of the agent comes with the Notifier's status, and names the request that it answers.
function Test({ notifier }) {
  const asked = useSignal("");
  const { namespace, name } = notifier.receiver;
  const answered = asked.value && notifier.test?.answered === asked.value;
  const send = async () => {
    try {
      const answer = await request(`/notifiers${segments(namespace, name)}/actions/test`, { method: "POST", body: {} });
      asked.value = Object.values(answer.written)[0];
      refresh((path) => path === "/agent");
    } catch (refusal) {
      toast(t("notifier.testRefused", { name, why: refusal.message }), { failed: true });
    }
  };
  const shown = answered || (!asked.value && notifier.test) ? notifier.test : null;
  return html`<button type="button" class="button" aria-label=${t("notifier.testName", { name })} disabled=${Boolean(asked.value) && !answered}
      onClick=${send}>${t("notifier.test")}</button>
    <span role="status">${asked.value && !answered && html` <span class="muted">${t("notifier.testing")}</span>`}${shown && html` <${State}
      state=${shown.delivered ? "Healthy" : "Degraded"} quiet text=${html`${t(shown.delivered ? "notifier.testArrived" : "notifier.testFailed")} <span
      class="muted">${shown.message} <${Ago} at=${shown.at} /></span>`} />`}</span>`;
}
