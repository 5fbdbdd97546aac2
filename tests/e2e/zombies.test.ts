import { localStack } from "./local-stack.js";
import { describeZombies } from "./zombies-suite.js";

describeZombies(localStack);
