/** Compiles exp(x) for an H100 with the plugin of the first argument; the second says where the data folder is from. */
import { compileFor } from "../../../lib/engine/xla/ahead_of_time.ts";
import { platformOverrides } from "../../../lib/engine/xla/compile_options.ts";
import { cudaData } from "../../../lib/engine/xla/cuda_data.ts";
import { loadPlugin } from "../../../lib/engine/xla/plugin.ts";
import { targets } from "../../../lib/engine/xla/targets/hopper.ts";

const [path, from] = Deno.args as [string, "search" | "alone"];
const { api } = loadPlugin(path);
const text = `module { func.func public @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = stablehlo.exponential %x : tensor<8xf32>
  return %0 : tensor<8xf32>
} }`;
const data = from === "search" ? cudaData(path).folder : undefined;
using program = compileFor(api, targets.h100, text, { overrides: platformOverrides("cuda", { data }) });
console.log(`compiled ${program.serialize().length} bytes`);
