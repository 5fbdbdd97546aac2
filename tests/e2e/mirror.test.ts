import { localStack } from "./local-stack.js";
import { describeMirror } from "./mirror-suite.js";

describeMirror(localStack);
