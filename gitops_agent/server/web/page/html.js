// Templates: `html` makes Preact elements out of tagged template literals, so there is no build step. Text in them is always
// text: nothing in the page writes markup from a string.

import { h, render, Fragment } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export const html = htm.bind(h);

export { render, Fragment };
