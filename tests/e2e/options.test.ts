import { localStack } from "./local-stack.js";
import { describeOptions } from "./options-suite.js";

describeOptions(localStack);
