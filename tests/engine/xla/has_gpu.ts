/** Says whether a GPU is found. */
import { hasNvidiaGpu } from "../../../lib/engine/xla/discovery.ts";

console.log(hasNvidiaGpu());
