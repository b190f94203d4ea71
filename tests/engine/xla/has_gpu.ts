/** Says whether a GPU is found. */
import { hasNvidiaGpu } from "../../../lib/engine/discovery.ts";

console.log(hasNvidiaGpu());
