/** A cache folder for a test alone. */
import { withEnvironment } from "./environment.ts";
import { inFolder } from "./in_folder.ts";

/** Runs a test with an empty cache, which is removed at the end. */
export const withCache = (test: (folder: string) => Promise<void>): Promise<void> =>
  inFolder((folder) => withEnvironment({ BERTLAB_CACHE: folder }, () => test(folder)));
