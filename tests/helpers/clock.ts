/** A clock for a test alone, which stands still until it is set. */

/** The time that `performance.now` tells. */
export interface Clock {
  /** Since the test began. */
  seconds: number;
}

/** Runs a test in which time passes only when the test says so. */
export async function withClock(test: (clock: Clock) => Promise<void> | void): Promise<void> {
  const clock = { seconds: 0 };
  performance.now = () => 1000 * clock.seconds;
  try {
    await test(clock);
  } finally {
    delete (performance as Partial<Performance>).now; // the prototype's again
  }
}

/** Steps that were made, and what notes them. */
export interface Watched {
  readonly steps: number[];
  readonly onStep: (done: number) => void;
}

/** Notes a run's steps, each of which takes half a minute of the clock; with the error "stopped" it ends at one. */
export function watchSteps(stopAt = Infinity, clock?: Clock): Watched {
  const steps: number[] = [];
  const onStep = (done: number) => {
    if (done === stopAt) throw new Error("stopped");
    steps.push(done);
    if (clock) clock.seconds += 30;
  };
  return { steps, onStep };
}
