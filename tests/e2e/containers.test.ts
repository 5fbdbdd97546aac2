import { containerStack } from "./container-stack.js";
import { describeDrift } from "./drift-suite.js";
import { describeFailures } from "./failures-suite.js";
import { describeMirror } from "./mirror-suite.js";
import { describeOptions } from "./options-suite.js";
import { describeRuns } from "./runs-suite.js";
import { describeZombies } from "./zombies-suite.js";

/** Run where a container engine answers (vitest.config.ts): what holds on the local deployment holds on Convex. */
describeMirror(containerStack);
describeRuns(containerStack);
describeZombies(containerStack);
describeOptions(containerStack);
describeFailures(containerStack);
describeDrift(containerStack);
