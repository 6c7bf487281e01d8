// All screens but the overview, in a file of their own: the first screen comes without them.

import { Agent } from "./agent.js";
import { Application } from "./application.js";
import { Drift } from "./drift.js";
import { Help } from "./help.js";
import { Held } from "./held.js";
import { HeldPlan } from "./held_plan.js";
import { MORE } from "./more_words.js";
import { NoApplications, NoRights } from "./no_applications.js";
import { Rollout } from "./rollout.js";
import { Rollouts } from "./rollouts.js";
import { ShareDialog } from "./share.js";
import { Shared } from "./shared.js";
import { SignIn } from "./sign_in.js";

export { Agent, Application, Drift, Held, HeldPlan, Help, MORE, NoApplications, NoRights, Rollout, Rollouts, ShareDialog, Shared, SignIn };
