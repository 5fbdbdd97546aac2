import { localStack } from "./local-stack.js";
import { describeRuns } from "./runs-suite.js";

describeRuns(localStack);
