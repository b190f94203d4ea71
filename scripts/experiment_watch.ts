/** Display of `deno task reproduce` while an experiment runs. */
import type { Experiment } from "../lib/runs/experiment.ts";
import { duration, type Progress, showProgress } from "../lib/results/progress.ts";
import type { ExperimentEvent } from "../lib/runs/run_experiment.ts";
import type { Output } from "./command.ts";
import { TimeLeft } from "./time_left.ts";
import { percent } from "../lib/wording.ts";
import { oneLine, shortMessage } from "../lib/printable.ts";

/** Shows an experiment's events: a bar or lines for the run at hand, and the time left for all. */
export class ExperimentWatch {
  #progress?: Progress;
  #total = 0;
  #label = "";
  #left?: TimeLeft;
  #start = 0;
  /** Error of the last run that failed. */
  #why?: string;

  constructor(readonly experiment: Experiment, readonly output: Output) {}

  see(event: ExperimentEvent): void {
    switch (event.kind) {
      case "plan": {
        const due = event.due.length;
        if (due === 0) break;
        this.#left = new TimeLeft(event.due.map(({ configuration }) => configuration));
        this.output.error(
          `${this.experiment.name}: ${due} of ${event.runs} runs are to be made, about ${
            duration(event.seconds)
          }`,
        );
        break;
      }
      case "line":
        if (this.#progress) this.#progress.log(event.line);
        else this.output.error(event.line);
        break;
      case "start":
        this.#label = `[${event.run}/${event.runs}] ${event.cell.column}, ${event.cell.row}, seed ` +
          event.cell.configuration.seed;
        this.#start = performance.now();
        break;
      case "step":
        if (event.total !== this.#total) this.stop(); // from pre-training to fine-tuning
        this.#total = event.total;
        this.#progress ??= showProgress(this.#label, event.total, "steps");
        this.#progress.update(
          event.done,
          event.loss === undefined ? undefined : `loss ${event.loss.toFixed(3)}`,
        );
        break;
      case "end": {
        const seconds = this.#left!.after(event.record.seconds, (performance.now() - this.#start) / 1000);
        const left = event.runs - event.run;
        const rest = left === 0 ? "" : `; ${left} more in about ${duration(seconds)}`;
        this.stop(`test error ${percent(event.record.test.errorRate, 2)}${rest}`);
        break;
      }
      case "failed": {
        this.stop("stopped");
        const { message } = event.failure;
        this.output.error(
          `${this.#label} is not made: ${
            message === this.#why ? "the same" : shortMessage(oneLine(message))
          }`,
        );
        this.#why = message;
      }
    }
  }

  stop(note?: string): void {
    this.#progress?.stop(note);
    this.#progress = undefined;
  }
}
