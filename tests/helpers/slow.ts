/** Tests that take long: `deno task test` leaves them out, `deno task test:all` runs them. */

type Register = (name: string, fn: () => void | Promise<void>, options?: { ignore?: boolean }) => void;

const leftOut = Deno.env.get("BERTLAB_TESTS") !== "all";

/** The place of `Deno.test` for slow tests. Where one is left out it is counted as ignored, and its name says why. */
export const test: { readonly slow: Register } = {
  slow(name, fn, { ignore = false } = {}) {
    Deno.test({
      name: leftOut ? `${name} (slow: deno task test:all)` : name,
      ignore: ignore || leftOut,
      fn,
    });
  },
};

/** For one of many like tests: a few quick ones are always run, the others are slow tests. */
export const slowUnless = (quick: boolean): Register =>
  quick ? (name, fn, { ignore = false } = {}) => Deno.test({ name, ignore, fn }) : test.slow;
