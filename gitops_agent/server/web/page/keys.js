// The keyboard. One listener; screens bring their own keys and take them away when they go. Keys do nothing while text is typed.

import { useLayoutEffect, useRef } from "../vendor/hooks.js";
import { go } from "./router.js";

const CHORD = 1_200;
const stack = [];
let prefix = "";
let prefixAt = 0;

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Adds keys, such as `{"j": next, "g r": toRollouts}`, while the component is on the screen. */
export function useKeys(keys) {
  const current = useRef(keys);
  current.current = keys;
  // Before the first paint: what can be seen can be steered.
  useLayoutEffect(() => {
    stack.push(current);
    return () => {
      stack.splice(stack.indexOf(current), 1);
    };
  }, []);
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) {
      return;
    }
    if (typing(event.target)) {
      if (event.key === "Escape") {
        event.target.blur();
      }
      return;
    }
    const chord = prefix && Date.now() - prefixAt < CHORD ? `${prefix} ${event.key}` : event.key;
    prefix = "";
    if (chord === "g") {
      prefix = "g";
      prefixAt = Date.now();
      return;
    }
    for (let index = stack.length - 1; index >= 0; index--) {
      const action = stack[index].current[chord];
      if (action) {
        event.preventDefault();
        action(event);
        return;
      }
    }
  });
}

export const NAVIGATION = {
  "g o": () => go("/"),
  "g h": () => go("/held"),
  "g r": () => go("/r"),
  "g d": () => go("/drift"),
  "g a": () => go("/agent"),
};
