/** A process of its own for tests: prints where a file of a model is, or why it cannot be had. */
import { hubFile } from "../../lib/storage/hub.ts";

const [id, path] = Deno.args;
try {
  console.log(await hubFile({ type: "model", id: id! }, path!, { onProgress: console.error }));
} catch (error) {
  console.log((error as Error).message);
  Deno.exit(1);
}
