// All screens but the overview, in a file of their own: the first screen comes without them.

import { Agent } from "./agent.js";
import { Application } from "./application.js";
import { Drift } from "./drift.js";
import { Held } from "./held.js";
import { HeldPlan } from "./held_plan.js";
import { Rollout } from "./rollout.js";
import { Rollouts } from "./rollouts.js";
import { SignIn } from "./sign_in.js";

export { Agent, Application, Drift, Held, HeldPlan, Rollout, Rollouts, SignIn };
