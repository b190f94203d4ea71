/**
 * StableHLO rules of the LSTM, as loops. XLA compiled 16 unrolled tokens in 18 s and 32 in 69 s, but a loop over any
 * number of them in the time of a fine-tuning step.
 */
import { namesText, type Operand, StablehloEmitter, typesText } from "./emitter.ts";

type Inputs = Record<string, Operand>;
type Attributes = { readonly reverse: boolean };

/** A loop over tokens. */
interface Scan {
  /** Tensors [T, …]; a step gets one token's part […] of each. */
  readonly sequences: readonly Operand[];
  /** Tensors that every step gets. */
  readonly constants: readonly Operand[];
  /** The state before the first step. */
  readonly initial: readonly Operand[];
  /** Number of the state's tensors, from the first on, that are kept after each step. */
  readonly kept: number;
  /** `true` to go from the last token to the first. */
  readonly reverse: boolean;
  /** Returns the state after a step. */
  step(emit: StablehloEmitter, tokens: Operand[], constants: Operand[], state: Operand[]): Operand[];
}

/** Runs a loop; returns the kept tensors after each step [T, …], each at its token. */
function scan(
  emit: StablehloEmitter,
  { sequences, constants, initial, kept, reverse, step }: Scan,
): Operand[] {
  const T = sequences[0]!.shape[0]!;
  const results = initial.slice(0, kept).map(({ shape, type }) => emit.constant(0, type, [T, ...shape]));
  const carried = [emit.constant(0, "i32"), ...sequences, ...constants, ...initial, ...results];
  const inner = carried.map(({ shape, type }, i) => ({ name: `%carried${i}`, shape, type }));
  const counter = inner[0]!;
  let from = 1;
  const [sequence, constant, state, result] = [sequences, constants, initial, results]
    .map(({ length }) => inner.slice(from, from += length)) as [Operand[], Operand[], Operand[], Operand[]];

  const condition = new StablehloEmitter(emit.options, "%condition");
  const goesOn = condition.compare("LT", counter, T);
  const body = new StablehloEmitter(emit.options, "%body");
  const place = reverse ? body.subtract(T - 1, counter) : counter;
  const starts = (x: Operand) => [place, ...x.shape.slice(1).map(() => body.constant(0, "i32"))];
  const token = (x: Operand) => {
    const sizes = x.shape.with(0, 1);
    const operands = [x, ...starts(x)];
    const text = `stablehlo.dynamic_slice ${namesText(operands)}, sizes = [${sizes.join(", ")}]`;
    return body.reshape(body.typed(text, operands, { shape: sizes, type: x.type }), x.shape.slice(1));
  };
  const next = step(body, sequence.map(token), constant, state);
  const written = result.map((all, i) => {
    const operands = [all, body.reshape(next[i]!, [1, ...next[i]!.shape]), ...starts(all)];
    return body.typed(`stablehlo.dynamic_update_slice ${namesText(operands)}`, operands, all);
  });
  const after = [body.add(counter, 1), ...sequence, ...constant, ...next, ...written];

  const made = emit.several(
    [
      `stablehlo.while(${inner.map(({ name }, i) => `${name} = ${carried[i]!.name}`).join(", ")}) : ${
        typesText(carried)
      }`,
      "cond {",
      ...condition.lines,
      `stablehlo.return ${goesOn.name} : tensor<i1>`,
      "} do {",
      ...body.lines,
      `stablehlo.return ${namesText(after)} : ${typesText(after)}`,
      "}",
    ].join("\n"),
    carried,
  );
  return made.slice(made.length - kept);
}

/** c_t = m_t (σ(f) c_{t−1} + σ(i) tanh(g)), h_t = σ(o) tanh(c_t) with i, f, g, o = x_t + W h_{t−1}. */
export function lstm(
  emit: StablehloEmitter,
  { x, weight, real }: Inputs,
  { reverse }: Attributes,
): Operand[] {
  const [, B, gates] = x!.shape as [number, number, number];
  const units = gates / 4;
  const zeros = emit.constant(0, "f32", [B, units]);
  return scan(emit, {
    sequences: [x!, real!],
    constants: [weight!],
    initial: [zeros, zeros],
    kept: 2,
    reverse,
    step(emit, [x, real], [weight], [h, c]) {
      const sums = emit.add(x!, emit.dot(h!, weight!, { contract: [[1], [1]] }));
      const gate = (place: number, op: string) =>
        emit.unary(op, emit.slice(sums, [0, place * units], [B, units]));
      const [i, f, o] = [gate(0, "logistic"), gate(1, "logistic"), gate(3, "logistic")];
      const kept = emit.add(emit.multiply(f, c!), emit.multiply(i, gate(2, "tanh")));
      const cell = emit.multiply(real!, kept);
      return [emit.multiply(o, emit.unary("tanh", cell)), cell];
    },
  });
}

/** dx, from the last step to the first: the recurrence is in composites.ts. */
export function lstmGrad(
  emit: StablehloEmitter,
  { dy, weight, toGates, toCell, kept }: Inputs,
  { reverse }: Attributes,
): Operand {
  const [, B, gates] = toGates!.shape as [number, number, number];
  return scan(emit, {
    sequences: [dy!, toGates!, toCell!, kept!],
    constants: [weight!],
    initial: [emit.constant(0, "f32", [B, gates]), emit.constant(0, "f32", [B, gates / 4])],
    kept: 1,
    reverse: !reverse,
    step(emit, [dy, toGates, toCell, kept], [weight], [dGates, dLater]) {
      const dh = emit.add(dy!, emit.dot(dGates!, weight!, { contract: [[1], [0]] }));
      const dc = emit.add(emit.multiply(dh, toCell!), dLater!);
      return [emit.multiply(emit.concatenate([dc, dc, dc, dh], 1), toGates!), emit.multiply(dc, kept!)];
    },
  })[0]!;
}
