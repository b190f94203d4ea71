/** The parameters of a BERT in an ONNX file as PyTorch's exporter writes it. */
import protobuf from "protobufjs/minimal.js";
import { InputError } from "../errors.ts";
import { elementTypes } from "../graph/onnx/proto.ts";
import { shown } from "../storage/byte_source.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { elementCount } from "./elements.ts";

/**
 * Returns the parameters by Hugging Face's names. Most initializers have these names; the matrices are initializers
 * that nodes MatMul read, [inputs, outputs], and a node's name is the path of its layer.
 *
 * @param file its name, for errors
 * @throws InputError if it is no ONNX model with parameters in float32.
 */
export function onnxParameters(bytes: Uint8Array, file: string): HostTensors {
  const initializers: [string, HostTensor][] = [];
  const matrices = new Map<string, string>();
  try {
    for (const { bytes: graph } of fields(bytes, 7)) { // ModelProto.graph
      for (const { bytes: tensor } of fields(graph, 5)) initializers.push(readTensor(tensor)); // initializer
      for (const { bytes: node } of fields(graph, 1)) { // node
        const [, input] = textsOf(node, 1), [path] = textsOf(node, 3);
        const layer = path && /^\/(.+)\/MatMul$/.exec(path)?.[1];
        if (input && layer) matrices.set(input, `${layer.replaceAll("/", ".")}.weight`);
      }
    }
  } catch (error) {
    throw new InputError(`Cannot read ${file} as an ONNX model: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (initializers.length === 0) {
    throw new InputError(`Cannot read ${file} as an ONNX model: it holds no parameters`);
  }
  return Object.fromEntries(initializers.map(([name, tensor]) => {
    const matrix = matrices.get(name);
    return matrix === undefined ? [`bert.${name}`, tensor] : [`bert.${matrix}`, transposed(tensor)];
  }));
}

/** Reads a TensorProto of float32 with its bytes in raw_data. */
function readTensor(message: Uint8Array): [name: string, tensor: HostTensor] {
  const name = textsOf(message, 8)[0] ?? "";
  const shape = fields(message, 1).map(({ value }) => value);
  const [type] = fields(message, 2), [raw] = fields(message, 9);
  if (type?.value !== elementTypes.float32 || raw?.bytes.length !== 4 * elementCount(shape)) {
    throw new Error(`"${shown(name)}" should be ${elementCount(shape)} numbers of float32`);
  }
  return [name, { shape, data: new Float32Array(new Uint8Array(raw.bytes).buffer) }];
}

/** Returns a matrix [inputs, outputs] as [outputs, inputs]. */
function transposed({ shape, data }: HostTensor): HostTensor {
  const [rows, columns] = shape as [number, number];
  const found = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      found[column * rows + row] = data[row * columns + column]!;
    }
  }
  return { shape: [columns, rows], data: found };
}

/** A field of a message: the bytes of a text or a message, or the value of a number. */
interface Field {
  readonly bytes: Uint8Array;
  readonly value: number;
}

/** Returns a message's fields of this number, in their order. */
function fields(message: Uint8Array, wanted: number): Field[] {
  const found: Field[] = [];
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32(), [field, wire] = [tag >>> 3, tag & 7];
    if (field !== wanted || wire !== 0 && wire !== 2) reader.skipType(wire);
    else if (wire === 0) found.push({ bytes: new Uint8Array(), value: Number(reader.int64()) });
    else found.push({ bytes: reader.bytes(), value: NaN });
  }
  return found;
}

/** Returns the texts of a message's fields of this number. */
function textsOf(message: Uint8Array, wanted: number): string[] {
  return fields(message, wanted).map(({ bytes }) => new TextDecoder().decode(bytes));
}
