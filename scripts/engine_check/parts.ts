/** The parts of the check of an engine: what each does, and in how many processes and seconds. */
import { fusedAttention } from "./attention.ts";
import type { CheckContext } from "./context.ts";
import { hostTime, memory, speeds } from "./device.ts";
import { donation, masks, opening, operations } from "./operations.ts";
import { losses, model, resuming } from "./training.ts";

/** A part of the check. */
export interface Part {
  /** What is checked, for people. */
  readonly title: string;
  /** Most seconds of each of its processes. */
  readonly seconds: number;
  /** Processes, one after the other, which share a folder; 1 if not given. */
  readonly stages?: number;
  readonly run: (context: CheckContext) => Promise<void>;
}

/** The parts in their order, the most telling first; without the first one no other is run. */
export const parts: Readonly<Record<string, Part>> = {
  open: { title: "opening the devices", seconds: 90, run: opening },
  operations: { title: "operations beside TensorFlow.js", seconds: 180, run: operations },
  model: { title: "a tiny BERT beside PyTorch", seconds: 120, run: model },
  losses: { title: "ten losses beside PyTorch", seconds: 180, run: losses },
  masks: { title: "dropout masks", seconds: 60, run: masks },
  donation: { title: "state updated in place", seconds: 90, run: donation },
  resume: { title: "resuming in another process", seconds: 120, stages: 3, run: resuming },
  attention: { title: "cuDNN's attention beside plain", seconds: 180, run: fusedAttention },
  memory: { title: "memory that runs out", seconds: 120, run: memory },
  speeds: { title: "copies and products", seconds: 120, run: speeds },
  host: { title: "the host's time a step", seconds: 180, run: hostTime },
};
