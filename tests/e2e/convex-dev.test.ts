import { convexDevStack } from "./convex-dev-stack.js";
import { describeDrift } from "./drift-suite.js";
import { describeFailures } from "./failures-suite.js";
import { describeMirror } from "./mirror-suite.js";
import { describeOptions } from "./options-suite.js";
import { describeRuns } from "./runs-suite.js";
import { describeZombies } from "./zombies-suite.js";

/** Run where `npx convex dev` has its backend (vitest.config.ts). */
describeMirror(convexDevStack);
describeRuns(convexDevStack);
describeZombies(convexDevStack);
describeOptions(convexDevStack);
describeFailures(convexDevStack);
describeDrift(convexDevStack);
