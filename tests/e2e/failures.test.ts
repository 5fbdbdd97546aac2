import { describeFailures } from "./failures-suite.js";
import { localStack } from "./local-stack.js";

describeFailures(localStack);
