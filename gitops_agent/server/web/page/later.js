// Screens that come in a file of their own.

import { signal } from "../vendor/signals.js";
import { html } from "./html.js";
import { RefusalView, Waiting } from "./refusal_view.js";
import { addWords } from "./words.js";

const details = signal(null);
const failure = signal(null);
let asked = false;

export function loadDetails() {
  if (!asked) {
    asked = true;
    import("./details.js").then(
      (module) => {
        addWords(module.default.MORE);
        details.value = module.default;
      },
      (error) => {
        asked = false;
        failure.value = { status: 0, problem: { reason: "Unreachable", detail: error.message } };
      },
    );
  }
}

/** A component of that file, by its name. */
export function later(name) {
  return function Later(properties) {
    const Screen = details.value?.[name];
    if (Screen) {
      return html`<${Screen} ...${properties} />`;
    }
    loadDetails();
    return failure.value ? html`<${RefusalView} refusal=${failure.value} retry=${loadDetails} />` : html`<${Waiting} />`;
  };
}
