// What a viewer can do. An action that is not allowed keeps its place, and says why and which right would allow it: a button
// that fails after the click is no help. No action is blind: it names the version that is on the screen.

import { signal } from "../vendor/signals.js";
import { useState } from "../vendor/hooks.js";
import { request } from "./api.js";
import { Block, Command } from "./copyable.js";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { RefusalView } from "./refusal_view.js";
import { refresh } from "./resources.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

/** The action whose dialog is open: `{action, path, body, fields}`. */
const open = signal(null);

const FIELDS = {
  pause: ["reason", "for"],
  rollback: ["revision"],
  abort: ["reason"],
  promote: ["reason"],
};

const WHERE = { sync: true };

/** Starts an action: at once when it takes nothing and undoes nothing, else in a dialog. */
export function act(action, path, body, fields = FIELDS[action.verb] ?? []) {
  if (action.allowed && WHERE[action.verb]) {
    send(action, path, body);
  } else {
    open.value = { action, path, body, fields };
  }
}

async function send(action, path, body) {
  try {
    const answer = await request(`${path}/actions/${action.verb}`, { method: "POST", body });
    toast(answer.message || t("action.accepted", { verb: t(`verb.${action.verb}`) }));
    refresh();
    return null;
  } catch (refusal) {
    if (!open.value) {
      toast(t("action.refused", { verb: t(`verb.${action.verb}`), why: refusal.message }), { failed: true });
    }
    return refusal;
  }
}

export function ActionButton({ action, path, body, primary = false }) {
  return html`<button
    type="button"
    class=${primary ? "button button-primary" : "button"}
    aria-disabled=${action.allowed ? undefined : "true"}
    title=${action.allowed ? action.command : action.why}
    onClick=${() => act(action, path, body)}
  >${t(`verb.${action.verb}`)}</button>`;
}

export function ActionDialog() {
  return open.value && html`<${OpenAction} key=${open.value.path + open.value.action.verb} ...${open.value} />`;
}

function OpenAction({ action, path, body, fields }) {
  const [values, setValues] = useState({ for: "1h" });
  const [refusal, setRefusal] = useState(null);
  const [busy, setBusy] = useState(false);
  const close = () => {
    open.value = null;
  };
  const title = t(`verb.${action.verb}`);
  if (!action.allowed) {
    return html`<${Dialog} title=${t("action.notAllowed", { verb: title })} close=${close}>
      <p>${action.why}</p>
      ${action.rule && html`<p class="muted">${t("action.rule")}</p><${Block} text=${action.rule} name=${t("action.rule")} />`}
      ${action.command && html`<p class="muted">${t("action.same")}</p><${Command} text=${action.command} />`}
    <//>`;
  }
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    const given = Object.fromEntries(fields.filter((name) => values[name]).map((name) => [name, values[name]]));
    const refused = await send(action, path, { ...body, ...given });
    setBusy(false);
    setRefusal(refused);
    if (!refused) {
      close();
    }
  };
  return html`<${Dialog} title=${title} close=${close}>
    <form class="form" onSubmit=${submit}>
      <p>${t(`verb.${action.verb}.does`)}</p>
      ${fields.map((name) => html`<${Field} key=${name} name=${name} value=${values[name] ?? ""}
          required=${action.verb === "pause" && name === "reason"}
        change=${(value) => setValues({ ...values, [name]: value })} />`)}
      ${refusal && html`<${RefusalView} refusal=${refusal} />`}
      <div class="form-buttons">
        <button type="submit" class="button button-primary" disabled=${busy}>${title}</button>
        <button type="button" class="button" onClick=${close}>${t("dialog.cancel")}</button>
      </div>
      ${action.command && html`<p class="muted">${t("action.same")}</p><${Command} text=${action.command} />`}
    </form>
  <//>`;
}

const PAUSES = ["30m", "1h", "2h", "8h", "24h", "forever"];

function Field({ name, value, required, change }) {
  const input = (event) => change(event.currentTarget.value);
  return html`<label class="form-field"><span>${t(`field.${name}`)}</span>
    ${name === "for"
      ? html`<select value=${value} onChange=${input}>${PAUSES.map((each) => html`<option key=${each}
          value=${each}>${each === "forever" ? t("field.forever") : each}</option>`)}</select>`
      : html`<input type="text" value=${value} required=${required} maxlength="256" autocomplete="off" onInput=${input} />`}
  </label>`;
}
