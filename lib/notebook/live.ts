/** Watching a training: in a notebook as a curve of the loss with the time left, elsewhere as a bar or lines. */
import { escapeHtml, oneLine } from "../printable.ts";
import { type Progress, progressText, showProgress, Speed } from "../results/progress.ts";
import { fitting } from "./displayable.ts";
import { callback, requireArguments } from "../storage/arguments.ts";
import { text } from "../storage/json.ts";

/** The Deno kernel's function that sends a message to the notebook. */
export type Broadcast = (type: string, content: Record<string, unknown>) => Promise<void>;

/** The state of a training after a step. */
export interface WatchedStep {
  /** Number of steps done. */
  readonly step: number;
  /** Number of all steps. */
  readonly steps: number;
  /** The batch's loss, if known. */
  readonly loss?: number;
}

/**
 * Runs a training and draws the loss of its steps meanwhile.
 *
 * @param label the name above the curve
 * @param train runs the training; it gets a function to call after each step
 */
export async function watch<Result>(
  label: string,
  train: (onStep: (step: WatchedStep) => void) => Promise<Result>,
): Promise<Result> {
  requireArguments("watch", { label: [label, text], train: [train, callback] });
  const curve = new LiveCurve(label);
  try {
    return await train((step) => curve.step(step));
  } finally {
    await curve.end();
  }
}

/** Most points of a curve; when there are more, every other one is left out. */
const mostPoints = 400;

/** One display that shows several trainings after each other, each from its first step. */
export class LiveCurve {
  #label: string;
  #last: WatchedStep = { step: 0, steps: 0 };
  #losses: { step: number; loss: number }[] = [];
  #speed = new Speed();
  #progress?: Progress;
  #drawn?: number;
  #sent = Promise.resolve();
  readonly #transient = { display_id: crypto.randomUUID() };
  readonly #broadcast: Broadcast | undefined;

  /**
   * @param broadcast the kernel's function; undefined outside a notebook
   * @param pause least milliseconds between two drawings in a notebook
   */
  constructor(label: string, broadcast: Broadcast | undefined = kernelBroadcast(), readonly pause = 300) {
    this.#label = label;
    this.#broadcast = broadcast;
  }

  /** Begins another training. */
  next(label: string): void {
    this.#progress?.stop();
    this.#progress = undefined;
    this.#label = label;
    this.#last = { step: 0, steps: 0 };
    this.#losses = [];
    this.#speed = new Speed();
  }

  /** Shows a step. One that does not continue from the last step begins another training. */
  step(now: WatchedStep): void {
    const { step, steps, loss } = now;
    const before = this.#last;
    if (before.step > 0 && (step <= before.step || steps !== before.steps)) this.next(this.#label);
    this.#last = now;
    if (loss !== undefined) this.#losses.push({ step, loss });
    if (this.#losses.length > mostPoints) this.#losses = this.#losses.filter((_, place) => place % 2 === 1);
    const note = loss === undefined ? "" : `loss ${loss.toFixed(3)}`;
    if (!this.#broadcast) {
      this.#progress ??= showProgress(this.#label, steps, "steps");
      this.#progress.update(step, note);
    } else if (performance.now() - (this.#drawn ?? -Infinity) >= this.pause) {
      const text = progressText(step, steps, "steps", this.#speed.at(step));
      this.#draw(`${text}${note && `, ${note}`}`);
    }
  }

  /** Draws the curve that stays in the notebook, without times, so that it is the same on every machine. */
  async end(): Promise<void> {
    this.#progress?.stop();
    const { step, loss } = this.#last;
    this.#draw(`${step} steps${loss === undefined ? "" : `, loss ${loss.toFixed(3)} at the end`}`);
    await this.#sent;
  }

  #draw(text: string): void {
    const broadcast = this.#broadcast;
    if (!broadcast || this.#last.step === 0) return;
    const caption = oneLine(`${this.#label}: ${text}`);
    const picture = fitting(lossSvg(caption, this.#losses, this.#last.steps));
    const data = { "text/plain": caption, "image/svg+xml": picture };
    const type = this.#drawn === undefined ? "display_data" : "update_display_data";
    this.#drawn = performance.now();
    const content = { data, metadata: {}, transient: this.#transient };
    this.#sent = this.#sent.then(() => broadcast(type, content));
  }
}

/** Tells whether this process is a notebook's kernel. */
export function inNotebook(): boolean {
  return kernelBroadcast() !== undefined;
}

/** Returns the kernel's broadcast; undefined outside a notebook, where reading `Deno.jupyter` throws. */
export function kernelBroadcast(): Broadcast | undefined {
  try {
    return (Deno as unknown as { jupyter?: { broadcast: Broadcast } }).jupyter?.broadcast;
  } catch {
    return undefined;
  }
}

const [width, height, left, right, top, bottom] = [480, 170, 44, 472, 30, 146];

/** Draws a curve with its largest and smallest value; quicker than the figures of results/figures.ts. */
function lossSvg(caption: string, losses: readonly { step: number; loss: number }[], steps: number): string {
  const values = losses.map(({ loss }) => loss);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (loss: number) => high > low ? top + (bottom - top) * (high - loss) / (high - low) : top;
  const x = (step: number) => left + (right - left) * step / steps;
  const points = losses.map(({ step, loss }) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
  const text = (x: number, y: number, content: string, anchor = "start") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#444">${escapeHtml(content)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>',
    `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#bbb"/>`,
    `<polyline points="${points}" fill="none" stroke="#4c78a8" stroke-width="1.5"/>`,
    text(6, 15, caption),
    ...[...new Set([high, low])].filter(Number.isFinite).map((loss) =>
      text(left - 4, y(loss) + 4, loss.toFixed(2), "end")
    ),
    text(left, height - 8, "loss over steps"),
    text(right, height - 8, `${steps}`, "end"),
    "</svg>",
  ].join("");
}
