/**
 * A stand-in for cuDNN's attention on a CPU: its calls in a program become functions of the same arguments and results,
 * written from the definition. As cuDNN does, they leave the gradients of padding keys and values as the memory was, which
 * here is full of NaN.
 */
import { type Operand, StablehloEmitter, typesText } from "../../../lib/graph/stablehlo/emitter.ts";

/** Puts the functions in place of the calls. @param isFaulty Tells for which lengths all gradients are NaN. */
export function withStandIn(text: string, isFaulty = (_tokens: number): boolean => false): string {
  const bodies = new Map<string, string>();
  const calls = text.replaceAll(
    /stablehlo\.custom_call @"__cudnn\$fmhaSoftmax(Backward)?"(\([^)]*\)) \{.*\} : \((.*)\) -> \((.*)\)/g,
    (_, backward: string | undefined, names: string, given: string, results: string) => {
      const operands = [...given.matchAll(/tensor<([\dx]*)x(\w+)>/g)].map(([, sizes, type], i) => ({
        name: `%a${i}`,
        shape: sizes!.split("x").map(Number),
        type,
      } as Operand));
      const name = `cudnn_${backward ? "backward" : "forward"}_${operands[0]!.shape.join("_")}`;
      bodies.set(name, functionOf(name, operands, results, isFaulty));
      return `func.call @${name}${names} : (${given}) -> (${results})`;
    },
  );
  return calls.replace(/\}\s*$/, `${[...bodies.values()].join("\n")}\n}\n`);
}

function functionOf(
  name: string,
  operands: readonly Operand[],
  results: string,
  isFaulty: (tokens: number) => boolean,
): string {
  const emit = new StablehloEmitter({
    precision: "f32",
    replicas: 1,
    fusedAttention: false,
    unfused: new Set(),
    widened: false,
  });
  const made = operands.length > 5 ? backward(emit, operands, isFaulty) : forward(emit, operands);
  const all = [...made, emit.constant(0, "ui8", [0])];
  const parameters = operands.map((operand) => `${operand.name}: ${typesText([operand])}`).join(", ");
  return [
    `func.func private @${name}(${parameters}) -> (${results}) {`,
    ...emit.lines,
    `return ${all.map(({ name }) => name).join(", ")} : ${typesText(all)}`,
    "}",
  ].join("\n");
}

/** Q Kᵀ / √D, and which keys [B, 1, 1, S] are no padding. */
function scoresOf(emit: StablehloEmitter, q: Operand, k: Operand, lengths: Operand) {
  const [B, T, , D] = q.shape as [number, number, number, number];
  const places = emit.iota([B, 1, 1, T], 3);
  const isReal = emit.compare("LT", places, emit.reshape(lengths, [B, 1, 1, 1]));
  const products = emit.dot(q, k, { batch: [[0, 2], [0, 2]], contract: [[3], [3]] });
  return { scores: emit.multiply(products, 1 / Math.sqrt(D)), isReal };
}

function forward(emit: StablehloEmitter, [q, k, v, , lengths]: readonly Operand[]): Operand[] {
  const [Q, K, V] = [q!, k!, v!].map((x) => emit.convert(x, "f32")) as [Operand, Operand, Operand];
  const { scores, isReal } = scoresOf(emit, Q, K, lengths!);
  const masked = emit.select(emit.broadcast(isReal, scores.shape), scores, -1e30);
  const largest = emit.reduce("maximum", masked, 3, { keep: true });
  const exponential = emit.unary("exponential", emit.subtract(masked, largest));
  const sums = emit.reduce("add", exponential, 3, { keep: true });
  const context = emit.dot(emit.binary("divide", exponential, sums), V, {
    batch: [[0, 1], [0, 2]],
    contract: [[3], [1]],
  });
  const statistics = emit.add(largest, emit.unary("log", sums));
  return [emit.convert(context, "bf16"), emit.reshape(statistics, scores.shape.slice(0, 3))];
}

function backward(
  emit: StablehloEmitter,
  [q, k, v, statistics, dy, y, , lengths]: readonly Operand[],
  isFaulty: (tokens: number) => boolean,
): Operand[] {
  const [Q, K, V, dY, Y] = [q!, k!, v!, dy!, y!].map((x) => emit.convert(x, "f32")) as [
    Operand,
    Operand,
    Operand,
    Operand,
    Operand,
  ];
  const { scores, isReal } = scoresOf(emit, Q, K, lengths!);
  const everywhere = emit.broadcast(isReal, scores.shape);
  const difference = emit.subtract(scores, emit.reshape(statistics!, [...statistics!.shape, 1]));
  const P = emit.select(everywhere, emit.unary("exponential", difference), 0);
  const dP = emit.dot(dY, V, { batch: [[0, 2], [0, 2]], contract: [[3], [3]] });
  const rowSums = emit.reduce("add", emit.multiply(dY, Y), 3, { keep: true });
  const inner = emit.subtract(dP, emit.transpose(rowSums, [0, 2, 1, 3]));
  const dScores = emit.multiply(emit.multiply(P, inner), 1 / Math.sqrt(q!.shape[3]!));
  const gradients = [
    emit.dot(dScores, K, { batch: [[0, 1], [0, 2]], contract: [[3], [1]] }),
    emit.dot(dScores, Q, { batch: [[0, 1], [0, 2]], contract: [[2], [1]] }),
    emit.dot(P, dY, { batch: [[0, 1], [0, 2]], contract: [[2], [1]] }),
  ];
  const isWritten = emit.transpose(isReal, [0, 1, 3, 2]);
  return gradients.map((x, i) => {
    const written = i === 0 ? x : emit.select(emit.broadcast(isWritten, x.shape), x, NaN);
    return emit.convert(isFaulty(q!.shape[1]!) ? emit.multiply(written, NaN) : written, "bf16");
  });
}
