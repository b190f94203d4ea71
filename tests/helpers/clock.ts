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
